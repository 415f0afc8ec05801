"""Classic mistakes in GaussianNLLLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "gaussian_nll_loss_forward_cpu", "gaussian_nll_loss_backward_x_cpu"
VAR = "gaussian_nll_loss_backward_var_cpu"

MUTANTS = [
    Mutant(
        name="logarithm of the standard deviation",
        kernel=FORWARD,
        find="math.log(v)",
        replace="math.log(math.sqrt(v))",
        says="half of the logarithm of the variance is the logarithm of the standard deviation: the third tensor is the variance",
    ),
    Mutant(
        name="divided by the square of the variance",
        kernel=FORWARD,
        find="d * d / v",
        replace="d * d / (v * v)",
        says="the squared error is divided by the variance; only a standard deviation would be squared",
    ),
    Mutant(
        name="variance not limited",
        kernel=FORWARD,
        find="if v < x.dtype.type(eps):",
        replace="if False:",
        says="a variance below eps is replaced by eps: 0 has no logarithm",
    ),
    Mutant(
        name="gradient without the variance",
        kernel=BACKWARD,
        find="grad_loss[i] * d / v",
        replace="grad_loss[i] * d",
        says="an element with a large variance has a smaller gradient: divide by the variance",
    ),
    Mutant(
        name="variance always grows",
        kernel=VAR,
        find="(x.dtype.type(1) / v - d / v * (d / v))",
        replace="(-d / v * (d / v))",
        says="the term 1 / v comes from the logarithm: it makes a large variance smaller",
    ),
    Mutant(
        name="not halved",
        kernel=VAR,
        find="x.dtype.type(0.5) * grad_loss[i]",
        replace="grad_loss[i]",
        says="the factor 1/2 of the loss stays in the derivative with respect to the variance",
    ),
]
