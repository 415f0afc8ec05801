"""Classic mistakes in spectral normalization."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "spectral_norm_forward_cpu", "spectral_norm_backward_weight_cpu"

MUTANTS = [
    Mutant(
        name="multiplied",
        kernel=FORWARD,
        find="weight[i, j] / sigma[0]",
        replace="weight[i, j] * sigma[0]",
        says="the weight is divided by its singular value, so that the largest one of the result is 1",
    ),
    Mutant(
        name="singular value taken as a constant",
        kernel=BACKWARD,
        find=" - along[0] * u[i] * v[j]",
        replace="",
        says="the singular value depends on the weight, too: the gradient of this part is missing",
    ),
    Mutant(
        name="gradient without the division",
        kernel=BACKWARD,
        find="/ sigma[0]",
        replace="",
        says="y is the weight divided by sigma, so the gradient is divided by sigma too",
    ),
    Mutant(
        name="sign of the second term",
        kernel=BACKWARD,
        find="- along[0]",
        replace="+ along[0]",
        says="a larger singular value makes y smaller: this part of the gradient has a minus sign",
    ),
]
