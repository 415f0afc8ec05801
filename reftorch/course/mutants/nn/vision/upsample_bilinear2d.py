"""Classic mistakes in bilinear interpolation."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "upsample_bilinear2d_forward_cpu", "upsample_bilinear2d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="weights of the rows exchanged",
        kernel=FORWARD,
        find="(one - t_h) * above + t_h * below",
        replace="t_h * above + (one - t_h) * below",
        says="the nearer row has the larger weight: t_h is the distance from the upper row, and the weight of the lower row",
    ),
    Mutant(
        name="columns found with the scale of the rows",
        kernel=FORWARD,
        find="w_out, scale_w",
        replace="w_out, scale_h",
        says="each dimension has its own distance between outputs",
    ),
    Mutant(
        name="corners always aligned",
        kernel=FORWARD,
        find="bilinear_taps(x, w_out, scale_w, align_corners, W_in)",
        replace="bilinear_taps(x, w_out, scale_w, True, W_in)",
        says="without aligned corners, the position is scale * (w_out + 1/2) - 1/2",
    ),
    Mutant(
        name="one row only",
        kernel=FORWARD,
        find="below = (one - t_w) * x[n, c, h_b, w_a]",
        replace="below = (one - t_w) * x[n, c, h_a, w_a]",
        says="the result is a mean of two rows: the lower one is h_b",
    ),
    Mutant(
        name="only the last output",
        kernel=BACKWARD,
        find="acc += k_h",
        replace="acc = k_h",
        says="a pixel that several outputs use gets the sum of their gradients",
    ),
    Mutant(
        name="weight of the column left out",
        kernel=BACKWARD,
        find="k_h * k_w * grad_y",
        replace="k_h * grad_y",
        says="the weight of a pixel is the product of its weights along rows and columns",
    ),
]
