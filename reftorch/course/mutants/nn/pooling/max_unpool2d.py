"""Classic mistakes in max unpooling."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "max_unpool2d_forward_cpu", "max_unpool2d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="added instead of written",
        kernel=FORWARD,
        find="] = x[n, c, h_in, w_in]",
        replace="] += x[n, c, h_in, w_in]",
        says="if several elements have the same index, only the last one is kept: assign, do not add",
    ),
    Mutant(
        name="index in the input",
        kernel=FORWARD,
        find="y[n, c, found // W_out, found % W_out]",
        replace="y[n, c, found // W_in, found % W_in]",
        says="an index counts columns of the output, which has more columns than the input",
    ),
    Mutant(
        name="index in the input, backward",
        kernel=BACKWARD,
        find="grad_y[n, c, found // W_out, found % W_out]",
        replace="grad_y[n, c, found // W_in, found % W_in]",
        says="an index counts columns of the output, which has more columns than the input",
    ),
]
