"""Classic mistakes in max pooling."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "max_pool1d_forward_cpu", "max_pool1d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="starts from zero",
        kernel=FORWARD,
        find="best = y.dtype.type(lowest)\n            found = -1",
        replace="best = y.dtype.type(0)\n            found = 0",
        says="a window of negative elements gave 0: start with minus infinity",
    ),
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
        name="dilation left out",
        kernel=FORWARD,
        find="k * dil",
        replace="k",
        says="the elements of a window are `dilation` positions apart: element k of the window is k * dilation after its start",
    ),
    Mutant(
        name="padding added",
        kernel=FORWARD,
        find="- pad + k",
        replace="+ pad + k",
        says="the first window begins before the input, at -padding",
    ),
    Mutant(
        name="only the last window",
        kernel=BACKWARD,
        find="grad_x[n, c, l_in] += grad_y",
        replace="grad_x[n, c, l_in] = grad_y",
        says="an element that is the largest of several windows gets the sum of their gradients",
    ),
]
