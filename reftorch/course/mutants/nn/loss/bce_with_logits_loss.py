"""Classic mistakes in BCEWithLogitsLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "bce_with_logits_loss_forward_cpu", "bce_with_logits_loss_backward_x_cpu"
TARGET = "bce_with_logits_loss_backward_target_cpu"

MUTANTS = [
    Mutant(
        name="pos_weight on both terms",
        kernel=FORWARD,
        find="(one - target[i]) * x[i] + (one + (q - one) * target[i]) * h",
        replace="q * ((one - target[i]) * x[i] + h)",
        says="pos_weight multiplies the term of the positive answers only; weight multiplies both",
    ),
    Mutant(
        name="exponential that overflows",
        kernel=FORWARD,
        find="math.exp(-abs(x[i]))",
        replace="math.exp(-x[i])",
        says="for very negative logits exp(-x) is infinite; with the absolute value the exponent is never above 0",
    ),
    Mutant(
        name="negative logits without their line",
        kernel=FORWARD,
        find="if x[i] < x.dtype.type(0):",
        replace="if False:",
        says="for a negative x the logarithm of 1 + exp(-x) is -x plus the safe part",
    ),
    Mutant(
        name="slope without pos_weight",
        kernel=BACKWARD,
        find="s * (one - target[i] + q * target[i]) - q * target[i]",
        replace="s - target[i]",
        says="with pos_weight the term of the positive answers has its factor in the gradient, too",
    ),
    Mutant(
        name="sigmoid of the negative",
        kernel=BACKWARD,
        find="math.exp(-x[i])",
        replace="math.exp(x[i])",
        says="the sigmoid is 1 / (1 + exp(-x)); with exp(x) it is the probability of the negative answer",
    ),
    Mutant(
        name="target's gradient without pos_weight",
        kernel=TARGET,
        find="q * h - r",
        replace="h - r",
        says="with pos_weight the logarithm does not cancel in the derivative with respect to the target",
    ),
]
