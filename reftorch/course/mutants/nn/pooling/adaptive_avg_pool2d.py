"""Classic mistakes in adaptive average pooling."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "adaptive_avg_pool2d_forward_cpu", "adaptive_avg_pool2d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="end rounded down",
        kernel=FORWARD,
        find="w_end = -(-(w_out + 1) * W_in // W_out)",
        replace="w_end = (w_out + 1) * W_in // W_out",
        says="the end of a window is rounded up, so windows overlap if the input size is not a multiple of the output size",
    ),
    Mutant(
        name="windows of one size",
        kernel=FORWARD,
        find="w_start = w_out * W_in // W_out",
        replace="w_start = w_out * (W_in // W_out)",
        says="with a fixed step, the windows do not reach the end of the input: window i begins at the fraction i / size of the input",
    ),
    Mutant(
        name="gradient without the division",
        kernel=BACKWARD,
        find=" / grad_y.dtype.type(counted)",
        replace="",
        says="in the mean, each element is divided by the size of the window, so its gradient is divided by it, too",
    ),
    Mutant(
        name="only the last window",
        kernel=BACKWARD,
        find="acc += grad_y",
        replace="acc = grad_y",
        says="an element that lies in several windows gets the sum of their gradients",
    ),
]
