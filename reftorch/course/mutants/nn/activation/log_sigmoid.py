"""Classic mistakes in LogSigmoid."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="maximum for minimum",
        kernel="log_sigmoid_forward_cpu",
        find="x[i] < x.dtype.type(0)",
        replace="x[i] > x.dtype.type(0)",
        says="min(x, 0) was written as max(x, 0)",
    ),
    Mutant(
        name="sign of the logarithm",
        kernel="log_sigmoid_forward_cpu",
        find="- math.log1p(e)",
        replace="+ math.log1p(e)",
        says="the logarithm is subtracted: a log-probability is never above 0",
    ),
    Mutant(
        name="overflow",
        kernel="log_sigmoid_forward_cpu",
        find="math.exp(-abs(x[i]))",
        replace="math.exp(abs(x[i]))",
        says="take the exponential of minus the absolute value, which never overflows",
    ),
    Mutant(
        name="slope of the other side",
        kernel="log_sigmoid_backward_x_cpu",
        find="x[i] >= x.dtype.type(0)",
        replace="x[i] < x.dtype.type(0)",
        says="the derivative is sigmoid(-x), not sigmoid(x)",
    ),
]
