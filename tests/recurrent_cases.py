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
