"""Classic mistakes in PoissonNLLLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "poisson_nll_loss_forward_cpu", "poisson_nll_loss_backward_x_cpu"
TARGET = "poisson_nll_loss_backward_target_cpu"

MUTANTS = [
    Mutant(
        name="Stirling's formula for small counts",
        kernel=FORWARD,
        find="if full and t > x.dtype.type(1):",
        replace="if full:",
        says="Stirling's approximation is added for targets above 1 only; for 0 it would be infinite",
    ),
    Mutant(
        name="eps outside the logarithm",
        kernel=FORWARD,
        find="math.log(x[i] + x.dtype.type(eps))",
        replace="(math.log(x[i]) + x.dtype.type(eps))",
        says="eps is added to the rate, before the logarithm: it keeps the logarithm of 0 finite",
    ),
    Mutant(
        name="logarithm of a logarithm",
        kernel=FORWARD,
        find="math.exp(x[i]) - t * x[i]",
        replace="math.exp(x[i]) - t * math.log(x[i] + x.dtype.type(eps))",
        says="with log_input the input is already the logarithm: multiply it by the count",
    ),
    Mutant(
        name="count missing in the slope",
        kernel=BACKWARD,
        find="(math.exp(x[i]) - target[i])",
        replace="math.exp(x[i])",
        says="the gradient is the predicted rate minus the observed count; without the count it is never 0",
    ),
    Mutant(
        name="quotient upside down",
        kernel=BACKWARD,
        find="target[i] / (x[i] + x.dtype.type(eps))",
        replace="(x[i] + x.dtype.type(eps)) / target[i]",
        says="the derivative of t log x is t / x",
    ),
    Mutant(
        name="Stirling's slope without its last term",
        kernel=TARGET,
        find="math.log(t) + x.dtype.type(0.5) / t",
        replace="math.log(t)",
        says="the derivative of log(2 pi t) / 2 is 1 / (2 t)",
    ),
]
