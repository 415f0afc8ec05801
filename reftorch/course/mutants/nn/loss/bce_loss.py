"""Classic mistakes in BCELoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD, TARGET = "bce_loss_forward_cpu", "bce_loss_backward_x_cpu", "bce_loss_backward_target_cpu"

MUTANTS = [
    Mutant(
        name="logarithm not limited",
        kernel=FORWARD,
        find="max(math.log(x[i]), x.dtype.type(-100))",
        replace="math.log(x[i])",
        says="a probability of 0 has the logarithm minus infinity; the loss limits each logarithm to -100",
    ),
    Mutant(
        name="no term for target 0",
        kernel=FORWARD,
        find="(target[i] - one) * no - target[i] * yes",
        replace="-target[i] * yes",
        says="a target of 0 needs its own term, the logarithm of 1 - x; here that term is missing",
    ),
    Mutant(
        name="targets exchanged",
        kernel=FORWARD,
        find="(target[i] - one) * no - target[i] * yes",
        replace="(target[i] - one) * yes - target[i] * no",
        says="the target 1 belongs to the logarithm of x, the target 0 to that of 1 - x",
    ),
    Mutant(
        name="denominator not limited",
        kernel=BACKWARD,
        find="max(x[i] * (x.dtype.type(1) - x[i]), x.dtype.type(SMALLEST))",
        replace="x[i] * (x.dtype.type(1) - x[i])",
        says="for a probability of 0 or 1 the denominator is 0; it is taken as at least 1e-12",
    ),
    Mutant(
        name="gradient of the logits",
        kernel=BACKWARD,
        find=" / denominator",
        replace="",
        says="x - t is the gradient with respect to the logit; the gradient with respect to the probability is this divided by x (1 - x)",
    ),
    Mutant(
        name="target's gradient with the wrong sign",
        kernel=TARGET,
        find="math.log1p(-x[i]) - math.log(x[i])",
        replace="math.log(x[i]) - math.log1p(-x[i])",
        says="the loss contains -t times the logarithm of x: its derivative with respect to t is minus that logarithm",
    ),
]
