"""Classic mistakes in circular borders."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "circular_pad_forward_cpu", "circular_pad_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="the wrong end",
        kernel=FORWARD,
        find="l_in += L_in",
        replace="l_in = -l_in",
        says="position -1 shows the last element: add L_in",
    ),
    Mutant(
        name="not round behind",
        kernel=FORWARD,
        find="l_in -= L_in",
        replace="l_in = L_in - 1",
        says="behind the last element the ring begins anew: subtract L_in",
    ),
    Mutant(
        name="gradient without the border",
        kernel=BACKWARD_X,
        find="range((l_in + before) % L_in, L_out, L_in)",
        replace="range(l_in + before, L_out, L_in)",
        says="an element is shown in front too: begin at the first place that shows it",
    ),
    Mutant(
        name="last place only",
        kernel=BACKWARD_X,
        find="acc += ",
        replace="acc = ",
        says="an element is shown at several places and collects all gradients: += instead of =",
    ),
]
