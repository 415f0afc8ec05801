"""Classic mistakes in Mish."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="tanh of x",
        kernel="mish_forward_cpu",
        find="t = math.tanh(z)",
        replace="t = math.tanh(x[i])",
        says="the factor is the hyperbolic tangent of the softplus of x, which is never negative",
    ),
    Mutant(
        name="softplus of minus x",
        kernel="mish_forward_cpu",
        find="x[i] > x.dtype.type(0)",
        replace="x[i] < x.dtype.type(0)",
        says="max(x, 0) was written as min(x, 0)",
    ),
    Mutant(
        name="product rule",
        kernel="mish_backward_x_cpu",
        find="(t + x[i] * s * (x.dtype.type(1) - t * t))",
        replace="t",
        says="the factor t depends on x too: the second term of the product rule is missing",
    ),
    Mutant(
        name="sigmoid forgotten",
        kernel="mish_backward_x_cpu",
        find="x[i] * s * ",
        replace="x[i] * ",
        says="the derivative of the softplus is the sigmoid; it is a factor of the second term",
    ),
]
