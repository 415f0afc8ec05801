"""Classic mistakes in mirrored borders."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "reflection_pad_forward_cpu", "reflection_pad_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="edge repeated",
        kernel=FORWARD,
        find="l_in = -l_in",
        replace="l_in = -l_in - 1",
        says="the reflection is at the first element: position -1 is element 1, not element 0 again",
    ),
    Mutant(
        name="edge repeated behind",
        kernel=FORWARD,
        find="2 * (L_in - 1) - l_in",
        replace="2 * L_in - 1 - l_in",
        says="the reflection is at the last element, L_in - 1, which is not repeated",
    ),
    Mutant(
        name="gradient without the border in front",
        kernel=BACKWARD_X,
        find="if l_in > 0 and 0 <= front < L_out",
        replace="if l_in < 0",
        says="elements near the edge are copied into the border, too: their gradient is a sum over all copies",
    ),
    Mutant(
        name="gradient of the edge counted twice",
        kernel=BACKWARD_X,
        find="l_in > 0 and 0 <= front",
        replace="0 <= front",
        says="the reflection is at the first element, which therefore has no copy in the border",
    ),
    Mutant(
        name="gradient beyond the output",
        kernel=BACKWARD_X,
        find="0 <= behind < L_out",
        replace="0 <= behind",
        says="the border after the input ends at L_out: an element too far from the edge has no copy in it",
    ),
]
