"""Classic mistakes in power-average pooling."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "lp_pool1d_forward_cpu", "lp_pool1d_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="absolute value added",
        kernel=FORWARD,
        find="acc += x[n, c, l_in] ** p",
        replace="acc += abs(x[n, c, l_in]) ** p",
        says="PyTorch sums the powers as they are: with an odd order a negative element lowers the sum",
    ),
    Mutant(
        name="mean of the powers",
        kernel=FORWARD,
        find=" * x.dtype.type(K)",
        replace="",
        says="the sum is scaled to a whole window: multiply the mean by the size of the window",
    ),
    Mutant(
        name="root forgotten",
        kernel=FORWARD,
        find=" ** (x.dtype.type(1) / p)",
        replace="",
        says="this is the sum of the powers: the output is its root of order p",
    ),
    Mutant(
        name="only the last window",
        kernel=BACKWARD,
        find="acc += grad_y",
        replace="acc = grad_y",
        says="an element that lies in several windows gets the sum of their gradients",
    ),
    Mutant(
        name="power without its derivative",
        kernel=BACKWARD,
        find="(p - total.dtype.type(1))",
        replace="p",
        says="the derivative of x^p has the power p - 1",
    ),
    Mutant(
        name="window of zero",
        kernel=BACKWARD,
        find="if total[n, c, l_out] != total.dtype.type(0):",
        replace="if True:",
        says="the gradient of a window whose sum is 0 is 0; the formula would give an infinite power of 0",
    ),
]
