"""Classic mistakes in GRU."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="the state is not carried on",
        kernel="gru_forward",
        find="copy(h[:n], out[rows])",
        replace="pass",
        says="the next step starts from the new state: keep it",
    ),
    Mutant(
        name="the state of the last time only",
        kernel="gru_forward",
        find="copy(h[:n], out[rows])",
        replace="h = out[rows].copy()",
        says="a sequence that has ended keeps its state: replace only the first n rows",
    ),
    Mutant(
        name="reverse direction from the start",
        kernel="gru_forward",
        find="time_steps(batch_sizes, reverse)",
        replace="time_steps(batch_sizes, False)",
        says="the second direction reads from the last time to the first",
    ),
    Mutant(
        name="only through the product",
        kernel="gru_backward",
        find="add(mixed[:n], of_state(delta_h[rows]))",
        replace="of_state(delta_h[rows])",
        says="a part of the old state goes directly into the new state: add this gradient",
    ),
    Mutant(
        name="only through the mixture",
        kernel="gru_backward",
        find="add(mixed[:n], of_state(delta_h[rows]))",
        replace="mixed[:n]",
        says="the old state also acts through its product with the weight: add this gradient",
    ),
    Mutant(
        name="the input's gradient for the state",
        kernel="gru_backward",
        find="of_state(delta_h[rows])",
        replace="of_state(delta_x[rows])",
        says="the reset gate multiplies only the product with the state, so the products with state and input have different gradients",
    ),
    Mutant(
        name="only the own output",
        kernel="gru_backward",
        find="add(grad_y[rows], grad_h[:n])",
        replace="grad_y[rows]",
        says="the state is an input of the next step, too: add the gradient from there",
    ),
]
