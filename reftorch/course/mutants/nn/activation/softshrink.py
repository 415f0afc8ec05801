"""Classic mistakes in Softshrink."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="moved away from zero",
        kernel="softshrink_forward_cpu",
        find="x[i] - x.dtype.type(lambd) if",
        replace="x[i] + x.dtype.type(lambd) if",
        says="positive elements are moved toward zero: lambda is subtracted",
    ),
    Mutant(
        name="not moved",
        kernel="softshrink_forward_cpu",
        find="if inside else moved",
        replace="if inside else x[i]",
        says="elements outside the interval are moved toward zero by lambda; hardshrink does not change them",
    ),
    Mutant(
        name="same direction on both sides",
        kernel="softshrink_forward_cpu",
        find="else x[i] + x.dtype.type(lambd)",
        replace="else x[i] - x.dtype.type(lambd)",
        says="negative elements are moved toward zero, too: lambda is added to them",
    ),
    Mutant(
        name="gradient inside",
        kernel="softshrink_backward_x_cpu",
        find="x.dtype.type(0) if inside",
        replace="grad_y[i] if inside",
        says="the gradient of elements that became zero is 0",
    ),
    Mutant(
        name="border gets a gradient",
        kernel="softshrink_backward_x_cpu",
        find="x[i] <= x.dtype.type(lambd)",
        replace="x[i] < x.dtype.type(lambd)",
        says="elements equal to a border become zero, and get no gradient",
    ),
]
