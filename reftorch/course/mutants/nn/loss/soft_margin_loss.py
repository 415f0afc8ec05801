"""Classic mistakes in SoftMarginLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "soft_margin_loss_forward_cpu", "soft_margin_loss_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="wrong sign of the exponent",
        kernel=FORWARD,
        find="math.exp(-target[i] * x[i])",
        replace="math.exp(target[i] * x[i])",
        says="if a score has the sign of its target, the loss must be small: the exponent is minus their product",
    ),
    Mutant(
        name="1 forgotten",
        kernel=FORWARD,
        find="math.log1p(z)",
        replace="-target[i] * x[i]",
        says="without the 1 in the logarithm the loss is linear, and negative for a right score",
    ),
    Mutant(
        name="target forgotten in the slope",
        kernel=BACKWARD,
        find="-grad_loss[i] * target[i] * z",
        replace="-grad_loss[i] * z",
        says="the derivative of the exponent -t x with respect to x is -t",
    ),
    Mutant(
        name="derivative of the exponential alone",
        kernel=BACKWARD,
        find=" / (x.dtype.type(1) + z)",
        replace="",
        says="the derivative of the logarithm of 1 + z is 1 / (1 + z)",
    ),
]
