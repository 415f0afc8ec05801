"""Classic mistakes in cross entropy of class probabilities."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="target not smoothed",
        kernel="soft_cross_entropy_forward_cpu",
        find="q = a * target[n, c, d] + b",
        replace="q = target[n, c, d]",
        says="label smoothing mixes the target with the uniform distribution before it is used",
    ),
    Mutant(
        name="smoothing adds up",
        kernel="soft_cross_entropy_forward_cpu",
        find="q = a * target[n, c, d] + b",
        replace="q = target[n, c, d] + b",
        says="smoothing gives a share to all classes and takes it from the target: the target is scaled by 1 - label_smoothing",
    ),
    Mutant(
        name="weights forgotten",
        kernel="soft_cross_entropy_forward_cpu",
        find="acc -= weight[c] * q * log_p[n, c, d]",
        replace="acc -= q * log_p[n, c, d]",
        says="the loss of each class is multiplied by its weight",
    ),
    Mutant(
        name="mass taken for 1",
        kernel="soft_cross_entropy_backward_x_cpu",
        find="pull = mass * math.exp(log_p[n, c, d]) - weight[c] * q",
        replace="pull = math.exp(log_p[n, c, d]) - weight[c] * q",
        says="p - q is the gradient only if the weighted target sums to 1; the probability is multiplied by that sum",
    ),
    Mutant(
        name="upstream gradient forgotten",
        kernel="soft_cross_entropy_backward_x_cpu",
        find="grad_x[n, c, d] = grad_loss[n, d] * pull",
        replace="grad_x[n, c, d] = pull",
        says="the chain rule multiplies by the gradient of the sample's loss, which contains the division of the mean",
    ),
    Mutant(
        name="gradient of the smoothed target",
        kernel="soft_cross_entropy_backward_target_cpu",
        find="-grad_loss[n, d] * a * weight[c]",
        replace="-grad_loss[n, d] * weight[c]",
        says="forward scales the target by 1 - label_smoothing, so its gradient is scaled by it, too",
    ),
    Mutant(
        name="weight gradient without smoothing",
        kernel="soft_cross_entropy_backward_weight_cpu",
        find="q = a * target[n, c, d] + b",
        replace="q = target[n, c, d]",
        says="the loss used the smoothed target, so the gradient of the weight does too",
    ),
]
