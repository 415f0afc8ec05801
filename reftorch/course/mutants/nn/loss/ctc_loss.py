"""Classic mistakes in CTCLoss."""

from reftorch.course.mutants import Mutant

ALPHA, FORWARD, BETA = "ctc_loss_forward_alpha_cpu", "ctc_loss_forward_cpu", "ctc_loss_backward_beta_cpu"
BACKWARD = "ctc_loss_backward_x_cpu"

MUTANTS = [
    Mutant(
        name="jump between equal labels",
        kernel=ALPHA,
        find="if s > 1 and label != label_at(target, n, s - 2, blank):",
        replace="if s > 1 and s % 2 == 1:",
        says="a blank is needed between two equal labels: without it, the path means this label once only",
    ),
    Mutant(
        name="jump to a blank",
        kernel=ALPHA,
        find="if s > 1 and label != label_at(target, n, s - 2, blank):",
        replace="if s > 1 and (s % 2 == 0 or label != label_at(target, n, s - 2, blank)):",
        says="a jump from blank to blank would leave a label out",
    ),
    Mutant(
        name="start at the blank only",
        kernel=ALPHA,
        find="if t == 0 and s < 2:",
        replace="if t == 0 and s < 1:",
        says="a path may begin with the blank or with the first label",
    ),
    Mutant(
        name="end at the last label only",
        kernel=FORWARD,
        find="ways = alpha[n, T - 1, S - 1]",
        replace="ways = alpha[n, T - 1, max(S - 2, 0)]",
        says="a path may end with the last label or with the blank after it: both are added",
    ),
    Mutant(
        name="padding read",
        kernel=FORWARD,
        find="T = input_lengths[n]",
        replace="T = alpha.shape[1]",
        says="each sample has its own number of time steps; the steps after it are padding",
    ),
    Mutant(
        name="beta without its own probability",
        kernel=BETA,
        find="beta[n, t, s] = x[t, n, label] + ways",
        replace="beta[n, t, s] = ways",
        says="beta includes the probability of its own time step, as alpha does; the gradient divides by one of them",
    ),
    Mutant(
        name="beta without the jump",
        kernel=BETA,
        find="if s < S - 2 and label != label_at(target, n, s + 2, blank):",
        replace="if False:",
        says="in beta, too, a path may leave out the blank between two different labels",
    ),
    Mutant(
        name="probability counted twice",
        kernel=BACKWARD,
        find="+ loss[n] - x[t, n, c])",
        replace="+ loss[n])",
        says="alpha and beta both contain the probability of this time step: divide by it once",
    ),
    Mutant(
        name="gradient of padding",
        kernel=BACKWARD,
        find="silent = t >= input_lengths[n] or (zero_infinity and loss[n] == math.inf)",
        replace="silent = zero_infinity and loss[n] == math.inf",
        says="time steps after the length of a sample have no gradient",
    ),
    Mutant(
        name="positions with the same label overwrite each other",
        kernel=BACKWARD,
        find="log_add(grad_x[t, n, label], alpha[n, t, s] + beta[n, t, s])",
        replace="alpha[n, t, s] + beta[n, t, s]",
        says="a class may occur several times in the text: the paths of all its positions are added",
    ),
]
