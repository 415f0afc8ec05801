"""Classic mistakes in weight normalization."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD_G, BACKWARD_V = "weight_norm_forward_cpu", "weight_norm_backward_g_cpu", "weight_norm_backward_v_cpu"

MUTANTS = [
    Mutant(
        name="square of the length",
        kernel=FORWARD,
        find="math.sqrt(squares)",
        replace="squares",
        says="the vector was divided by the sum of its squares; its length is the square root of this sum",
    ),
    Mutant(
        name="length not learnt",
        kernel=FORWARD,
        find="g[d] * (v[a, d, b] / norm[d])",
        replace="v[a, d, b] / norm[d]",
        says="every vector has length 1: multiply it by its learned length g",
    ),
    Mutant(
        name="gradient of the length without the division",
        kernel=BACKWARD_G,
        find="along / norm[d]",
        replace="along",
        says="w is g times v divided by its length, so the gradient of g is divided by that length too",
    ),
    Mutant(
        name="length taken as a constant",
        kernel=BACKWARD_V,
        find=" - v[a, d, b] * (grad_g[d] / norm[d])",
        replace="",
        says="the length of v depends on every element of v: subtract the part of the gradient parallel to v",
    ),
]
