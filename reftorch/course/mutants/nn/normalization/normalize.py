"""Classic mistakes in F.normalize."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD, JOINED, COMPLETED = "normalize_forward_cpu", "normalize_backward_x_cpu", "joined", "completed"

MUTANTS = [
    Mutant(
        name="epsilon added",
        kernel=FORWARD,
        find="bound = x.dtype.type(eps) if length[n, k] < x.dtype.type(eps) else length[n, k]",
        replace="bound = length[n, k] + x.dtype.type(eps)",
        says="the divisor is the larger of length and epsilon, not their sum",
    ),
    Mutant(
        name="always divided by epsilon",
        kernel=FORWARD,
        find="length[n, k] < x.dtype.type(eps) else",
        replace="length[n, k] > x.dtype.type(eps) else",
        says="epsilon is the divisor only where the length is below it",
    ),
    Mutant(
        name="divided by the square",
        kernel=FORWARD,
        find="x[n, d, k] / bound",
        replace="x[n, d, k] / (bound * bound)",
        says="the vector is divided by its length, not by the square of the length",
    ),
    Mutant(
        name="root forgotten",
        kernel=FORWARD,
        find="length[n, k] = completed(acc, p, one)",
        replace="length[n, k] = acc",
        says="the length is the root of the sum of the squares",
    ),
    Mutant(
        name="magnitude forgotten",
        kernel=JOINED,
        find="size = abs(value)",
        replace="size = value",
        says="the norm uses absolute values: negative elements count like positive ones",
    ),
    Mutant(
        name="projection missing",
        kernel=BACKWARD,
        find=" - q / size * slope",
        replace="",
        says="the length depends on x too: the part of the gradient parallel to x is subtracted",
    ),
    Mutant(
        name="divided by the length once",
        kernel=BACKWARD,
        find="q / size * slope",
        replace="q * slope",
        says="the derivative of 1 / length is -1 / length squared",
    ),
    Mutant(
        name="projection below epsilon",
        kernel=BACKWARD,
        find="if size < x.dtype.type(eps):",
        replace="if False:",
        says="where the length is below epsilon, the divisor is a constant",
    ),
    Mutant(
        name="gradient not shared",
        kernel=BACKWARD,
        find="equal += one",
        replace="equal = one",
        says="several elements of the largest magnitude share the derivative",
    ),
]
