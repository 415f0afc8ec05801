"""Classic mistakes in CosineEmbeddingLoss."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "cosine_embedding_loss_forward_cpu", "cosine_embedding_loss_backward_x1_cpu"

MUTANTS = [
    Mutant(
        name="margin for pairs that belong together",
        kernel=FORWARD,
        find="loss[n] = x1.dtype.type(1) - cosine",
        replace="loss[n] = x1.dtype.type(1) - cosine - x1.dtype.type(margin)",
        says="pairs that belong together should have the cosine 1; the margin is for the others",
    ),
    Mutant(
        name="not cut at 0",
        kernel=FORWARD,
        find="if target[n] == -1 and not cosine < x1.dtype.type(margin):",
        replace="if target[n] == -1:",
        says="a pair whose cosine is below the margin is different enough: its loss is 0",
    ),
    Mutant(
        name="angle without lengths",
        kernel=FORWARD,
        find="cosine = dot / math.sqrt(q1 * q2)",
        replace="cosine = dot",
        says="the dot product is the cosine only for vectors of length 1: it is divided by both lengths",
    ),
    Mutant(
        name="squared lengths",
        kernel=FORWARD,
        find="math.sqrt(q1 * q2)",
        replace="(q1 * q2)",
        says="the dot product is divided by the lengths, the roots of the sums of squares",
    ),
    Mutant(
        name="projection missing",
        kernel=BACKWARD,
        find=" - cosine * x1[n, d] / q1",
        replace="",
        says="the length of the vector changes, too: without this term the gradient is not orthogonal to the vector",
    ),
    Mutant(
        name="pushed apart instead of together",
        kernel=BACKWARD,
        find="slope = -1",
        replace="slope = 1",
        says="for a pair that belongs together the loss is 1 minus the cosine: its derivative with respect to the cosine is -1",
    ),
]
