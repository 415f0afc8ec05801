"""Classic mistakes in the grid of an affine map."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "affine_grid_forward_cpu", "affine_grid_backward_theta_cpu"
FORWARD_3D, BACKWARD_3D = "affine_grid3d_forward_cpu", "affine_grid3d_backward_theta_cpu"

MUTANTS = [
    Mutant(
        name="column and row exchanged",
        kernel=FORWARD,
        find="theta[n, i, 0] * coordinate(theta, w, W",
        replace="theta[n, i, 0] * coordinate(theta, h, H",
        says="the first column of the matrix belongs to the column of the pixel",
    ),
    Mutant(
        name="matrix transposed",
        kernel=FORWARD,
        find="theta[n, i, 1]",
        replace="theta[n, 1, i]",
        says="row i of the matrix gives coordinate i of the sampling position",
    ),
    Mutant(
        name="shift left out",
        kernel=FORWARD,
        find=" + theta[n, i, 2]",
        replace="",
        says="the third column of the matrix is the shift",
    ),
    Mutant(
        name="corners always aligned",
        kernel=FORWARD,
        find="coordinate(theta, h, H, align_corners)",
        replace="coordinate(theta, h, H, True)",
        says="without aligned corners, the centres of the border pixels are not at -1 and 1, but inside",
    ),
    Mutant(
        name="only the last pixel",
        kernel=BACKWARD,
        find="acc += grad_y",
        replace="acc = grad_y",
        says="an element of the matrix is used for every pixel: its gradient is a sum",
    ),
    Mutant(
        name="column and row exchanged, in a volume",
        kernel=BACKWARD,
        find="if j == 0:",
        replace="if j == 5:",
        says="the first column of the matrix was multiplied by the column of the pixel",
    ),
    Mutant(
        name="slice left out",
        kernel=FORWARD_3D,
        find="x_part + y_part + z_part",
        replace="x_part + y_part",
        says="in a volume the slice is the third coordinate",
    ),
    Mutant(
        name="only the last voxel",
        kernel=BACKWARD_3D,
        find="acc += grad_y",
        replace="acc = grad_y",
        says="an element of the matrix is used for every voxel: its gradient is a sum",
    ),
]
