"""Classic mistakes in sampling of images."""

from reftorch.course.mutants import Mutant

FORWARD = "grid_sample_forward_cpu"
BACKWARD_X, BACKWARD_GRID = "grid_sample_backward_x_cpu", "grid_sample_backward_grid_cpu"

MUTANTS = [
    Mutant(
        name="columns and rows exchanged",
        kernel=FORWARD,
        find="h_at, h_slope = place(x, grid[n, h_out, w_out, 1]",
        replace="h_at, h_slope = place(x, grid[n, h_out, w_out, 0]",
        says="in the grid, the column comes first, then the row",
    ),
    Mutant(
        name="no padding",
        kernel=FORWARD,
        find="w_at, w_slope = place(x, grid[n, h_out, w_out, 0], W_in, padding,",
        replace="w_at, w_slope = place(x, grid[n, h_out, w_out, 0], W_in, 0,",
        says="padding_mode was not used for the columns",
    ),
    Mutant(
        name="corners always aligned",
        kernel=FORWARD,
        find="H_in, padding, align_corners",
        replace="H_in, padding, True",
        says="without aligned corners -1 and 1 are the outer edges of the border pixels",
    ),
    Mutant(
        name="weight of the column left out",
        kernel=FORWARD,
        find="acc += k_h * k_w *",
        replace="acc += k_h *",
        says="the weight of a pixel is the product of its weights along rows and columns",
    ),
    Mutant(
        name="only the last output",
        kernel=BACKWARD_X,
        find="grad_x[n, c, h_in, w_in] += k_h",
        replace="grad_x[n, c, h_in, w_in] = k_h",
        says="a pixel that several outputs read gets the sum of their gradients",
    ),
    Mutant(
        name="never rounded",
        kernel=BACKWARD_X,
        find="if taps == 1:",
        replace="if taps == 3:",
        says="with mode='nearest' the gradient goes to the nearest pixel, which forward has read",
    ),
    Mutant(
        name="gradient beyond the border",
        kernel=BACKWARD_GRID,
        find="w_acc * w_slope",
        replace="w_acc * x.dtype.type(W_in) / x.dtype.type(2)",
        says="the derivative of a position that was moved to the border is 0; that of a reflected position can be negative",
    ),
    Mutant(
        name="weights without their sign",
        kernel=BACKWARD_GRID,
        find="w_acc += s_w *",
        replace="w_acc +=",
        says="the weight of the left column decreases if the position moves to the right: its derivative is -1",
    ),
    Mutant(
        name="rows and columns exchanged",
        kernel=BACKWARD_GRID,
        find="h_acc += s_h * k_w",
        replace="h_acc += s_h * k_h",
        says="the derivative along the rows keeps the weight along the columns",
    ),
]
