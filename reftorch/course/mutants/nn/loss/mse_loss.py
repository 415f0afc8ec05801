"""Classic mistakes in MSELoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "mse_loss_forward_cpu", "mse_loss_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="not squared",
        kernel=FORWARD,
        find="difference * difference",
        replace="abs(difference)",
        says="this is the absolute error, L1Loss: the squared error multiplies the difference by itself",
    ),
    Mutant(
        name="halved",
        kernel=FORWARD,
        find="difference * difference",
        replace="difference * difference * x.dtype.type(0.5)",
        says="some books halve the squared error, to cancel the 2 in its derivative; torch does not",
    ),
    Mutant(
        name="sum in place of the difference",
        kernel=FORWARD,
        find="x[i] - target[i]",
        replace="x[i] + target[i]",
        says="the error is the difference of prediction and target, not their sum",
    ),
    Mutant(
        name="difference of squares",
        kernel=FORWARD,
        find="difference * difference",
        replace="x[i] * x[i] - target[i] * target[i]",
        says="the square of the difference is not the difference of the squares",
    ),
    Mutant(
        name="factor 2 forgotten",
        kernel=BACKWARD,
        find="x.dtype.type(2) * ",
        replace="",
        says="the derivative of d * d is 2 * d",
    ),
    Mutant(
        name="gradient uphill for the input",
        kernel=BACKWARD,
        find="x[i] - target[i]",
        replace="target[i] - x[i]",
        says="this is the gradient of the target; the gradient of the input has the opposite sign",
    ),
    Mutant(
        name="derivative without the chain rule",
        kernel=BACKWARD,
        find=" * grad_loss[i]",
        replace="",
        says="this is the derivative of the square alone; backward multiplies it by the gradient of the loss, grad_loss",
    ),
]
