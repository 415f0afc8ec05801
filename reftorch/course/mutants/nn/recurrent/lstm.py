"""Classic mistakes in LSTM."""

from reftorch.course.mutants import Mutant

MUTANTS = [
    Mutant(
        name="the memory is not carried on",
        kernel="lstm_forward",
        find="copy(c[:n], c_next[rows])",
        replace="pass",
        says="the next step starts from the new memory as well as from the new state",
    ),
    Mutant(
        name="the states of the last time only",
        kernel="lstm_forward",
        find="copy(h[:n], out[rows])",
        replace="h = out[rows].copy()",
        says="a sequence that has ended keeps its state: replace only the first n rows",
    ),
    Mutant(
        name="memory in place of the state",
        kernel="lstm_forward",
        find="copy(h[:n], out[rows])",
        replace="copy(h[:n], c_next[rows] if weight_hr is None else out[rows])",
        says="the next step reads the state, which is the output gate times tanh of the memory, and not the memory",
    ),
    Mutant(
        name="reverse direction from the start",
        kernel="lstm_forward",
        find="time_steps(batch_sizes, reverse)",
        replace="time_steps(batch_sizes, False)",
        says="the second direction reads from the last time to the first",
    ),
    Mutant(
        name="memory's gradient is not carried on",
        kernel="lstm_backward",
        find="copy(grad_c[:n], room[:n])",
        replace="pass",
        says="the gradient of the memory, times the forget gate, goes to the step before",
    ),
    Mutant(
        name="only the own output",
        kernel="lstm_backward",
        find="add(grad_y[rows], grad_h[:n])",
        replace="grad_y[rows]",
        says="the state is an input of the next step, too: add the gradient from there",
    ),
    Mutant(
        name="no gradient through the projection",
        kernel="lstm_backward",
        find="else projected(arrived[rows])",
        replace="else 0 * projected(arrived[rows])",
        says="the state was projected, so its gradient goes through the projection's weight",
    ),
]
