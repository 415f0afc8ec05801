"""Classic mistakes in NLLLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "nll_loss_forward_cpu", "nll_loss_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="mean over the samples",
        kernel=FORWARD,
        find="share[n, d] = weight[target[n, d]]",
        replace="share[n, d] = 1",
        says="the weighted mean divides by the sum of the weights of the targets, and the loss has this weight, too",
    ),
    Mutant(
        name="ignored samples counted",
        kernel=FORWARD,
        find="share[n, d] = 0",
        replace="share[n, d] = 1",
        says="an ignored sample does not count in the mean's divisor either",
    ),
    Mutant(
        name="sign forgotten",
        kernel=FORWARD,
        find="-share[n, d] * x",
        replace="share[n, d] * x",
        says="the loss is minus the log-probability: a likely class must have a small loss",
    ),
    Mutant(
        name="class taken by the sample's number",
        kernel=FORWARD,
        find="x[n, target[n, d], d]",
        replace="x[n, n % x.shape[1], d]",
        says="the target says which class of the sample is read",
    ),
    Mutant(
        name="weight forgotten in the gradient",
        kernel=BACKWARD,
        find="-grad_loss[n, d] * weight[c]",
        replace="-grad_loss[n, d]",
        says="the weight is a factor of the loss, so it is one of the gradient",
    ),
    Mutant(
        name="gradient for ignored samples",
        kernel=BACKWARD,
        find=" and c != ignore_index",
        replace="",
        says="an ignored sample has no gradient, even if its target is a valid class",
    ),
    Mutant(
        name="gradient for all classes",
        kernel=BACKWARD,
        find="if c == target[n, d] and",
        replace="if",
        says="only the log-probability of the right class is in the loss; all others have the gradient 0",
    ),
]
