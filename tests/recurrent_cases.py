"""Cases that the recurrent cells and layers share: how states are passed, sizes, biases, and what is refused."""

import numpy as np

from oracle import ErrorCase, ModuleCase, ScriptCase, array

GATES = {"RNNCell": 1, "LSTMCell": 4, "GRUCell": 3}


def flat(outputs):
    """The tensors in an output, PackedSequence and None included, as one list."""
    if outputs is None:
        return []
    return [part for each in outputs for part in flat(each)] if isinstance(outputs, tuple | list) else [outputs]


def trained(name, inputs, *args, id, call=None, **options):
    """`nn.<name>(*args, **options)` with its states: its outputs, and the gradients of its parameters for a fixed upstream gradient.

    `call(torch, module, *inputs)` calls it; None means `module(*inputs)`, for LSTMs with the states as a pair.
    """

    def run(torch, *given):
        module = getattr(torch.nn, name)(*args, **options).to(given[0].dtype).to(given[0].device)
        if call is not None:
            outputs = call(torch, module, *given)
        elif "LSTM" in name:
            outputs = module(given[0], given[1:])
        else:
            outputs = module(*given)
        outputs = [part.to(given[0].device) for part in flat(outputs)]
        for number, part in enumerate(outputs):
            if part.requires_grad:
                upstream = torch.arange(part.numel(), dtype=part.dtype, device=part.device).reshape(part.shape)
                part.backward(upstream % 7 - 3 + number, retain_graph=True)
        return [part.detach() for part in outputs], [p.grad for p in module.parameters()]

    return ScriptCase(name, run=run, inputs=inputs, id=id, gradcheck=False)


def cell_cases(name, function, states):
    """`states` says how many states the cell has: 1, or 2, which are passed as a pair."""
    gates = GATES[name]

    def called(N, D, H, id, bias=True):
        def run(torch, x, *given):
            h, (w_ih, w_hh, *biases) = given[:states], given[states:]
            return getattr(torch, function)(x, h if states == 2 else h[0], w_ih, w_hh, *biases)

        shapes = [(N, D), *[(N, H)] * states, (gates * H, D), (gates * H, H), *[(gates * H,)] * (2 * bias)]
        return ScriptCase(function, run=run, inputs=shapes, id=id, component=name)

    far = {"bias_hh": array(np.resize([30.0, -30.0, 200.0, -200.0], gates * 2))}  # brings gates to both ends
    return [
        called(3, 4, 2, "a batch"),
        called(1, 1, 1, "one unit"),
        called(2, 3, 2, "no bias", bias=False),
        called(0, 3, 2, "empty batch"),
        called(70, 30, 50, "large"),
        ModuleCase(name, [(3, 4)], (4, 2), id="no state"),
        ModuleCase(name, [(4,)], (4, 2), id="no batch, no state"),
        ModuleCase(name, [(2, 3)], (3, 4, False), id="layer, no bias"),
        ModuleCase(name, [(2, 3)], (3, 2), id="gates at their ends", state=far),
        trained(name, [(3, 4), *[(3, 2)] * states], 4, 2, id="layer"),
        trained(name, [(4,), *[(2,)] * states], 4, 2, id="no batch"),
    ]


