"""The classic mistakes in Adam."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="means not corrected",
        kernel="adam_step_cpu",
        find="/ root + eps",
        replace="* 1 + eps",
        says="both means start at 0 and are too small in the first steps: divide the root of v by the root of 1 - beta2 ** t",
    ),
    Mutant(
        name="gradient not averaged",
        kernel="adam_step_cpu",
        find="size * exp_avg[i]",
        replace="size * g",
        says="the step goes along the running mean of the gradient, not along the gradient",
    ),
    Mutant(
        name="means exchanged",
        kernel="adam_step_cpu",
        find="new1 * (g - exp_avg[i])",
        replace="new2 * (g - exp_avg[i])",
        says="beta1 belongs to the mean of the gradient, beta2 to that of its square",
    ),
    Mutant(
        name="square root forgotten",
        kernel="adam_step_cpu",
        find="math.sqrt(v)",
        replace="v",
        says="the divisor is the root of the mean square, so that it has the size of a gradient",
    ),
    Mutant(
        name="smallest instead of largest",
        kernel="adam_step_cpu",
        find="max_exp_avg_sq[i] >= v",
        replace="max_exp_avg_sq[i] < v",
        says="amsgrad divides by the largest mean square so far, so that steps only become shorter",
    ),
]
