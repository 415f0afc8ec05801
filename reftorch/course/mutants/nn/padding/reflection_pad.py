"""Classic mistakes in mirrored borders."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "reflection_pad_forward_cpu", "reflection_pad_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="edge repeated",
        kernel=FORWARD,
        find="l_in = -l_in",
        replace="l_in = -l_in - 1",
        says="the mirror stands on the edge: position -1 shows element 1, not element 0 again",
    ),
    Mutant(
        name="edge repeated behind",
        kernel=FORWARD,
        find="2 * (L_in - 1) - l_in",
        replace="2 * L_in - 1 - l_in",
        says="the mirror stands on the last element, L_in - 1, which is not shown twice",
    ),
    Mutant(
        name="gradient without the border in front",
        kernel=BACKWARD_X,
        find="if l_in > 0 and 0 <= front < L_out",
        replace="if l_in < 0",
        says="elements near the edge are shown in the border too: their gradient is a sum over all places",
    ),
    Mutant(
        name="gradient of the edge counted twice",
        kernel=BACKWARD_X,
        find="l_in > 0 and 0 <= front",
        replace="0 <= front",
        says="the first element stands on the mirror: its own place and its mirror image are one",
    ),
    Mutant(
        name="gradient beyond the output",
        kernel=BACKWARD_X,
        find="0 <= behind < L_out",
        replace="0 <= behind",
        says="the border behind ends at L_out: an element too far from the edge is not in it",
    ),
]
