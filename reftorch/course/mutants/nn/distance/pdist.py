"""Classic mistakes in pdist."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "pdist_forward_cpu", "pdist_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="index of the full table",
        kernel=FORWARD,
        find="k = pair_of(r, s, N)",
        replace="k = (r * N + s) % len(y)",
        says="only the upper triangle of the table is stored, so the rows have fewer and fewer places",
    ),
    Mutant(
        name="sum without absolute values",
        kernel=FORWARD,
        find="joined(acc, abs(d), p)",
        replace="joined(acc, d, p)",
        says="the norm sums up sizes: differences of both signs must not cancel",
    ),
    Mutant(
        name="squared distances",
        kernel=FORWARD,
        find="root(acc, p, x.dtype.type(1) / p)",
        replace="acc",
        says="the sum of the powers is not the distance yet: its p-th root is",
    ),
    Mutant(
        name="half of the gradient",
        kernel=BACKWARD,
        find="if s != r:",
        replace="if s > r:",
        says="a row belongs to the pairs with earlier rows, too",
    ),
    Mutant(
        name="same sign for both rows",
        kernel=BACKWARD,
        find="d = x[r, j] - x[s, j]",
        replace="d = x[min(r, s), j] - x[max(r, s), j]",
        says="the two rows of a pair are pulled apart: their gradients have opposite signs",
    ),
]
