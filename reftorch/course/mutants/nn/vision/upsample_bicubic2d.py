"""Classic mistakes in bicubic interpolation."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "upsample_bicubic2d_forward_cpu", "upsample_bicubic2d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="taps one pixel too late",
        kernel=FORWARD,
        find="for k_w in range(-1, 3):",
        replace="for k_w in range(0, 4):",
        says="the four pixels are two on each side of the position: they begin one pixel before its left neighbour",
    ),
    Mutant(
        name="border pixels left out",
        kernel=FORWARD,
        find="w_in = min(max(w_before + k_w, 0), W_in - 1)",
        replace="w_in = abs(w_before + k_w) % W_in",
        says="beyond the border, the border pixel is used again",
    ),
    Mutant(
        name="sign of the distance",
        kernel=FORWARD,
        find="t_w - x.dtype.type(k_w)",
        replace="t_w + x.dtype.type(k_w)",
        says="the distance from the position to pixel k is t - k",
    ),
    Mutant(
        name="columns with the weight of the rows",
        kernel=FORWARD,
        find="cubic(x, t_w -",
        replace="cubic(x, t_h -",
        says="each dimension has its own position between two pixels",
    ),
    Mutant(
        name="only the last output",
        kernel=BACKWARD,
        find="acc += v_h",
        replace="acc = v_h",
        says="a pixel that several outputs use gets the sum of their gradients",
    ),
    Mutant(
        name="negative weights left out",
        kernel=BACKWARD,
        find="if v_w != none:",
        replace="if v_w > none:",
        says="the outer weights of the cubic curve are negative, and must not be set to 0",
    ),
]
