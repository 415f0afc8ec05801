"""Classic mistakes in Sigmoid."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="sign forgotten",
        kernel="sigmoid_forward_cpu",
        find="x[i] >= x.dtype.type(0)",
        replace="x[i] <= x.dtype.type(0)",
        says="the two sides are exchanged: for x >= 0 the numerator is 1, for negative x it is the exponential",
    ),
    Mutant(
        name="exponential overflows",
        kernel="sigmoid_forward_cpu",
        find="math.exp(-abs(x[i]))",
        replace="math.exp(abs(x[i]))",
        says="the exponential of minus the absolute value never overflows; here it is the exponential of the absolute value",
    ),
    Mutant(
        name="input in place of the output",
        kernel="sigmoid_backward_x_cpu",
        find="y[i] * (y.dtype.type(1) - y[i])",
        replace="math.exp(-y[i]) / (y.dtype.type(1) + math.exp(-y[i])) ** 2",
        says="backward saves the output y, and the derivative is y (1 - y); here y was put into the formula for the input x",
    ),
    Mutant(
        name="second factor forgotten",
        kernel="sigmoid_backward_x_cpu",
        find=" * (y.dtype.type(1) - y[i])",
        replace="",
        says="the derivative is y (1 - y), not y alone",
    ),
    Mutant(
        name="derivative without the chain rule",
        kernel="sigmoid_backward_x_cpu",
        find="grad_y[i] * y[i]",
        replace="y[i]",
        says="this is the derivative of the sigmoid alone; backward multiplies it by the gradient of the output, grad_y",
    ),
]
