"""Classic mistakes in linear interpolation."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "upsample_linear1d_forward_cpu", "upsample_linear1d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="weights exchanged",
        kernel=FORWARD,
        find="(x.dtype.type(1) - t) * x[n, c, a] + t * x[n, c, b]",
        replace="t * x[n, c, a] + (x.dtype.type(1) - t) * x[n, c, b]",
        says="the nearer element has the larger weight: t is the distance from the first element, and the weight of the second",
    ),
    Mutant(
        name="corners always aligned",
        kernel=FORWARD,
        find="linear_taps(x, w_out, scale_w, align_corners, W_in)",
        replace="linear_taps(x, w_out, scale_w, True, W_in)",
        says="without aligned corners, the position is scale * (w_out + 1/2) - 1/2",
    ),
    Mutant(
        name="second element twice",
        kernel=FORWARD,
        find="x[n, c, a]",
        replace="x[n, c, b]",
        says="the result is a weighted mean of two elements, a and b",
    ),
    Mutant(
        name="only the last output",
        kernel=BACKWARD,
        find="acc += k_w",
        replace="acc = k_w",
        says="an element that several outputs use gets the sum of their gradients",
    ),
    Mutant(
        name="gradient without the weight",
        kernel=BACKWARD,
        find="k_w * grad_y",
        replace="grad_y",
        says="the derivative of an output with respect to an element is the weight of the element",
    ),
]
