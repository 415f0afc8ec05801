"""Classic mistakes in unfold."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "unfold_forward_cpu", "unfold_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="k before c",
        kernel=FORWARD,
        find="y[n, c, k_h, k_w, h_out, w_out] = value",
        replace="y[n, c, min(k_w, K_h - 1), min(k_h, K_w - 1), h_out, w_out] = value",
        says="within a channel, a block is stored row by row: the row index comes before the column index",
    ),
    Mutant(
        name="padding added",
        kernel=FORWARD,
        find="- pad_h",
        replace="+ pad_h",
        says="the padding is above the image: the first block starts at row -pad_h",
    ),
    Mutant(
        name="dilation left out",
        kernel=FORWARD,
        find="k_w * dil_w",
        replace="k_w",
        says="neighbouring elements of a block are dil_w columns apart",
    ),
    Mutant(
        name="wraps around",
        kernel=FORWARD,
        find="if 0 <= h_in < H_in and 0 <= w_in < W_in",
        replace="if h_in < H_in and w_in < W_in",
        says="a negative row counts from the end in Python: outside the image there is a zero",
    ),
    Mutant(
        name="gradient of the last block",
        kernel=BACKWARD_X,
        find="acc += ",
        replace="acc = ",
        says="a pixel is in several blocks, so its gradient is the sum over all of them: += instead of =",
    ),
    Mutant(
        name="gradient through a block that is not there",
        kernel=BACKWARD_X,
        find="if h_even and 0 <= h_out < H_out",
        replace="if 0 <= h_out < H_out",
        says="with a stride, not every row begins a block: the division must leave no remainder",
    ),
]
