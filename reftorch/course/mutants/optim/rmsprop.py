"""The classic mistakes in RMSprop."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="square root forgotten",
        kernel="rmsprop_step_cpu",
        find="math.sqrt(s)",
        replace="s",
        says="the divisor is the root of the mean square, so that it has the size of a gradient",
    ),
    Mutant(
        name="mean square not subtracted",
        kernel="rmsprop_step_cpu",
        find="s -= grad_avg[i] * grad_avg[i]",
        replace="s -= grad_avg[i] * 0",
        says="the variance is the mean square minus the square of the mean",
    ),
    Mutant(
        name="buffer of gradients",
        kernel="rmsprop_step_cpu",
        find="momentum * buf[i] + d",
        replace="momentum * buf[i] + g",
        says="the buffer sums directions that are already divided by the root",
    ),
    Mutant(
        name="sum instead of mean",
        kernel="rmsprop_step_cpu",
        find="new * g * g",
        replace="g * g",
        says="a running mean takes only 1 - alpha of the new square; the sum is Adagrad",
    ),
]
