"""Classic mistakes in HingeEmbeddingLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "hinge_embedding_loss_forward_cpu", "hinge_embedding_loss_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="either one or the other",
        kernel=FORWARD,
        find="if target[i] != x.dtype.type(1):",
        replace="if target[i] == x.dtype.type(-1):",
        says="a target that is neither 1 nor -1 gets both terms: each one leaves out only its opposite",
    ),
    Mutant(
        name="margin for pairs that belong together",
        kernel=FORWARD,
        find="loss[i] += x[i]",
        replace="loss[i] += x[i] - x.dtype.type(margin)",
        says="the loss of a pair that belongs together is its distance; the margin is for the other pairs",
    ),
    Mutant(
        name="not cut at 0",
        kernel=FORWARD,
        find="if missing < x.dtype.type(0):",
        replace="if False:",
        says="the loss of a pair that is further apart than the margin is 0",
    ),
    Mutant(
        name="no slope at the margin",
        kernel=BACKWARD,
        find="missing >= x.dtype.type(0)",
        replace="missing > x.dtype.type(0)",
        says="at a distance of exactly the margin the slope is -1, as in PyTorch",
    ),
    Mutant(
        name="other pairs pulled together",
        kernel=BACKWARD,
        find="grad_x[i] -= grad_loss[i]",
        replace="grad_x[i] += grad_loss[i]",
        says="a pair that does not belong together is pushed apart: a larger distance makes its loss smaller",
    ),
]
