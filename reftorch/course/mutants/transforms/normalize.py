"""The classic mistakes in the normalization of images."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="divided before centred",
        kernel="normalize_forward_cpu",
        find="(x[n, c, h, w] - mean[c]) / std[c]",
        replace="x[n, c, h, w] / std[c] - mean[c]",
        says="the mean has the unit of the image: subtract it first, then divide",
    ),
    Mutant(
        name="brackets forgotten",
        kernel="normalize_forward_cpu",
        find="(x[n, c, h, w] - mean[c]) / std[c]",
        replace="x[n, c, h, w] - mean[c] / std[c]",
        says="only the mean is divided; divide the whole difference",
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
        says="every channel has its own mean",
    ),
    Mutant(
        name="slope forgotten",
        kernel="normalize_backward_x_cpu",
        find="grad_y[n, c, h, w] / std[c]",
        replace="grad_y[n, c, h, w]",
        says="y grows by 1 / std for each unit of x, so the gradient is divided by std too",
    ),
    Mutant(
        name="slope inverted",
        kernel="normalize_backward_x_cpu",
        find="grad_y[n, c, h, w] / std[c]",
        replace="grad_y[n, c, h, w] * std[c]",
        says="forward multiplies x by 1 / std, so backward multiplies the gradient by 1 / std, not by std",
    ),
    Mutant(
        name="mean's sign",
        kernel="normalize_backward_mean_cpu",
        find="-total",
        replace="total",
        says="a larger mean makes y smaller: its gradient has a minus sign",
    ),
    Mutant(
        name="last pixel instead of the sum",
        kernel="normalize_backward_std_cpu",
        find="total += y",
        replace="total = y",
        says="the deviation divides every pixel of its channel: its gradient is the sum over all of them, += and not =",
    ),
    Mutant(
        name="deviation treated as a mean",
        kernel="normalize_backward_std_cpu",
        find="y[n, c, h, w] * grad_y[n, c, h, w]",
        replace="grad_y[n, c, h, w]",
        says="the derivative of a pixel with respect to the deviation is proportional to y; this is the gradient of the mean",
    ),
]
