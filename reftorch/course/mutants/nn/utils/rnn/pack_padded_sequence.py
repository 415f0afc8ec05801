"""Classic mistakes in pack_padded_sequence."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "pack_padded_sequence_forward_cpu", "pack_padded_sequence_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="time and sequence exchanged",
        kernel=FORWARD,
        find="x[times[r], samples[r], d]",
        replace="x[min(samples[r], x.shape[0] - 1), min(times[r], x.shape[1] - 1), d]",
        says="the first index of x is the time, the second the sequence",
    ),
    Mutant(
        name="one sequence after the other",
        kernel=FORWARD,
        find="x[times[r], samples[r], d]",
        replace="x[r % x.shape[0], r // x.shape[0], d]",
        says="packed data holds all sequences at one time step, then all at the next time step",
    ),
    Mutant(
        name="gradient for padding",
        kernel=BACKWARD,
        find="if r >= 0 else grad_y.dtype.type(0)",
        replace="if r >= 0 else grad_y[0, d]",
        says="padding is not in the packed data: its gradient is 0",
    ),
    Mutant(
        name="gradient in packed order",
        kernel=BACKWARD,
        find="r = rows[t, n]",
        replace="r = min(t * N + n, grad_y.shape[0] - 1)",
        says="the row of an element depends on how many sequences have ended before it: read it from the table",
    ),
]
