"""Classic mistakes in max pooling."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "max_pool3d_forward_cpu", "max_pool3d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="starts from zero",
        kernel=FORWARD,
        find="best = y.dtype.type(lowest)\n                    found = -1",
        replace="best = y.dtype.type(0)\n                    found = 0",
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
        find="k_w * dil_w",
        replace="k_w",
        says="the elements of a window are `dilation` positions apart: element k of the window is k * dilation after its start",
    ),
    Mutant(
        name="padding added",
        kernel=FORWARD,
        find="- pad_w + k_w",
        replace="+ pad_w + k_w",
        says="the first window begins before the input, at -padding",
    ),
    Mutant(
        name="only the last window",
        kernel=BACKWARD,
        find="grad_x[n, c, d_in, h_in, w_in] += grad_y",
        replace="grad_x[n, c, d_in, h_in, w_in] = grad_y",
        says="an element that is the largest of several windows gets the sum of their gradients",
    ),
    Mutant(
        name="index of another row",
        kernel=FORWARD,
        find="found = (d_in * H_in + h_in) * W_in + w_in",
        replace="found = (d_in * H_in + h_in) * W_out + w_in",
        says="an index counts columns of the input, not of the output",
    ),
]
