"""Classic mistakes in adaptive average pooling."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "adaptive_avg_pool1d_forward_cpu", "adaptive_avg_pool1d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="end rounded down",
        kernel=FORWARD,
        find="l_end = -(-(l_out + 1) * L_in // L_out)",
        replace="l_end = (l_out + 1) * L_in // L_out",
        says="the end of a window is rounded up, so windows overlap where the sizes do not divide",
    ),
    Mutant(
        name="windows of one size",
        kernel=FORWARD,
        find="l_start = l_out * L_in // L_out",
        replace="l_start = l_out * (L_in // L_out)",
        says="a fixed step leaves the end of the input out: window i begins at the fraction i / size of the input",
    ),
    Mutant(
        name="gradient without the division",
        kernel=BACKWARD,
        find=" / grad_y.dtype.type(counted)",
        replace="",
        says="each element has the factor 1 by the size of the window in the mean, so its gradient has it too",
    ),
    Mutant(
        name="only the last window",
        kernel=BACKWARD,
        find="acc += grad_y",
        replace="acc = grad_y",
        says="an element that lies in several windows gets the sum of their gradients",
    ),
]
