"""Classic mistakes in CosineSimilarity."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "cosine_similarity_forward_cpu", "cosine_similarity_backward_x1_cpu"

MUTANTS = [
    Mutant(
        name="one limit for the product",
        kernel=FORWARD,
        find="y[n, k] = acc",
        replace="y[n, k] = acc * m1 * m2 / max(math.sqrt(square1 * square2), x1.dtype.type(eps))",
        says="each length is limited by itself: a short vector is limited even if the other one is long",
    ),
    Mutant(
        name="eps added",
        kernel=FORWARD,
        find="m1 = max(x1.dtype.type(math.sqrt(square1)), x1.dtype.type(eps))",
        replace="m1 = math.sqrt(square1) + x1.dtype.type(eps)",
        says="eps is the smallest length that is used; it is not added to longer ones",
    ),
    Mutant(
        name="squared lengths",
        kernel=FORWARD,
        find="m2 = max(x1.dtype.type(math.sqrt(square2)), x1.dtype.type(eps))",
        replace="m2 = max(square2, x1.dtype.type(eps))",
        says="the dot product is divided by the lengths, which are roots of the sums of squares",
    ),
    Mutant(
        name="projection missing",
        kernel=BACKWARD,
        find=" - along * x1[n, d, k]",
        replace="",
        says="the length depends on the vector, too: without this term the gradient is not orthogonal to the vector",
    ),
    Mutant(
        name="limited length differentiated",
        kernel=BACKWARD,
        find="along = y[n, k] / m1 / length1",
        replace="along = y[n, k] / m1 / m1",
        says="the direction a / |a| takes the length itself, not the limited one",
    ),
]
