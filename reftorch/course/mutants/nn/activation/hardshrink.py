"""Classic mistakes in Hardshrink."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="one side only",
        kernel="hardshrink_forward_cpu",
        find="x[i] >= x.dtype.type(-lambd) and ",
        replace="",
        says="elements below -lambda stay: it is their absolute value that counts",
    ),
    Mutant(
        name="border outside",
        kernel="hardshrink_forward_cpu",
        find="x[i] <= x.dtype.type(lambd)",
        replace="x[i] < x.dtype.type(lambd)",
        says="the borders belong to the interval",
    ),
    Mutant(
        name="moved",
        kernel="hardshrink_forward_cpu",
        find="if inside else x[i]",
        replace="if inside else x[i] - x.dtype.type(lambd)",
        says="elements outside stay as they are; softshrink moves them",
    ),
    Mutant(
        name="gradient inside",
        kernel="hardshrink_backward_x_cpu",
        find="x.dtype.type(0) if inside",
        replace="grad_y[i] if inside",
        says="elements that became zero get no gradient",
    ),
    Mutant(
        name="border gets a gradient",
        kernel="hardshrink_backward_x_cpu",
        find="x[i] <= x.dtype.type(lambd)",
        replace="x[i] < x.dtype.type(lambd)",
        says="the borders belong to the interval, and get no gradient",
    ),
]
