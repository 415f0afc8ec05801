"""Classic mistakes in adaptive max pooling."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "adaptive_max_pool2d_forward_cpu", "adaptive_max_pool2d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="last of equals",
        kernel=FORWARD,
        find="value > best",
        replace="value >= best",
        says="if elements are equal, the first one counts: > instead of >=",
    ),
    Mutant(
        name="NaN loses",
        kernel=FORWARD,
        find=" or math.isnan(value)",
        replace="",
        says="a NaN was skipped: every comparison with NaN is false, so test for NaN itself",
    ),
    Mutant(
        name="end rounded down",
        kernel=FORWARD,
        find="w_end = -(-(w_out + 1) * W_in // W_out)",
        replace="w_end = (w_out + 1) * W_in // W_out",
        says="the end of a window is rounded up, so windows overlap if the input size is not a multiple of the output size",
    ),
    Mutant(
        name="only the last window",
        kernel=BACKWARD,
        find="acc += grad_y",
        replace="acc = grad_y",
        says="an element that is the largest of several windows gets the sum of their gradients",
    ),
]
