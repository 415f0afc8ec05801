"""The classic mistakes in the normalization of images."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="divided before centred",
        kernel="normalize_forward_cpu",
        find="(x[n, c, h, w] - mean[c]) / std[c]",
        replace="x[n, c, h, w] / std[c] - mean[c]",
        says="the mean is in the units of the image: take it away first, then divide",
    ),
    Mutant(
        name="brackets forgotten",
        kernel="normalize_forward_cpu",
        find="(x[n, c, h, w] - mean[c]) / std[c]",
        replace="x[n, c, h, w] - mean[c] / std[c]",
        says="only the mean is divided; the whole difference has to be",
    ),
    Mutant(
        name="divided by the variance",
        kernel="normalize_forward_cpu",
        find="std[c]",
        replace="(std[c] * std[c])",
        says="divide by the standard deviation, not by its square",
    ),
    Mutant(
        name="first channel's mean for all",
        kernel="normalize_forward_cpu",
        find="mean[c]",
        replace="mean[0]",
        says="every channel has a mean of its own",
    ),
    Mutant(
        name="slope forgotten",
        kernel="normalize_backward_x_cpu",
        find="grad_y[n, c, h, w] / std[c]",
        replace="grad_y[n, c, h, w]",
        says="y grows by 1 / std for each unit of x, so the gradient is divided by std too",
    ),
    Mutant(
        name="slope turned round",
        kernel="normalize_backward_x_cpu",
        find="grad_y[n, c, h, w] / std[c]",
        replace="grad_y[n, c, h, w] * std[c]",
        says="the gradient goes back through the same factor as x went forward: 1 / std, not std",
    ),
    Mutant(
        name="mean's sign",
        kernel="normalize_backward_mean_cpu",
        find="-total",
        replace="total",
        says="a larger mean makes y smaller: its gradient has a minus",
    ),
    Mutant(
        name="last pixel instead of the sum",
        kernel="normalize_backward_std_cpu",
        find="total += y",
        replace="total = y",
        says="the deviation touches every pixel of its channel: its gradient is the sum over them, += and not =",
    ),
    Mutant(
        name="deviation treated as a mean",
        kernel="normalize_backward_std_cpu",
        find="y[n, c, h, w] * grad_y[n, c, h, w]",
        replace="grad_y[n, c, h, w]",
        says="how much a pixel depends on the deviation is proportional to its y; this is the mean's gradient",
    ),
]
