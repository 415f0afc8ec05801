"""Classic mistakes in MultiMarginLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "multi_margin_loss_forward_cpu", "multi_margin_loss_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="weight of the wrong class",
        kernel=FORWARD,
        find="acc += z if p == 1 else z * z",
        replace="acc += (z if p == 1 else z * z) * weight[c] / weight[target[n]]",
        says="the weight is that of the sample's own class, not of the class it is compared with",
    ),
    Mutant(
        name="weight before the power",
        kernel=FORWARD,
        find="acc += z if p == 1 else z * z",
        replace="acc += z if p == 1 else z * z * weight[target[n]]",
        says="the weight multiplies the power: with p = 2 it is not squared",
    ),
    Mutant(
        name="right class compared with itself",
        kernel=FORWARD,
        find="if c != target[n] and z > x.dtype.type(0):",
        replace="if z > x.dtype.type(0):",
        says="the right class is not compared with itself: this term would add the margin to each loss",
    ),
    Mutant(
        name="not divided by C",
        kernel=FORWARD,
        find=" * acc / x.dtype.type(C)",
        replace=" * acc",
        says="the loss of a sample is divided by the number of classes",
    ),
    Mutant(
        name="slope of the square",
        kernel=BACKWARD,
        find="scale * x.dtype.type(2) * z",
        replace="scale * z",
        says="the derivative of d * d is 2 * d",
    ),
    Mutant(
        name="right class without a gradient",
        kernel=BACKWARD,
        find="grad_x[n, target[n]] = -acc",
        replace="grad_x[n, target[n]] = 0",
        says="each term contains the right score with a minus sign: its gradient is minus the sum of the others",
    ),
]
