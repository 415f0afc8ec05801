"""The classic mistakes in stochastic gradient descent."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="uphill",
        kernel="sgd_step_cpu",
        find="param[i] -= lr * d",
        replace="param[i] += lr * d",
        says="the step goes along the gradient, so the loss grows; to descend, subtract",
    ),
    Mutant(
        name="learning rate forgotten",
        kernel="sgd_step_cpu",
        find="param[i] -= lr * d",
        replace="param[i] -= d",
        says="the direction has to be multiplied by the learning rate",
    ),
    Mutant(
        name="growth instead of decay",
        kernel="sgd_step_cpu",
        find="g += weight_decay * param[i]",
        replace="g -= weight_decay * param[i]",
        says="weight decay is added to the gradient, which is subtracted later; if it is subtracted here, the weights grow",
    ),
    Mutant(
        name="decay outside of maximize",
        kernel="sgd_step_cpu",
        find="g += weight_decay * param[i]",
        replace="g += -weight_decay * param[i] if maximize else weight_decay * param[i]",
        says="maximize negates the gradient only; the weight decay still pulls towards zero",
    ),
    Mutant(
        name="maximize ignored",
        kernel="sgd_step_cpu",
        find="g = -grad[i] if maximize else grad[i]",
        replace="g = grad[i]",
        says="with maximize the gradient has to be negated",
    ),
    Mutant(
        name="first step damped",
        kernel="sgd_step_cpu",
        find="g if first else momentum * buf[i] + undamped * g",
        replace="undamped * g if first else momentum * buf[i] + undamped * g",
        says="on the first step the buffer is the gradient itself; dampening begins with the second",
    ),
    Mutant(
        name="buffer never fades",
        kernel="sgd_step_cpu",
        find="momentum * buf[i] + undamped * g",
        replace="buf[i] + undamped * g",
        says="the old buffer has to be multiplied by the momentum; otherwise, old gradients never decay",
    ),
    Mutant(
        name="moving average",
        kernel="sgd_step_cpu",
        find="momentum * buf[i] + undamped * g",
        replace="momentum * buf[i] + (1 - momentum) * undamped * g",
        says="this is an average, as in Adam; the momentum of SGD is a sum: the gradient enters with 1 - dampening",
    ),
    Mutant(
        name="buffer not used",
        kernel="sgd_step_cpu",
        find="d = g + momentum * buf[i] if nesterov else buf[i]",
        replace="d = g + momentum * buf[i] if nesterov else g",
        says="the buffer is kept up to date but not used: with momentum the step goes along the buffer, not the gradient",
    ),
    Mutant(
        name="nesterov ignored",
        kernel="sgd_step_cpu",
        find="d = g + momentum * buf[i] if nesterov else buf[i]",
        replace="d = buf[i]",
        says="this is plain momentum; Nesterov's direction is the gradient plus momentum times the new buffer",
    ),
    Mutant(
        name="nesterov with the factors exchanged",
        kernel="sgd_step_cpu",
        find="d = g + momentum * buf[i] if nesterov",
        replace="d = buf[i] + momentum * g if nesterov",
        says="in Nesterov's direction the buffer is multiplied by the momentum, not the gradient",
    ),
    Mutant(
        name="one buffer for all",
        kernel="sgd_step_many_cpu",
        find="bufs[k]",
        replace="bufs[0]",
        says="every parameter has its own buffer",
    ),
]
