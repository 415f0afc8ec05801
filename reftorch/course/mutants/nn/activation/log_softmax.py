"""Classic mistakes in LogSoftmax."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="logarithm forgotten",
        kernel="log_softmax_forward_cpu",
        find="log_total = math.log(total)",
        replace="log_total = total",
        says="the logarithm of the sum of exponentials is subtracted, not the sum itself",
    ),
    Mutant(
        name="sum of the gradients forgotten",
        kernel="log_softmax_backward_x_cpu",
        find=" - math.exp(log_p[n, c, d]) * g",
        replace="",
        says="every logit changes the log-probabilities of all classes: the probability times the sum of the gradients is subtracted",
    ),
    Mutant(
        name="logarithm in place of the probability",
        kernel="log_softmax_backward_x_cpu",
        find="math.exp(log_p[n, c, d]) * g",
        replace="log_p[n, c, d] * g",
        says="the probability is the exponential of what forward saved",
    ),
    Mutant(
        name="own gradient in place of the sum",
        kernel="log_softmax_backward_x_cpu",
        find="math.exp(log_p[n, c, d]) * g",
        replace="math.exp(log_p[n, c, d]) * grad_log_p[n, c, d]",
        says="the probability is multiplied by the sum of the gradients of all classes, not by that of its own",
    ),
]
