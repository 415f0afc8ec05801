"""Classic mistakes in MultiLabelMarginLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "multi_label_margin_loss_forward_cpu", "multi_label_margin_loss_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="right classes compared with each other",
        kernel=FORWARD,
        find="if is_target[n, c] == 0 and missing",
        replace="if missing",
        says="a right class is compared with the wrong ones only",
    ),
    Mutant(
        name="list read to its end",
        kernel=FORWARD,
        find="while labels < C and target[n, labels] >= 0:",
        replace="while labels < C and target[n, labels] >= -1:",
        says="the first -1 ends the list of right classes; the entries after it do not count",
    ),
    Mutant(
        name="divided by the number of labels",
        kernel=FORWARD,
        find="acc / x.dtype.type(C)",
        replace="acc / max(labels, 1)",
        says="the sum is divided by the number of classes, not by that of the labels",
    ),
    Mutant(
        name="sign of the distance",
        kernel=FORWARD,
        find="x.dtype.type(1) - x[n, k] + x[n, c]",
        replace="x.dtype.type(1) - x[n, c] + x[n, k]",
        says="the right class should have the larger score",
    ),
    Mutant(
        name="only the wrong class has a gradient",
        kernel=BACKWARD,
        find="grad_x[n, k] -= u",
        replace="pass",
        says="the loss contains both scores of a pair: the right one should grow, and the wrong one shrink",
    ),
    Mutant(
        name="gradient at a distance of exactly 1",
        kernel=BACKWARD,
        find="missing > x.dtype.type(0)",
        replace="missing >= x.dtype.type(0)",
        says="a pair with a distance of 1 is far enough apart, and has no gradient",
    ),
]
