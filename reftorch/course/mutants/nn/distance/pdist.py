"""Classic mistakes in pdist."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "pdist_forward_cpu", "pdist_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="index of the full table",
        kernel=FORWARD,
        find="k = pair_of(r, s, N)",
        replace="k = (r * N + s) % len(y)",
        says="only the upper triangle of the table is stored, so each row has one element fewer than the row before",
    ),
    Mutant(
        name="sum without absolute values",
        kernel=FORWARD,
        find="joined(acc, abs(d), p)",
        replace="joined(acc, d, p)",
        says="the norm sums absolute values: differences of opposite signs must not cancel",
    ),
    Mutant(
        name="squared distances",
        kernel=FORWARD,
        find="root(acc, p, x.dtype.type(1) / p)",
        replace="acc",
        says="the distance is the p-th root of the sum of the powers",
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
        says="the distance grows if one row moves away from the other: the gradients of the two rows have opposite signs",
    ),
]
