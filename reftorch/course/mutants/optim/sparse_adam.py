"""The classic mistakes in SparseAdam."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="row of the gradient taken for that of the table",
        kernel="sparse_adam_step_cpu",
        find="row = rows[k]",
        replace="row = k",
        says="the k-th row of the gradient belongs to the row rows[k] of the table",
    ),
    Mutant(
        name="square not averaged",
        kernel="sparse_adam_step_cpu",
        find="new2 * (g * g - exp_avg_sq[row, d])",
        replace="new2 * g * g",
        says="the running mean adds a part of the difference: subtract the old mean from the new square",
    ),
    Mutant(
        name="gradient not averaged",
        kernel="sparse_adam_step_cpu",
        find="size * exp_avg[row, d]",
        replace="size * g",
        says="the step goes along the running mean of the gradient, not along the gradient",
    ),
    Mutant(
        name="square root forgotten",
        kernel="sparse_adam_step_cpu",
        find="math.sqrt(exp_avg_sq[row, d])",
        replace="exp_avg_sq[row, d]",
        says="the divisor is the root of the mean square, so that it has the size of a gradient",
    ),
    Mutant(
        name="only the first element",
        kernel="sparse_adam_step_cpu",
        find="range(grad.shape[1])",
        replace="range(1)",
        says="all elements of a row are updated",
    ),
]
