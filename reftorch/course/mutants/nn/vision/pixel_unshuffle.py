"""Classic mistakes in pixel_unshuffle."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "pixel_unshuffle_forward_cpu", "pixel_unshuffle_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="rows and columns exchanged",
        kernel=FORWARD,
        find="h * r + row, w * r + column",
        replace="h * r + column, w * r + row",
        says="channel c * r * r + row * r + column is the pixel on row `row` of the square",
    ),
    Mutant(
        name="quarters instead of a grid",
        kernel=FORWARD,
        find="h * r + row",
        replace="row * H + h",
        says="a channel has every r-th row, beginning at `row`",
    ),
    Mutant(
        name="gradient with rows and columns exchanged",
        kernel=BACKWARD_X,
        find="row * r + column",
        replace="column * r + row",
        says="the channels of a square are ordered row by row: c * r * r + row * r + column",
    ),
]
