"""Classic mistakes in MarginRankingLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "margin_ranking_loss_forward_cpu", "margin_ranking_loss_backward_x1_cpu"
TARGET = "margin_ranking_loss_backward_target_cpu"

MUTANTS = [
    Mutant(
        name="scores exchanged",
        kernel=FORWARD,
        find="x1[i] - x2[i]",
        replace="x2[i] - x1[i]",
        says="for the target 1 the first score should be larger: the loss falls as first minus second grows",
    ),
    Mutant(
        name="target used twice",
        kernel=FORWARD,
        find="+ x1.dtype.type(margin)",
        replace="+ target[i] * x1.dtype.type(margin)",
        says="the margin is added as it is, for both signs of the target",
    ),
    Mutant(
        name="not cut at 0",
        kernel=FORWARD,
        find="if value < x1.dtype.type(0):",
        replace="if False:",
        says="the loss of a pair in the right order is 0; without the maximum it would be negative",
    ),
    Mutant(
        name="no slope at the kink",
        kernel=BACKWARD,
        find="value >= x1.dtype.type(0)",
        replace="value > x1.dtype.type(0)",
        says="at exactly 0 the slope of the right side counts, as in PyTorch",
    ),
    Mutant(
        name="gradient for satisfied pairs",
        kernel=BACKWARD,
        find="if value >= x1.dtype.type(0):",
        replace="if True:",
        says="a pair whose loss was set to 0 has no gradient",
    ),
    Mutant(
        name="target's gradient uphill",
        kernel=TARGET,
        find="-g * (x1[i] - x2[i])",
        replace="grad_loss[i] * (x1[i] - x2[i])",
        says="the loss contains the difference with a minus sign",
    ),
]
