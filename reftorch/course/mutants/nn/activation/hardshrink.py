"""Classic mistakes in Hardshrink."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="one side only",
        kernel="hardshrink_forward_cpu",
        find="x[i] >= x.dtype.type(-lambd) and ",
        replace="",
        says="elements below -lambda do not change: compare their absolute value with lambda",
    ),
    Mutant(
        name="border outside",
        kernel="hardshrink_forward_cpu",
        find="x[i] <= x.dtype.type(lambd)",
        replace="x[i] < x.dtype.type(lambd)",
        says="elements equal to a border become zero, too",
    ),
    Mutant(
        name="moved",
        kernel="hardshrink_forward_cpu",
        find="if inside else x[i]",
        replace="if inside else x[i] - x.dtype.type(lambd)",
        says="elements outside the interval do not change; softshrink moves them",
    ),
    Mutant(
        name="gradient inside",
        kernel="hardshrink_backward_x_cpu",
        find="x.dtype.type(0) if inside",
        replace="grad_y[i] if inside",
        says="the gradient of elements that became zero is 0",
    ),
    Mutant(
        name="border gets a gradient",
        kernel="hardshrink_backward_x_cpu",
        find="x[i] <= x.dtype.type(lambd)",
        replace="x[i] < x.dtype.type(lambd)",
        says="elements equal to a border become zero, and get no gradient",
    ),
]
