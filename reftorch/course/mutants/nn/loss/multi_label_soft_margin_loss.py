"""Classic mistakes in MultiLabelSoftMarginLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "multi_label_soft_margin_loss_forward_cpu", "multi_label_soft_margin_loss_backward_x_cpu"
TARGET, WEIGHT = (
    "multi_label_soft_margin_loss_backward_target_cpu",
    "multi_label_soft_margin_loss_backward_weight_cpu",
)

MUTANTS = [
    Mutant(
        name="sum over the classes",
        kernel=FORWARD,
        find="acc / x.dtype.type(C)",
        replace="acc",
        says="the loss of a sample is the mean over its classes, not their sum",
    ),
    Mutant(
        name="sign of the second term",
        kernel=FORWARD,
        find="x.dtype.type(1) - q",
        replace="q - x.dtype.type(1)",
        says="for a logit above 0 the factor of its size is 1 - t: nothing is added for a target of 1",
    ),
    Mutant(
        name="exponential that overflows",
        kernel=FORWARD,
        find="math.exp(-abs(x[n, c]))",
        replace="math.exp(-x[n, c])",
        says="for very negative logits exp(-x) is infinite; with the absolute value the exponent is never above 0",
    ),
    Mutant(
        name="gradient not divided by C",
        kernel=BACKWARD,
        find=" / x.dtype.type(C)",
        replace="",
        says="the mean over the classes divides the gradient, too",
    ),
    Mutant(
        name="weight forgotten in the gradient",
        kernel=BACKWARD,
        find="grad_loss[n] * w * (s",
        replace="grad_loss[n] * (s",
        says="the weight is a factor of the loss, so it is one of the gradient",
    ),
    Mutant(
        name="target's gradient uphill",
        kernel=TARGET,
        find="-grad_loss[n]",
        replace="grad_loss[n]",
        says="the derivative with respect to the target is the difference of the two logarithms, which is -x",
    ),
    Mutant(
        name="weight's gradient with the weight",
        kernel=WEIGHT,
        find="h + q * abs(x[n, c])",
        replace="q * abs(x[n, c])",
        says="the derivative with respect to the weight is the whole loss of the element, with both of its terms",
    ),
]
