"""Functions of `torch` itself, in its order of arguments, against PyTorch: results and gradients."""

import pytest

import oracle
from both import needs_pytorch, same_outcome
from oracle import ScriptCase, normal, uniform


def recurrent(kind, id, layers=1, bias=True, bidirectional=False, proj=0, batch_first=False, packed=False, options=()):
    """The function on the weights of a layer, called by position; the states are given."""
    name = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn_relu" if options else "rnn_tanh"}[kind]

    def run(torch, x):
        torch.manual_seed(3)
        layer = getattr(torch.nn, kind)(
            3, 4, layers, *options, bias=bias, bidirectional=bidirectional, **{"proj_size": proj} if proj else {}
        )
        layer = layer.to(x.device, x.dtype)
        number = layers * (2 if bidirectional else 1)
        states = [x.new_ones(number, 2, proj or 4), x.new_ones(number, 2, 4) * 2][: 2 if kind == "LSTM" else 1]
        hx = states if kind == "LSTM" else states[0]
        rest = layer._flat_weights, bias, layers, 0.5, False, bidirectional
        if packed:
            found = getattr(torch, name)(x.reshape(-1, 3)[:7], torch.tensor([2, 2, 2, 1]), hx, *rest)
        else:
            found = getattr(torch, name)(x, hx, *rest, batch_first)
        sum((each * each).sum() for each in found).backward()
        return *[each.detach() for each in found], [weight.grad for weight in layer._flat_weights]

    shape = (2, 4, 3) if batch_first else (4, 2, 3)
    return ScriptCase(name, [normal(*shape, grad=False)], run=run, id=id, gradcheck=False)


def cell(name, states=1):
    def run(torch, x, h, *weights):
        return getattr(torch, name)(x, [h, h * 2] if states == 2 else h, *weights)

    gates = {"lstm_cell": 4, "gru_cell": 3}.get(name, 1)
    inputs = [
        normal(2, 3),
        normal(2, 4),
        normal(4 * gates, 3),
        normal(4 * gates, 4),
        normal(4 * gates),
        normal(4 * gates),
    ]
    return ScriptCase(name, inputs, run=run, id="cell", gradcheck=False)


def called(name, inputs, *rest, first=(), **named):
    """The function on tensors, then other arguments; of several results the first is differentiated."""

    def run(torch, *tensors):
        given = [getattr(torch, each) if each in ("int64",) else each for each in rest]
        return getattr(torch, name)(*tensors, *given, **named)

    return ScriptCase(name, inputs, run=run, id=" ".join(map(str, (*rest, *named))), gradcheck=False)


def of_ids(name, *rest, **named):
    """A look-up: ids, and where bags begin, are made here."""

    def run(torch, weight):
        ids, offsets = (torch.tensor(each, device=weight.device) for each in ([2, 0, 2, 1], [0, 1, 3]))
        found = getattr(torch, name)(weight, ids, *([offsets] if name == "embedding_bag" else []), *rest, **named)
        return found[0] if name == "embedding_bag" else found

    return ScriptCase(name, [normal(5, 2)], run=run, id=" ".join(map(str, (*rest, *named))), gradcheck=False)


def random(name, *shape, p=0.5):
    """Dropout, on the CPU, where the draws are torch's."""

    def run(torch, x):
        torch.manual_seed(5)
        y = getattr(torch, name)((x.cpu() * 1), p, True)
        return y.to(x.device)

    return ScriptCase(name, [normal(*shape)], run=run, id=str(shape), gradcheck=False)


def normalized(name, flag):
    def run(torch, x, weight, bias, mean, var):
        mean, var = mean.detach().clone(), var.detach().clone()
        y = getattr(torch, name)(x, weight, bias, mean, var, flag, 0.25, 1e-3, False)
        return y, mean, var

    inputs = [normal(3, 2, 4), normal(2), normal(2), normal(2, grad=False), uniform(0.5, 2, 2, grad=False)]
    return ScriptCase(name, inputs, run=run, id=str(flag), gradcheck=False)


def ctc(torch, x):
    targets = torch.tensor([[1, 2], [3, 3]], device=x.device)
    return torch.ctc_loss(x.log_softmax(2), targets, [5, 4], [2, 1], 0, 2, True)


def signs(name, *rest):
    def run(torch, *tensors):
        target = torch.tensor([1.0, -1.0, 1.0], dtype=tensors[0].dtype, device=tensors[0].device)
        return getattr(torch, name)(*tensors, target, *rest)

    shapes = {"hinge_embedding_loss": [(3,)], "margin_ranking_loss": [(3,), (3,)]}.get(name, [(3, 4), (3, 4)])
    return ScriptCase(name, [normal(*shape) for shape in shapes], run=run, id=str(rest), gradcheck=False)


