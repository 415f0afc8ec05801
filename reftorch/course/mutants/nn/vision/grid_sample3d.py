"""Classic mistakes in sampling of volumes."""

from reftorch.course.mutants import Mutant

FORWARD = "grid_sample3d_forward_cpu"
BACKWARD_X, BACKWARD_GRID = "grid_sample3d_backward_x_cpu", "grid_sample3d_backward_grid_cpu"

MUTANTS = [
    Mutant(
        name="slices and columns exchanged",
        kernel=FORWARD,
        find="d_at, d_slope = place(x, grid[n, d_out, h_out, w_out, 2]",
        replace="d_at, d_slope = place(x, grid[n, d_out, h_out, w_out, 0]",
        says="in the grid, the column comes first, and the slice last",
    ),
    Mutant(
        name="corners always aligned",
        kernel=FORWARD,
        find="D_in, padding, align_corners",
        replace="D_in, padding, True",
        says="without aligned corners -1 and 1 are the outer edges of the border voxels",
    ),
    Mutant(
        name="weight of the slice left out",
        kernel=FORWARD,
        find="acc += k_d * k_h",
        replace="acc += k_h",
        says="the weight of a voxel is the product of three weights",
    ),
    Mutant(
        name="only the last output",
        kernel=BACKWARD_X,
        find="grad_x[n, c, d_in, h_in, w_in] += k_d",
        replace="grad_x[n, c, d_in, h_in, w_in] = k_d",
        says="a voxel that several outputs read gets the sum of their gradients",
    ),
    Mutant(
        name="gradient beyond the border",
        kernel=BACKWARD_GRID,
        find="d_acc * d_slope",
        replace="d_acc * x.dtype.type(D_in) / x.dtype.type(2)",
        says="the derivative of a position that was moved to the border is 0; that of a reflected position can be negative",
    ),
    Mutant(
        name="weights without their sign",
        kernel=BACKWARD_GRID,
        find="w_acc += s_w *",
        replace="w_acc +=",
        says="the weight of the left column decreases if the position moves to the right: its derivative is -1",
    ),
]
