"""Classic mistakes in repeated borders."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_X = "replication_pad_forward_cpu", "replication_pad_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="the second element repeated",
        kernel=FORWARD,
        find="max(l_out - before, 0)",
        replace="max(l_out - before, 1)",
        says="the border repeats the outermost element, number 0",
    ),
    Mutant(
        name="padding on the wrong side",
        kernel=FORWARD,
        find="l_out - before",
        replace="l_out + before",
        says="the input begins after the border: l_in = l_out - before",
    ),
    Mutant(
        name="gradient forgets the border",
        kernel=BACKWARD_X,
        find="first = 0 if l_in == 0 else max",
        replace="first = max",
        says="the whole border is a copy of the first element: its gradient is the sum over the border, too",
    ),
    Mutant(
        name="last product only",
        kernel=BACKWARD_X,
        find="acc += ",
        replace="acc = ",
        says="an element at the edge has many copies, so its gradient is the sum over all of them: += instead of =",
    ),
]