CASES = [
    recurrent("LSTM", "plain"),
    recurrent("LSTM", "all options", 2, True, True, 2, True),
    recurrent("LSTM", "packed", 2, False, True, packed=True),
    recurrent("GRU", "layers", 2, bidirectional=True, batch_first=True),
    recurrent("GRU", "packed, no bias", bias=False, packed=True),
    recurrent("RNN", "tanh", 2),
    recurrent("RNN", "relu", options=("relu",), packed=True),
    cell("lstm_cell", 2),
    *[cell(name) for name in ("gru_cell", "rnn_tanh_cell", "rnn_relu_cell")],
    of_ids("embedding"),
    of_ids("embedding", 2, True),
    of_ids("embedding", -2),
    *[of_ids("embedding_bag", False, mode) for mode in (0, 1, 2)],
    of_ids("embedding_bag", False, 1, False, None, False, -5),
    *[normalized("batch_norm", flag) for flag in (True, False)],
    *[normalized("instance_norm", flag) for flag in (True, False)],
    *[random(name, 4, 5) for name in ("dropout_", "alpha_dropout_", "feature_dropout_", "feature_alpha_dropout_")],
    *[random("feature_dropout", *shape) for shape in ((2, 3), (2, 3, 2), (2, 3, 2, 2))],
    *[called("kl_div", [normal(2, 3), uniform(0.1, 1, 2, 3)], how) for how in (0, 1, 2)],
    called("kl_div", [normal(2, 3), normal(2, 3)], log_target=True),
    ScriptCase("ctc_loss", [normal(5, 2, 4)], run=ctc, id="sum", gradcheck=False),
    called(
        "binary_cross_entropy_with_logits",
        [normal(2, 3), uniform(0, 1, 2, 3), uniform(0, 1, 3, grad=False), uniform(0, 2, 3, grad=False)],
        2,
    ),
    signs("cosine_embedding_loss", 0.5, 0),
    signs("hinge_embedding_loss", 0.75, 2),
    signs("margin_ranking_loss", 0.5),
    called("triplet_margin_loss", [normal(2, 3), normal(2, 3), normal(2, 3)], 0.5, 1.0, 1e-5, True, 0),
    called("poisson_nll_loss", [normal(4), uniform(0, 3, 4)], True, True, 1e-8, 2),
    called("adaptive_max_pool1d", [normal(2, 3, 7)], 3),
    called("adaptive_avg_pool1d", [normal(2, 3, 7)], 3),
    called("max_pool1d_with_indices", [normal(2, 3, 7)], 3, 2),
    called("max_pool1d", [normal(2, 3, 7)], 2),
    called("avg_pool1d", [normal(2, 3, 7)], 2, 1, 1),
    called("max_pool3d", [normal(1, 1, 3, 4, 5)], 2),
    called("affine_grid_generator", [normal(1, 2, 3)], (1, 1, 2, 3), True),
    *[
        called("grid_sampler", [normal(1, 2, 3, 4), uniform(-1.2, 1.2, 1, 2, 3, 2)], mode, 1, False)
        for mode in (0, 1, 2)
    ],
    called("constant_pad_nd", [normal(2, 3)], (1, -1, 0, 2), 0.5),
]

test_matches_torch, test_all_modes_agree, _, _ = oracle.tests_of(__file__, CASES, [])[:4]


def lstm(torch, *change, **named):
    layer = torch.nn.LSTM(3, 4)
    given = [torch.ones(5, 2, 3), [torch.ones(1, 2, 4)] * 2, layer._flat_weights, True, 1, 0.0, False, False, False]
    for index, value in change:
        given[index] = value(torch) if callable(value) else value
    return [each.shape for each in torch.lstm(*given, **named)]


def renormed(torch):
    table = torch.tensor([[3.0, 4.0], [30.0, 40.0]])
    return torch.embedding_renorm_(table, torch.tensor([0, 0]), 2.5, 2.0), table


SAME = {
    "lstm": lstm,
    "too few weights": lambda torch: lstm(torch, (2, lambda torch: torch.nn.GRU(3, 4)._flat_weights[:3])),
    "too many arguments": lambda torch: lstm(torch, extra=1),
    "no arguments": lambda torch: torch.gru(torch.ones(5, 2, 3)),
    "renorm": renormed,
    "bags": lambda torch: torch.embedding_bag(
        torch.ones(5, 2), torch.tensor([2, 0, 2, 1]), torch.tensor([0, 1, 3]), False, 1, False, None, False, 2
    ),
    "one dimension": lambda torch: torch.feature_dropout(torch.ones(3), 0.5, True),
}


@needs_pytorch
@pytest.mark.parametrize("name", SAME)
def test_same_as_torch(name):
    same_outcome(SAME[name])
