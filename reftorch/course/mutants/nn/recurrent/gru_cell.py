"""Classic mistakes in GRUCell."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "gru_cell_forward_cpu", "gru_cell_backward_a_cpu"

MUTANTS = [
    Mutant(
        name="update gate the other way round",
        kernel=FORWARD,
        find="(one - z) * n + z * h[s, j]",
        replace="z * n + (one - z) * h[s, j]",
        says="z = 1 keeps the old state: z multiplies h, and 1 - z the candidate",
    ),
    Mutant(
        name="order of the gates z, r, n",
        kernel=FORWARD,
        find="""r = one / (one + math.exp(-(a_x[s, j] + a_h[s, j])))
            z = one / (one + math.exp(-(a_x[s, H + j] + a_h[s, H + j])))""",
        replace="""z = one / (one + math.exp(-(a_x[s, j] + a_h[s, j])))
            r = one / (one + math.exp(-(a_x[s, H + j] + a_h[s, H + j])))""",
        says="PyTorch's order is r, z, n: the reset gate is the first",
    ),
    Mutant(
        name="candidate without the reset gate",
        kernel=FORWARD,
        find="+ r * q",
        replace="+ q",
        says="the reset gate multiplies the state's part of the candidate: r * q",
    ),
    Mutant(
        name="reset gate on the input too",
        kernel=FORWARD,
        find="a_x[s, 2 * H + j] + r * q",
        replace="r * (a_x[s, 2 * H + j] + q)",
        says="the reset gate multiplies only the state's part, not the input's",
    ),
    Mutant(
        name="both biases alike",
        kernel=BACKWARD,
        find="grad_a_h[s, 2 * H + j] = delta_n * r",
        replace="grad_a_h[s, 2 * H + j] = delta_n",
        says="the reset gate multiplies the state's part, so it multiplies the gradient of this part, too",
    ),
    Mutant(
        name="reset gate with the state",
        kernel=BACKWARD,
        find="delta_n * q * r * (one - r)",
        replace="delta_n * h[s, j] * r * (one - r)",
        says="the reset gate multiplied q, the product with the weight, and not the state",
    ),
    Mutant(
        name="sign of the update gate",
        kernel=BACKWARD,
        find="(h[s, j] - n)",
        replace="(n - h[s, j])",
        says="the new state is (1 - z) n + z h: its derivative with respect to z is h - n",
    ),
    Mutant(
        name="the state gets the candidate's share",
        kernel=BACKWARD,
        find="grad_h[s, j] = grad_h_next[s, j] * z",
        replace="grad_h[s, j] = grad_h_next[s, j] * (one - z)",
        says="the old state was multiplied by z in the mixture, and so is its gradient",
    ),
]
