"""Classic mistakes in trilinear interpolation."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "upsample_trilinear3d_forward_cpu", "upsample_trilinear3d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="weights of the slices exchanged",
        kernel=FORWARD,
        find="(one - t_d) * front + t_d * back",
        replace="t_d * front + (one - t_d) * back",
        says="the nearer slice has the larger weight: t_d is the distance from the front one",
    ),
    Mutant(
        name="columns found with the scale of the rows",
        kernel=FORWARD,
        find="w_out, scale_w",
        replace="w_out, scale_h",
        says="each dimension has its own distance between outputs",
    ),
    Mutant(
        name="front slice twice",
        kernel=FORWARD,
        find="back_below = (one - t_w) * x[n, c, d_b",
        replace="back_below = (one - t_w) * x[n, c, d_a",
        says="the result is a weighted mean of two slices, d_a and d_b",
    ),
    Mutant(
        name="only the last output",
        kernel=BACKWARD,
        find="acc += k_d",
        replace="acc = k_d",
        says="a voxel that several outputs use gets the sum of their gradients",
    ),
    Mutant(
        name="weight of the slice left out",
        kernel=BACKWARD,
        find="k_d * k_h * k_w",
        replace="k_h * k_w",
        says="the weight of a voxel is the product of three weights",
    ),
]
