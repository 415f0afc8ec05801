"""Classic mistakes in Threshold."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="below and not at",
        kernel="threshold_forward_cpu",
        find="x[i] <= x.dtype.type(threshold)",
        replace="x[i] < x.dtype.type(threshold)",
        says="an element equal to the threshold is replaced, too",
    ),
    Mutant(
        name="threshold for value",
        kernel="threshold_forward_cpu",
        find="x.dtype.type(value) if",
        replace="x.dtype.type(threshold) if",
        says="elements are replaced by the value, not by the threshold",
    ),
    Mutant(
        name="value in backward",
        kernel="threshold_backward_x_cpu",
        find="x.dtype.type(0) if",
        replace="x.dtype.type(1) if",
        says="an element that was replaced by a constant gets no gradient",
    ),
    Mutant(
        name="gradient at the threshold",
        kernel="threshold_backward_x_cpu",
        find="x[i] <= x.dtype.type(threshold)",
        replace="x[i] < x.dtype.type(threshold)",
        says="an element equal to the threshold was replaced, so it gets no gradient",
    ),
]
