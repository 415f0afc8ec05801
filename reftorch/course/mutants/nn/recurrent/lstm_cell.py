"""Classic mistakes in LSTMCell."""

from reftorch.course.mutants import Mutant

FORWARD, BACKWARD = "lstm_cell_forward_cpu", "lstm_cell_backward_a_cpu"

MUTANTS = [
    Mutant(
        name="input and forget gate exchanged",
        kernel=FORWARD,
        find="f * c[n, j] + i * g",
        replace="i * c[n, j] + f * g",
        says="the forget gate multiplies the old memory, the input gate the candidate",
    ),
    Mutant(
        name="order of the gates i, f, o, g",
        kernel=FORWARD,
        find="""g = math.tanh(a_x[n, 2 * H + j] + a_h[n, 2 * H + j])
            o = one / (one + math.exp(-(a_x[n, 3 * H + j] + a_h[n, 3 * H + j])))""",
        replace="""g = math.tanh(a_x[n, 3 * H + j] + a_h[n, 3 * H + j])
            o = one / (one + math.exp(-(a_x[n, 2 * H + j] + a_h[n, 2 * H + j])))""",
        says="PyTorch's order of the gates is i, f, g, o: the candidate is the third, the output gate the fourth",
    ),
    Mutant(
        name="gates of one unit beside each other",
        kernel=FORWARD,
        find="f = one / (one + math.exp(-(a_x[n, H + j] + a_h[n, H + j])))",
        replace="f = one / (one + math.exp(-(a_x[n, (4 * j + 1) % (4 * H)] + a_h[n, (4 * j + 1) % (4 * H)])))",
        says="first come the input gates of all units, then the forget gates of all units: H + j",
    ),
    Mutant(
        name="candidate through a sigmoid",
        kernel=FORWARD,
        find="g = math.tanh(a_x[n, 2 * H + j] + a_h[n, 2 * H + j])",
        replace="g = one / (one + math.exp(-(a_x[n, 2 * H + j] + a_h[n, 2 * H + j])))",
        says="the candidate is computed with tanh: it may be negative, so the memory can decrease, too",
    ),
    Mutant(
        name="state without tanh",
        kernel=FORWARD,
        find="o * math.tanh(c_next[n, j])",
        replace="o * c_next[n, j]",
        says="the state is the output gate times the tanh of the memory",
    ),
    Mutant(
        name="state of the old memory",
        kernel=FORWARD,
        find="math.tanh(c_next[n, j])",
        replace="math.tanh(c[n, j])",
        says="the state is computed from the new memory, not from the old one",
    ),
    Mutant(
        name="gradient from later steps is lost",
        kernel=BACKWARD,
        find="grad_c_next[n, j] + ",
        replace="",
        says="the memory is also used by later steps: add the gradient from there",
    ),
    Mutant(
        name="gradient through the state is lost",
        kernel=BACKWARD,
        find=" + grad_h_next[n, j] * o * (one - tanh_c * tanh_c)",
        replace="",
        says="the memory also acts through the state h = o tanh(c): add this part",
    ),
    Mutant(
        name="forget gate with the new memory",
        kernel=BACKWARD,
        find="delta * c[n, j] * f",
        replace="delta * c_next[n, j] * f",
        says="the forget gate multiplied the old memory, so its gradient is multiplied by the old memory",
    ),
    Mutant(
        name="candidate with the derivative of a sigmoid",
        kernel=BACKWARD,
        find="(one - g * g)",
        replace="g * (one - g)",
        says="the candidate was computed with tanh, whose derivative is one minus its square",
    ),
    Mutant(
        name="memory passes unchanged",
        kernel=BACKWARD,
        find="grad_c[n, j] = delta * f",
        replace="grad_c[n, j] = delta",
        says="the old memory was multiplied by the forget gate, and so is its gradient",
    ),
]
