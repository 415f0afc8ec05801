"""Classic mistakes in DistributedDataParallel."""

from reftorch.course.mutants import Mutant

KERNEL = "average_into_backward_bucket_cpu"

MUTANTS = [
    Mutant(
        name="sum instead of average",
        kernel=KERNEL,
        find="bucket.dtype.type(scale) * grad[i]",
        replace="grad[i]",
        says="the gradients of all ranks were added and not averaged: multiply each by the scale, 1 / W",
    ),
    Mutant(
        name="divided by the scale",
        kernel=KERNEL,
        find="bucket.dtype.type(scale) * grad[i]",
        replace="grad[i] / bucket.dtype.type(scale)",
        says="the gradient was divided by 1 / W, which multiplies it by the number of ranks: multiply by the scale",
    ),
    Mutant(
        name="added to the last step",
        kernel=KERNEL,
        find="bucket[i] = ",
        replace="bucket[i] += ",
        says="the bucket still holds the sum of the last step: assign each element, do not add to it",
    ),
    Mutant(
        name="scaled twice",
        kernel=KERNEL,
        find="bucket.dtype.type(scale) * grad[i]",
        replace="bucket.dtype.type(scale) * bucket.dtype.type(scale) * grad[i]",
        says="the gradient was multiplied by 1 / W twice: the sum over ranks needs the scale once to be the average",
    ),
]
