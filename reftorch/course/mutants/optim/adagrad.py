"""The classic mistakes in Adagrad."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="forgets",
        kernel="adagrad_step_cpu",
        find="total[i] += g * g",
        replace="total[i] = g * g",
        says="the squares of all steps are summed; with the last square alone, only the sign of the gradient is left",
    ),
    Mutant(
        name="square root forgotten",
        kernel="adagrad_step_cpu",
        find="math.sqrt(total[i])",
        replace="total[i]",
        says="the divisor is the root of the sum, so that it has the size of a gradient",
    ),
    Mutant(
        name="decay after the sum",
        kernel="adagrad_step_cpu",
        find="g += weight_decay * param[i]",
        replace="g += weight_decay * total[i]",
        says="weight decay adds weight_decay times the parameter to the gradient, before the gradient is squared",
    ),
]
