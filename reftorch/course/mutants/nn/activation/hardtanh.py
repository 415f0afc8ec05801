"""Classic mistakes in Hardtanh."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="limits exchanged",
        kernel="hardtanh_forward_cpu",
        find="low if x[i] < low",
        replace="high if x[i] < low",
        says="elements below the lower limit become the lower limit",
    ),
    Mutant(
        name="no upper limit",
        kernel="hardtanh_forward_cpu",
        find="high if x[i] > high else x[i]",
        replace="x[i]",
        says="elements above the upper limit become the upper limit",
    ),
    Mutant(
        name="slope 1 at the limit",
        kernel="hardtanh_backward_x_cpu",
        find="y[i] <= y.dtype.type(min_val)",
        replace="y[i] < y.dtype.type(min_val)",
        says="at the limit itself the slope is 0: all clipped outputs are equal to the limit",
    ),
    Mutant(
        name="slope everywhere",
        kernel="hardtanh_backward_x_cpu",
        find="y.dtype.type(0) if outside",
        replace="grad_y[i] if outside",
        says="outside of the interval the output is constant, and the slope is 0",
    ),
]
