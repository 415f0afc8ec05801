"""Classic mistakes in RNNCell."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="the old state is forgotten",
        kernel="rnn_tanh_cell_forward_cpu",
        find="a_x[i] + a_h[i]",
        replace="a_x[i]",
        says="the new state depends on the old one too: add the product of the state",
    ),
    Mutant(
        name="the state is added outside",
        kernel="rnn_tanh_cell_forward_cpu",
        find="math.tanh(a_x[i] + a_h[i])",
        replace="math.tanh(a_x[i]) + a_h[i]",
        says="the tanh is applied to the sum of both products: otherwise the state may grow without bound",
    ),
    Mutant(
        name="derivative without the square",
        kernel="rnn_tanh_cell_backward_a_cpu",
        find="h_next[i] * h_next[i]",
        replace="h_next[i]",
        says="the derivative of tanh is one minus the square of its output",
    ),
    Mutant(
        name="derivative of the sigmoid",
        kernel="rnn_tanh_cell_backward_a_cpu",
        find="(h_next.dtype.type(1) - h_next[i] * h_next[i])",
        replace="h_next[i] * (h_next.dtype.type(1) - h_next[i])",
        says="h (1 - h) belongs to the sigmoid; the derivative of tanh is 1 - h * h",
    ),
    Mutant(
        name="ReLU of the parts",
        kernel="rnn_relu_cell_forward_cpu",
        find="a_x[i] + a_h[i]",
        replace="max(a_x[i], a_x.dtype.type(0)) + max(a_h[i], a_x.dtype.type(0))",
        says="the ReLU is applied to the sum of both products",
    ),
    Mutant(
        name="ReLU lets all gradients pass",
        kernel="rnn_relu_cell_backward_a_cpu",
        find="zero if h_next[i] <= zero else grad_h_next[i]",
        replace="grad_h_next[i]",
        says="where the state is 0, the derivative of the ReLU is 0: no gradient passes",
    ),
]
