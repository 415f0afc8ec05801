"""Classic mistakes in channel_shuffle."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "channel_shuffle_forward_cpu", "channel_shuffle_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="nothing is shuffled",
        kernel=FORWARD,
        find="g * (C // groups) + c",
        replace="c * groups + g",
        says="the input's channels are ordered group by group: g * (C // groups) + c",
    ),
    Mutant(
        name="table read the other way",
        kernel=FORWARD,
        find="g = c_out % groups",
        replace="g = c_out % (C // groups)",
        says="neighbours in the output come from different groups: g = c_out % groups",
    ),
    Mutant(
        name="gradient not permuted",
        kernel=BACKWARD_X,
        find="c * groups + g",
        replace="c_in",
        says="channel c_in of the input is channel c * groups + g of the output",
    ),
]