def cell_errors(name, function, states):
    def of(x, *h, args=(4, 6), dtype="float32"):
        def call(torch):
            hx = [torch.zeros(*shape) for shape in h]
            given = () if not h else (tuple(hx),) if states == 2 else hx
            getattr(torch.nn, name)(*args)(torch.zeros(*x, dtype=getattr(torch, dtype)), *given)

        return call

    def by_function(*shapes):
        def call(torch):
            x, h, *weights = (torch.zeros(*shape) for shape in shapes)
            getattr(torch, function)(x, (h, h) if states == 2 else h, *weights)

        return call

    rest, rows = [(3, 6)] * (states - 1), GATES[name] * 6
    return [
        ErrorCase(of((2, 5)), ["input_size", "got 5 expected 4"], id="features"),
        ErrorCase(of((3, 4), (2, 6), *rest), ["batch size 3", "hidden0", "2"], id="batch"),
        ErrorCase(of((3, 4), (3, 5), *rest), ["hidden0", "got 5", "expected 6"], id="hidden size"),
        ErrorCase(of((1, 2, 4)), [name, "1D or 2D", "3D"], id="3-D input"),
        ErrorCase(of((3, 4), (1, 3, 6), *rest), [name, "1D or 2D", "3D"], id="3-D state"),
        ErrorCase(of((2, 4), dtype="float64"), ["dtype", "float64"], id="dtype"),
        ErrorCase(of((2, 4), dtype="int64"), ["dtype", "int64"], id="integers"),
        ErrorCase(of((2, 4), args=(4, -1)), ["negative"], id="negative size"),
        ErrorCase(of((2, 4), args=(4.0, 3)), ["float"], id="size a float"),
        ErrorCase(
            by_function((2, 4), (2, 6), (rows + 6, 4), (rows, 6)), ["weight_ih", str(rows)], RuntimeError, id="gates"
        ),
        ErrorCase(by_function((4,), (6,), (rows, 4), (rows, 6)), ["2 dimensions", "[4]"], id="function, no batch"),
        ErrorCase(lambda torch: getattr(torch, function)([1.0], None, None, None), ["Tensor"], TypeError, id="a list"),
    ]


# --------------------------------------------------------------------------------------------------------- layers
def packed(lengths, **options):
    """A call that packs the first input before, and gives the output's parts."""

    def call(torch, module, x, *states):
        rnn = torch.nn.utils.rnn
        given = rnn.pack_padded_sequence(x, lengths, **options)
        hx = () if not states else (states,) if len(states) == 2 else states
        y, last = module(given, *hx)
        return [part for part in y if part is not None], last

    return call


def layer_cases(name):
    """All options of a layer, with states and without, padded and packed."""
    states = 2 if name == "LSTM" else 1

    def with_states(*sizes):
        return [sizes[0], *[sizes[1]] * states]

    def case(*args, id, sizes=((3, 2, 3), (1, 2, 2)), call=None, **options):
        return trained(name, with_states(*sizes), *(args or (3, 2)), id=id, call=call, **options)

    both, deep = ((3, 2, 3), (2, 2, 2)), ((3, 2, 3), (4, 2, 2))
    return [
        case(id="states"),
        case(id="two layers", sizes=both, num_layers=2),
        case(id="two directions", sizes=both, bidirectional=True),
        case(id="layers and directions", sizes=deep, num_layers=2, bidirectional=True, bias=False),
        case(id="batch first", sizes=((2, 3, 3), (1, 2, 2)), batch_first=True),
        case(id="no batch", sizes=((3, 3), (1, 2))),
        case(id="no batch, batch first, both", sizes=((3, 3), (2, 2)), batch_first=True, bidirectional=True),
        case(id="packed", sizes=((3, 3, 3), (1, 3, 2)), call=packed([3, 2, 1])),
        trained(
            name,
            with_states((3, 3, 2), (2, 3, 2)),
            *(2, 2),
            id="packed, unsorted, both",
            call=packed([2, 1, 3], enforce_sorted=False),
            bidirectional=True,
        ),
        trained(name, [(2, 3, 2)], 2, 2, id="packed, no state", call=packed([3, 1], batch_first=True), num_layers=2),
        trained(name, [(2, 2, 2)], 2, 3, id="dropout", num_layers=3, dropout=0.5, call=lambda torch, m, x: m(x)),
        trained(
            name, [(2, 2, 2)], 2, 3, id="evaluation", num_layers=2, dropout=0.5, call=lambda torch, m, x: m.eval()(x)
        ),
        trained(
            name, [(7, 30, 20)], 20, 25, id="large", num_layers=2, bidirectional=True, call=lambda torch, m, x: m(x)
        ),
        ModuleCase(name, [(3, 2, 2)], (2, 2), id="no state"),
        ModuleCase(name, [(2, 2)], (2, 2), dict(bidirectional=True), id="no state, no batch"),
        ModuleCase(name, [(2, 0, 2)], (2, 2), id="empty batch"),
    ]


