"""Classic mistakes in PairwiseDistance."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "pairwise_distance_forward_cpu", "pairwise_distance_backward_x1_cpu"

MUTANTS = [
    Mutant(
        name="eps under the root",
        kernel=FORWARD,
        find="d = x1[n, j] - x2[n, j] + x1.dtype.type(eps)",
        replace="d = math.sqrt((x1[n, j] - x2[n, j]) ** 2 + x1.dtype.type(eps))",
        says="eps is added to the difference itself, before anything is squared",
    ),
    Mutant(
        name="eps subtracted",
        kernel=FORWARD,
        find="d = x1[n, j] - x2[n, j] + x1.dtype.type(eps)",
        replace="d = x1[n, j] - x2[n, j] - x1.dtype.type(eps)",
        says="eps is added to the first vector minus the second one",
    ),
    Mutant(
        name="root forgotten",
        kernel=FORWARD,
        find="y[n] = root(acc, p, x1.dtype.type(1) / p)",
        replace="y[n] = acc",
        says="the distance is the p-th root of the sum of the powers",
    ),
    Mutant(
        name="sum without absolute values",
        kernel=FORWARD,
        find="joined(acc, abs(d), p)",
        replace="joined(acc, d, p)",
        says="the norm sums absolute values: differences of opposite signs must not cancel",
    ),
    Mutant(
        name="every tie gets all",
        kernel=BACKWARD,
        find="share = one / x1.dtype.type(max(ties, 1))",
        replace="share = one",
        says="for an infinite p the elements that reach the distance share its gradient",
    ),
    Mutant(
        name="gradient of the square",
        kernel=BACKWARD,
        find="slope(d, y[n], p, one, share)",
        replace="slope(d, y[n], p, one, share) * y[n]",
        says="the derivative of the root divides by the distance",
    ),
    Mutant(
        name="eps forgotten in the gradient",
        kernel=BACKWARD,
        find="""        for j in range(D):
            d = x1[n, j] - x2[n, j] + x1.dtype.type(eps)
            grad_x1""",
        replace="""        for j in range(D):
            d = x1[n, j] - x2[n, j]
            grad_x1""",
        says="the gradient is computed from the same difference as in the forward pass, with eps",
    ),
]
