"""Classic mistakes in KLDivLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD, TARGET = "kl_div_loss_forward_cpu", "kl_div_loss_backward_x_cpu", "kl_div_loss_backward_target_cpu"

MUTANTS = [
    Mutant(
        name="logarithm of 0",
        kernel=FORWARD,
        find="elif t == x.dtype.type(0):",
        replace="elif False:",
        says="0 times the logarithm of 0 is NaN on a computer: replace it by its limit, 0",
    ),
    Mutant(
        name="log_target ignored",
        kernel=FORWARD,
        find="math.exp(t) * (t - x[i])",
        replace="t * (math.log(t) - x[i])",
        says="with log_target the target is a logarithm: its exponential is the probability",
    ),
    Mutant(
        name="logarithm of the input",
        kernel=FORWARD,
        find="t * math.log(t) - t * x[i]",
        replace="t * math.log(t) - t * math.log(x[i])",
        says="the input holds log-probabilities already",
    ),
    Mutant(
        name="entropy forgotten",
        kernel=FORWARD,
        find="t * math.log(t) - t * x[i]",
        replace="-t * x[i]",
        says="this is cross entropy; the divergence also has the term t log t, so that it is 0 for equal distributions",
    ),
    Mutant(
        name="gradient uphill",
        kernel=BACKWARD,
        find="-grad_loss[i] * t",
        replace="grad_loss[i] * t",
        says="a larger log-probability makes the loss smaller: the gradient is negative",
    ),
    Mutant(
        name="log_target ignored in the gradient",
        kernel=BACKWARD,
        find="t = math.exp(t)",
        replace="t = t",
        says="with log_target the probability is the exponential of the target",
    ),
    Mutant(
        name="product rule forgotten",
        kernel=TARGET,
        find="math.log(t) + t / t - x[i]",
        replace="math.log(t) - x[i]",
        says="the derivative of t log t is log t + 1",
    ),
]
