"""Classic mistakes in LocalResponseNorm."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "local_response_norm_forward_cpu", "local_response_norm_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="one channel too many",
        kernel=FORWARD,
        find="c + (size - 1) // 2 + 1",
        replace="c + size // 2 + 1",
        says="the window has `size` channels: for an even size, one fewer after the channel than before it",
    ),
    Mutant(
        name="one channel too few",
        kernel=FORWARD,
        find="c + (size - 1) // 2 + 1",
        replace="c + (size - 1) // 2",
        says="range stops before its end: the last channel of the window is missing",
    ),
    Mutant(
        name="mean over the channels that are there",
        kernel=FORWARD,
        find="x.dtype.type(size)",
        replace="x.dtype.type(end - first)",
        says="the sum is always divided by `size`, even at the first and the last channels",
    ),
    Mutant(
        name="sum for the mean",
        kernel=FORWARD,
        find="(acc / x.dtype.type(size))",
        replace="acc",
        says="alpha multiplies the mean of the squares: divide the sum by `size`",
    ),
    Mutant(
        name="not squared",
        kernel=FORWARD,
        find="x[n, near, d] * x[n, near, d]",
        replace="x[n, near, d]",
        says="the window sums the squares of the channels",
    ),
    Mutant(
        name="multiplied by the power",
        kernel=FORWARD,
        find="x[n, c, d] / power[n, c, d]",
        replace="x[n, c, d] * power[n, c, d]",
        says="the element is divided by s to the power of beta",
    ),
    Mutant(
        name="window not mirrored",
        kernel=BACKWARD,
        find="first = max(0, c - (size - 1) // 2)\n        end = min(C, c + size // 2 + 1)",
        replace="first = max(0, c - size // 2)\n        end = min(C, c + (size - 1) // 2 + 1)",
        says="the gradient sums over the channels in whose windows c is: for an even size that is the mirrored window",
    ),
    Mutant(
        name="neighbours forgotten",
        kernel=BACKWARD,
        find=" - factor * x[n, c, d] * acc",
        replace="",
        says="x is in the windows of its neighbours too: the second term is missing",
    ),
    Mutant(
        name="half of the slope",
        kernel=BACKWARD,
        find="x.dtype.type(2) * x.dtype.type(alpha)",
        replace="x.dtype.type(alpha)",
        says="the derivative of x^2 is 2 x",
    ),
]