def layer_errors(name):
    pair = name == "LSTM"

    def of(x, *h, args=(4, 6), dtype="float32", state_dtype="float32", **options):
        def call(torch):
            states = [torch.zeros(*shape, dtype=getattr(torch, state_dtype)) for shape in h]
            given = () if not h else ((states * 2)[:2],) if pair else (states[0],)
            getattr(torch.nn, name)(*args, **options)(torch.zeros(*x, dtype=getattr(torch, dtype)), *given)

        return call

    def made(*args, **options):
        return lambda torch: getattr(torch.nn, name)(*args, **options)

    def of_packed(torch):
        given = torch.nn.utils.rnn.pack_padded_sequence(torch.zeros(3, 2, 4), [3, 1])
        hx = torch.zeros(1, 3, 6)
        getattr(torch.nn, name)(4, 6)(given, (hx, hx) if pair else hx)

    return [
        ErrorCase(of((4,)), [name, "2D or 3D", "1D"], id="one dimension"),
        ErrorCase(of((1, 3, 2, 4)), [name, "4D"], id="four dimensions"),
        ErrorCase(of((3, 2, 5)), ["input_size", "Expected 4", "got 5"], id="features"),
        ErrorCase(of((3, 2, 4), (1, 3, 6)), ["(1, 2, 6)", "[1, 3, 6]"], id="state's batch"),
        ErrorCase(of((3, 2, 4), (2, 2, 6)), ["(1, 2, 6)", "[2, 2, 6]"], id="state's layers"),
        ErrorCase(of((3, 2, 4), (1, 2, 5)), ["(1, 2, 6)", "[1, 2, 5]"], id="state's size"),
        ErrorCase(of((3, 2, 4), (2, 6)), ["3-D"], id="state without a batch"),
        ErrorCase(of((3, 4), (1, 1, 6)), ["2-D"], id="state with a batch"),
        ErrorCase(of_packed, ["(1, 2, 6)", "[1, 3, 6]"], id="packed, state's batch"),
        ErrorCase(of((0, 2, 4)), ["larger than 0"], id="no time"),
        ErrorCase(of((3, 2, 4), dtype="float64"), ["float64", "float32", "model.to"], id="dtype"),
        ErrorCase(of((3, 2, 4), (1, 2, 6), state_dtype="float64"), ["float64"], id="state's dtype"),
        ErrorCase(made(4, 6.0), ["hidden_size", "int", "float"], id="size a float"),
        ErrorCase(made(4.0, 6), ["input_size", "int", "float"], id="input size a float"),
        ErrorCase(made(4, 0), ["hidden_size", "greater than zero"], id="no units"),
        ErrorCase(made(0, 6), ["input_size", "greater than zero"], id="no input"),
        ErrorCase(made(4, 6, 0), ["num_layers", "greater than zero"], id="no layers"),
        ErrorCase(made(4, 6, bias=1), ["bias", "bool", "int"], id="bias an int"),
        ErrorCase(made(4, 6, batch_first=1), ["batch_first", "bool"], id="batch_first an int"),
        ErrorCase(made(4, 6, 2, dropout=1.5), ["dropout", "[0, 1]", "1.5"], id="dropout"),
        ErrorCase(made(4, 6, 2, dropout=True), ["dropout", "True"], id="dropout a bool"),
        ErrorCase(made(4, 6, 2, dropout="much"), ["much"], id="dropout a word"),
        ErrorCase(made(4, 6, proj_size=6), ["proj_size"], id="projection"),
        ErrorCase(made(4, 6, layers=2), ["layers"], id="unknown option"),
    ]
