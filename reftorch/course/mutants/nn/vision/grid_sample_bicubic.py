"""Classic mistakes in bicubic sampling."""

from reftorch.course.mutants import Mutant

FORWARD = "grid_sample_bicubic_forward_cpu"
BACKWARD_X, BACKWARD_GRID = "grid_sample_bicubic_backward_x_cpu", "grid_sample_bicubic_backward_grid_cpu"

MUTANTS = [
    Mutant(
        name="columns and rows exchanged",
        kernel=FORWARD,
        find="h_at = place(x, grid[n, h_out, w_out, 1]",
        replace="h_at = place(x, grid[n, h_out, w_out, 0]",
        says="in the grid, the column comes first, then the row",
    ),
    Mutant(
        name="taps one pixel too late",
        kernel=FORWARD,
        find="w_in = tap(w_0 + k_w,",
        replace="w_in = tap(w_0 + k_w + 1,",
        says="the four pixels are two on each side of the position: they begin one pixel before its left neighbour",
    ),
    Mutant(
        name="rows never padded",
        kernel=FORWARD,
        find="h_in = tap(h_0 + k_h, H_in, padding,",
        replace="h_in = tap(h_0 + k_h, H_in, 0,",
        says="padding_mode is applied to the row and the column of each of the 16 pixels",
    ),
    Mutant(
        name="only the last output",
        kernel=BACKWARD_X,
        find="+= weight * g",
        replace="= weight * g",
        says="a pixel that several outputs read gets the sum of their gradients",
    ),
    Mutant(
        name="weight of the column left out",
        kernel=BACKWARD_X,
        find="weight *= cubic(grad_x, t_w - grad_x.dtype.type(k_w))",
        replace="weight *= grad_x.dtype.type(1)",
        says="the weight of a pixel is the product of its weights along rows and columns",
    ),
    Mutant(
        name="curve in place of its derivative",
        kernel=BACKWARD_GRID,
        find="w_acc += cubic(x, u_h) * cubic_slope(x, u_w)",
        replace="w_acc += cubic(x, u_h) * cubic(x, u_w)",
        says="if the position moves along the row, the weights of the columns change by the derivative of the curve",
    ),
    Mutant(
        name="always the whole width",
        kernel=BACKWARD_GRID,
        find="x.dtype.type(W_in - 1 if align_corners else W_in)",
        replace="x.dtype.type(W_in)",
        says="with aligned corners a step from -1 to 1 crosses W - 1 pixels",
    ),
]
