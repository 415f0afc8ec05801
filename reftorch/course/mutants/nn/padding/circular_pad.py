"""Classic mistakes in circular borders."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "circular_pad_forward_cpu", "circular_pad_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="the wrong end",
        kernel=FORWARD,
        find="l_in += L_in",
        replace="l_in = -l_in",
        says="position -1 is the last element: add L_in",
    ),
    Mutant(
        name="no wrap at the end",
        kernel=FORWARD,
        find="l_in -= L_in",
        replace="l_in = L_in - 1",
        says="after the last element, the first one follows again: subtract L_in",
    ),
    Mutant(
        name="gradient without the border",
        kernel=BACKWARD_X,
        find="range((l_in + before) % L_in, L_out, L_in)",
        replace="range(l_in + before, L_out, L_in)",
        says="an element is copied into the front border, too: begin at its first copy in the output",
    ),
    Mutant(
        name="last copy only",
        kernel=BACKWARD_X,
        find="acc += ",
        replace="acc = ",
        says="an element has several copies in the output, so its gradient is the sum over all of them: += instead of =",
    ),
]
