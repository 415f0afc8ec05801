"""Classic mistakes in L1Loss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "l1_loss_forward_cpu", "l1_loss_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="squared",
        kernel=FORWARD,
        find="abs(x[i] - target[i])",
        replace="(x[i] - target[i]) ** 2",
        says="this is the squared error, MSELoss: the absolute error is the distance itself",
    ),
    Mutant(
        name="absolute value forgotten",
        kernel=FORWARD,
        find="abs(x[i] - target[i])",
        replace="x[i] - target[i]",
        says="a difference may be negative, a loss must not: errors of both signs would cancel in the mean",
    ),
    Mutant(
        name="slope 1 at the kink",
        kernel=BACKWARD,
        find="sign = x.dtype.type(0)",
        replace="sign = x.dtype.type(1)",
        says="where the prediction equals the target, the gradient is 0, the middle of the two slopes",
    ),
    Mutant(
        name="signs exchanged",
        kernel=BACKWARD,
        find="if x[i] > target[i]:",
        replace="if x[i] < target[i]:",
        says="a prediction above its target has the slope 1: making it larger makes the loss larger",
    ),
    Mutant(
        name="size of the error in the gradient",
        kernel=BACKWARD,
        find="grad_loss[i] * sign",
        replace="grad_loss[i] * (x[i] - target[i])",
        says="the gradient of the absolute error is its sign; it does not grow with the error",
    ),
]
