"""Classic mistakes in pad_packed_sequence."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "pad_packed_sequence_forward_cpu", "pad_packed_sequence_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="padding is 0",
        kernel=FORWARD,
        find="if r >= 0 else padding",
        replace="if r >= 0 else x.dtype.type(0)",
        says="after the end of a sequence, elements are the padding value, which may differ from 0",
    ),
    Mutant(
        name="row 0 counts as padding",
        kernel=FORWARD,
        find="if r >= 0",
        replace="if r > 0",
        says="row 0 is an element: only negative rows mark padding",
    ),
    Mutant(
        name="the last row in place of padding",
        kernel=FORWARD,
        find="x[r, d] if r >= 0 else padding",
        replace="x[r, d]",
        says="row -1 marks padding; as an index it is the last row",
    ),
    Mutant(
        name="gradient of the next sequence",
        kernel=BACKWARD,
        find="samples[r], d]",
        replace="(samples[r] + 1) % grad_y.shape[1], d]",
        says="each packed row takes the gradient of its own time and sequence",
    ),
]
