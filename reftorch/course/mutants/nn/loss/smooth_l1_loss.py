"""Classic mistakes in SmoothL1Loss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "smooth_l1_loss_forward_cpu", "smooth_l1_loss_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="half of beta forgotten",
        kernel=FORWARD,
        find="d - half * threshold",
        replace="d",
        says="without beta / 2 the straight line does not meet the parabola: the curve jumps at an error of beta",
    ),
    Mutant(
        name="parabola not divided",
        kernel=FORWARD,
        find="half * d * d / threshold",
        replace="half * d * d",
        says="the parabola is divided by beta, so that its slope is 1 where the line begins; this is the parabola of Huber's loss",
    ),
    Mutant(
        name="square compared",
        kernel=FORWARD,
        find="if d < threshold:",
        replace="if d * d < threshold:",
        says="the error itself is compared with beta, not its square",
    ),
    Mutant(
        name="slope not divided",
        kernel=BACKWARD,
        find="grad_loss[i] * d / threshold",
        replace="grad_loss[i] * d",
        says="the derivative of the parabola d * d / (2 beta) is d / beta",
    ),
    Mutant(
        name="negative line with a positive slope",
        kernel=BACKWARD,
        find="grad_x[i] = -grad_loss[i]",
        replace="grad_x[i] = grad_loss[i]",
        says="a prediction far below its target has the slope -1",
    ),
]
