"""Classic mistakes in HuberLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "huber_loss_forward_cpu", "huber_loss_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="not halved",
        kernel=FORWARD,
        find="loss[i] = half * d * d",
        replace="loss[i] = d * d",
        says="Huber's parabola is half the square: only then is its slope at delta equal to that of the line",
    ),
    Mutant(
        name="line without delta",
        kernel=FORWARD,
        find="threshold * (d - half * threshold)",
        replace="d - half * threshold",
        says="the line has the slope delta; with the slope 1 this is SmoothL1Loss",
    ),
    Mutant(
        name="line through the origin",
        kernel=FORWARD,
        find="(d - half * threshold)",
        replace="d",
        says="without delta / 2 the straight line does not meet the parabola",
    ),
    Mutant(
        name="gradient not clipped",
        kernel=BACKWARD,
        find="d = threshold",
        replace="d = x[i] - target[i]",
        says="beyond delta the gradient stays at delta: this is what makes the loss robust",
    ),
    Mutant(
        name="slope 1 on the line",
        kernel=BACKWARD,
        find="d = -threshold",
        replace="d = x.dtype.type(-1)",
        says="the slope of the line is delta, not 1",
    ),
]
