"""Classic mistakes in TripletMarginLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "triplet_margin_loss_forward_cpu", "triplet_margin_loss_backward_near_cpu"

MUTANTS = [
    Mutant(
        name="distances exchanged",
        kernel=FORWARD,
        find="near[i] - far[i]",
        replace="far[i] - near[i]",
        says="the distance of the positive should be small, that of the negative large",
    ),
    Mutant(
        name="margin subtracted",
        kernel=FORWARD,
        find="near.dtype.type(margin) + near[i]",
        replace="near[i] - near.dtype.type(margin)",
        says="the margin is added: it makes the loss larger until the negative is far enough away",
    ),
    Mutant(
        name="squared distances",
        kernel=FORWARD,
        find="+ near[i] - far[i]",
        replace="+ near[i] * near[i] - far[i] * far[i]",
        says="the distances themselves are compared, not their squares",
    ),
    Mutant(
        name="not cut at 0",
        kernel=FORWARD,
        find="if value < near.dtype.type(0):",
        replace="if False:",
        says="the loss of a triplet with enough distance is 0; it must not become negative",
    ),
    Mutant(
        name="gradient for satisfied triplets",
        kernel=BACKWARD,
        find="if near.dtype.type(margin) + near[i] - far[i] >= near.dtype.type(0):",
        replace="if True:",
        says="a triplet whose loss was set to 0 has no gradient",
    ),
    Mutant(
        name="no slope at the kink",
        kernel=BACKWARD,
        find=">= near.dtype.type(0)",
        replace="> near.dtype.type(0)",
        says="at exactly 0 the slope of the right side counts, as in PyTorch",
    ),
]
