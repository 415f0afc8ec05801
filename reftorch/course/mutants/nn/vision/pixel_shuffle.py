"""Classic mistakes in pixel_shuffle."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "pixel_shuffle_forward_cpu", "pixel_shuffle_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="rows and columns exchanged",
        kernel=FORWARD,
        find="row * r + column",
        replace="column * r + row",
        says="the channels of a square are ordered row by row: c * r * r + row * r + column",
    ),
    Mutant(
        name="squares outermost",
        kernel=FORWARD,
        find="c * r * r + row * r + column",
        replace="(row * r + column) * C + c",
        says="the channels of one square are neighbours: c is the outermost of the three",
    ),
    Mutant(
        name="blocks instead of squares",
        kernel=FORWARD,
        find="h = h_large // r",
        replace="h = h_large % H",
        says="row h_large of the large image comes from row h_large // r of the small one",
    ),
    Mutant(
        name="gradient with rows and columns exchanged",
        kernel=BACKWARD_X,
        find="h * r + row, w * r + column",
        replace="h * r + column, w * r + row",
        says="channel c * r * r + row * r + column is the pixel on row `row` of the square",
    ),
]
