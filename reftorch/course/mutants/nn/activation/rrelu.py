"""Classic mistakes in RReLU."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="input for slope",
        kernel="rrelu_forward_cpu",
        find="slope[i] * x[i]",
        replace="slope[i]",
        says="the slope multiplies the input; it is not the output itself",
    ),
    Mutant(
        name="slope of the first element",
        kernel="rrelu_forward_cpu",
        find="slope[i]",
        replace="slope[0]",
        says="every element has its own slope",
    ),
    Mutant(
        name="slope forgotten backward",
        kernel="rrelu_backward_x_cpu",
        find="slope[i] * grad_y[i]",
        replace="grad_y[i]",
        says="backward multiplies by the slopes that were drawn forward",
    ),
    Mutant(
        name="slope of the first element backward",
        kernel="rrelu_backward_x_cpu",
        find="slope[i]",
        replace="slope[0]",
        says="every element has its own slope, backward too",
    ),
]
