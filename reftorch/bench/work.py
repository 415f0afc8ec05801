"""The least cost of a case: operations and bytes, from the "Cost" sections of the components.

An operation is a multiply-add; a comparison or an exponential counts as one, too. The bytes are those of the tensors that must be read
or written once, in float32. If the caches are too small, more bytes are moved.
"""

from __future__ import annotations

import math

from reftorch.bench.cases import ACTIVATIONS, DROPOUTS, LENET, OF_PARAMETERS, Case
from reftorch.bench.costs import FLOAT, INDEX, Work
from reftorch.bench.loss_work import LOSS_PARTS
from reftorch.nn.convolution.conv2d import conv2d_output_size
from reftorch.nn.convolution.conv_transpose_nd import conv_transpose_output_size
from reftorch.nn.pooling.checks import pooled_size


def work(case: Case, direction: str) -> Work:
    """The cost of one direction of a case; of "both", their sum."""
    if case.component == "Module":
        return Work(0, 0)
    if case.directions == ("step",) and case.component in OF_PARAMETERS:
        return _step(case.component, case.options["params"])
    if case.component in ("LeNet", "SparseAdam"):
        return _lenet(case.x) if case.component == "LeNet" else _sparse_adam(case)
    forward, backward = PARTS[case.component](case)
    return {"forward": forward, "backward": backward, "both": forward + backward}[direction]


def elements(case: Case) -> int:
    """The number of elements that go in. Cases are compared by it."""
    return sum(map(math.prod, case.options["params"])) if case.component in OF_PARAMETERS else math.prod(case.x)


def _conv(case: Case) -> tuple[Work, Work]:
    """A convolution in one, two or three dimensions. A transposed one multiplies every input element with every weight of its channel."""
    o, transposed = case.options, "Transpose" in case.component
    (N, C_in, *size_in), K, C_out, groups = case.x, o["kernel_size"], o["out_channels"], o.get("groups", 1)
    options = [(o.get(name, usual),) * len(size_in) for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1))]
    (stride, padding, dilation), kernel = options, (K,) * len(size_in)
    if transposed:
        size_out = conv_transpose_output_size(size_in, kernel, stride, padding, dilation, (0,) * len(size_in))
    else:
        size_out = conv2d_output_size(size_in, kernel, stride, [2 * p for p in padding], dilation)
    x, y = math.prod(case.x), N * C_out * math.prod(size_out)
    weight = C_out * C_in // groups * math.prod(kernel)
    operations = (x * C_out if transposed else y * C_in) // groups * math.prod(kernel)
    # backward: two sums as long as the forward one, and the sum for the bias; x, W, dy are read, dx and dW written
    return (
        Work(operations, FLOAT * (x + weight + C_out + y)),
        Work(2 * operations + y, FLOAT * (2 * x + 2 * weight + C_out + y)),
    )


def _moved(case: Case) -> tuple[Work, Work]:
    """Elements are copied, or those with the same index are added. The operations are the elements of the larger tensor."""
    o, (N, C, *size) = case.options, case.x
    K, padding = o.get("kernel_size", 1), o.get("padding", 0)
    if case.component == "Fold":
        y = N * C // K**2 * math.prod(o["output_size"])
    elif case.component == "Unfold":
        y = N * C * K**2 * math.prod(extent + 2 * padding - K + 1 for extent in size)
    else:
        y = N * C * math.prod(extent + 2 * padding for extent in size)
    x = math.prod(case.x)
    return Work(max(x, y), FLOAT * (x + y)), Work(max(x, y), FLOAT * (x + y))


def _upsample(case: Case) -> tuple[Work, Work]:
    """Linear modes: weighted means of 2 elements along each dimension; cubic: of 4. Nearest: a copy, and a sum of the gradients."""
    x, sizes, mode = math.prod(case.x), case.x[2:], case.options["mode"]
    y = x * case.options["scale_factor"] ** len(sizes)
    each = {"nearest": (1, 1), "bilinear": (9, 8), "trilinear": (21, 20), "bicubic": (20, 20)}[mode]
    return Work(each[0] * y, FLOAT * (x + y)), Work(each[1] * y, FLOAT * (x + y))


def _grid_sample(case: Case) -> tuple[Work, Work]:
    """The pixels around a position, each with its weight; both gradients use them."""
    _, C, *sizes = case.x
    x, outputs = math.prod(case.x), math.prod(case.x) // C
    coordinates = outputs * len(sizes)
    taps = {"nearest": 1, "bicubic": 4}.get(case.options.get("mode", ""), 2) ** len(sizes)
    return (
        Work(taps * x, FLOAT * (2 * x + coordinates)),
        Work((1 + len(sizes)) * taps * x, FLOAT * (3 * x + 2 * coordinates)),
    )


def _affine_grid(case: Case) -> tuple[Work, Work]:
    """A row of the matrix times a position, for each coordinate of each position."""
    theta, n = math.prod(case.x), case.x[1]
    y = case.x[0] * n * math.prod(case.options["size"][2:])
    return (Work((n + 1) * y, FLOAT * (theta + y)),) * 2


def _pooled(case: Case) -> int:
    """The number of outputs."""
    o, (N, C, *sizes) = case.options, case.x
    n = len(sizes)
    if "output_size" in o:
        wanted = o["output_size"]
        sizes_out = list(wanted) if isinstance(wanted, tuple) else [wanted] * n
    elif "output_ratio" in o:
        sizes_out = [int(extent * o["output_ratio"]) for extent in sizes]
    else:
        K = o["kernel_size"]
        K, stride, pad, dil = ((each,) * n for each in (K, o.get("stride", K), o.get("padding", 0), 1))
        sizes_out = pooled_size(sizes, K, stride, pad, dil, False)
    return N * C * math.prod(sizes_out)


def _max_pool(case: Case) -> tuple[Work, Work]:
    """The largest element of each window, and its index. Adaptive windows cover each element about once."""
    x, y = math.prod(case.x), _pooled(case)
    compared = x + y if "kernel_size" not in case.options else y * case.options["kernel_size"] ** len(case.x[2:])
    return Work(compared, FLOAT * (x + y) + INDEX * y), Work(y, FLOAT * (x + y) + INDEX * y)


def _max_unpool(case: Case) -> tuple[Work, Work]:
    x = math.prod(case.x)
    y = x * case.options["kernel_size"] ** len(case.x[2:])
    return Work(y, FLOAT * (x + y) + INDEX * x), Work(x, FLOAT * 2 * x + INDEX * x)


def _avg_pool(case: Case) -> tuple[Work, Work]:
    """A sum of each window, and a quotient, or a root."""
    x, y = math.prod(case.x), _pooled(case)
    if "kernel_size" not in case.options:
        return (Work(x + y, FLOAT * (x + y)),) * 2
    operations = y * (case.options["kernel_size"] ** len(case.x[2:]) + 1)
    powers = x + y if case.component.startswith("LPPool") else 0
    moved = FLOAT * (x + y)
    return Work(operations + powers, moved), Work(operations + powers, moved + (moved if powers else 0))


def _local_response_norm(case: Case) -> tuple[Work, Work]:
    """Forward the squares of a window of channels, a power and a quotient; backward a window of products."""
    x, size = math.prod(case.x), case.options["size"]
    return Work((size + 4) * x, 2 * FLOAT * x), Work((2 * size + 4) * x, 3 * FLOAT * x)


def _linear(case: Case) -> tuple[Work, Work]:
    (N, D_in), D_out = case.x, case.options["out_features"]
    forward, backward = _product(N, D_in, D_out)
    return (
        forward + Work(0, FLOAT * D_out),  # the bias
        backward + Work(N * D_out, FLOAT * D_out),
    )


def _bilinear(case: Case) -> tuple[Work, Work]:
    """The weight times the first input, and the result times the second one; backward the same number of products for each gradient."""
    (N, D_u), (D_v, D_out) = case.x, (case.options[name] for name in ("in2_features", "out_features"))
    weight, inputs, y = D_out * D_u * D_v, N * (D_u + D_v), N * D_out
    return (
        Work(2 * N * weight, FLOAT * (weight + D_out + inputs + y)),
        Work(6 * N * weight, FLOAT * (2 * weight + D_out + 2 * inputs + y)),
    )


def _encoder_layer(case: Case) -> tuple[Work, Work]:
    """Four linear layers and two matrix products for attention, then two linear layers; work per element is not counted."""
    (S, N, E), hidden = case.x, case.options["dim_feedforward"]
    macs, weights = N * S * (4 * E * E + 2 * S * E + 2 * E * hidden), 4 * E * E + 2 * E * hidden
    moved = FLOAT * (2 * N * S * E + weights)
    return Work(macs, moved), Work(2 * macs, 2 * moved)


def _multihead_attention(case: Case) -> tuple[Work, Work]:
    """Four linear layers and two products of queries, keys and values; the weights are the mean over the heads."""
    (L, N, E), needed = case.x, case.options["need_weights"]
    macs, weights = N * L * (4 * E * E + 2 * L * E), 4 * E * (E + 1)
    moved = FLOAT * (2 * L * N * E + weights)
    written = FLOAT * N * L * L if needed else 0
    return Work(macs, moved + written), Work(2 * macs, 2 * moved)


def _matmul(case: Case) -> tuple[Work, Work]:
    rows, inner = case.x
    return _product(rows, inner, case.options["b"][1])


def _product(rows: int, inner: int, columns: int) -> tuple[Work, Work]:
    a, b, y = rows * inner, inner * columns, rows * columns
    operations = rows * inner * columns
    return Work(operations, FLOAT * (a + b + y)), Work(2 * operations, FLOAT * (2 * a + 2 * b + y))


def _relu(case: Case) -> tuple[Work, Work]:
    x = math.prod(case.x)
    return Work(x, 2 * FLOAT * x), Work(x, 3 * FLOAT * x)


def _normalize(case: Case) -> tuple[Work, Work]:
    x = math.prod(case.x)
    return Work(2 * x, 2 * FLOAT * x), Work(x, 2 * FLOAT * x)


def _activation(case: Case) -> tuple[Work, Work]:
    """An exponential counts as one operation. GLU's output is half as large as its input."""
    x = math.prod(case.x)
    y = x // 2 if case.component == "GLU" else x
    return Work(2 * x, FLOAT * (x + y)), Work(3 * x, FLOAT * (2 * x + y))


def _prelu(case: Case) -> tuple[Work, Work]:
    """Backward, the slopes get a gradient too: each is a sum over its channel."""
    x, slopes = math.prod(case.x), case.options["num_parameters"]
    return Work(2 * x, FLOAT * (2 * x + slopes)), Work(3 * x, FLOAT * (3 * x + 2 * slopes))


def _softmax(case: Case) -> tuple[Work, Work]:
    """Forward a maximum, an exponential, a sum and a quotient; backward a sum of products and the gradient."""
    x = math.prod(case.x)
    return Work(4 * x, 2 * FLOAT * x), Work(4 * x, 3 * FLOAT * x)


def _norm(case: Case) -> tuple[Work, Work]:
    """Forward a mean, a variance and the output; backward the sums for scale and shift, those for the input, and its gradient."""
    o, x = case.options, math.prod(case.x)
    features = o.get("normalized_shape") or o.get("num_channels") or o["num_features"]
    scaled = {"RMSNorm": features, **dict.fromkeys(("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"), 0)}
    parameters = scaled.get(case.component, 2 * features)
    return Work(4 * x, FLOAT * (2 * x + parameters)), Work(8 * x, FLOAT * (3 * x + 2 * parameters))


def _dropout(case: Case) -> tuple[Work, Work]:
    x = math.prod(case.x)
    return Work(2 * x, 2 * FLOAT * x), Work(x, 3 * FLOAT * x)


def _embedding(case: Case) -> tuple[Work, Work]:
    """Rows are read and written, or added; backward the whole table's gradient is written."""
    V, D = case.options["num_embeddings"], case.options["embedding_dim"]
    ids = math.prod(case.x)
    y = D * (ids if case.component == "Embedding" else case.x[0])
    return Work(D * ids, FLOAT * (D * ids + y) + INDEX * ids), Work(D * ids, FLOAT * (D * ids + V * D) + INDEX * ids)


def _pairs(case: Case) -> tuple[Work, Work]:
    x, pairs = math.prod(case.x), case.x[0]
    return Work(3 * x, FLOAT * (2 * x + pairs)), Work(6 * x, FLOAT * (4 * x + pairs))


def _pdist(case: Case) -> tuple[Work, Work]:
    """A difference and its square for each pair of rows and each column; backward it is added to one row and subtracted from the other."""
    (N, D), x = case.x, math.prod(case.x)
    y = N * (N - 1) // 2
    return Work(2 * D * y, FLOAT * (x + y)), Work(3 * D * y, FLOAT * (2 * x + 2 * y))


def _step(component: str, params: tuple[tuple[int, ...], ...]) -> Work:
    numbers = sum(map(math.prod, params))
    operations, moved = STEPS[component]
    return Work(operations * numbers, FLOAT * moved * numbers)


def _sparse_adam(case: Case) -> Work:
    """Equal rows of the gradient are summed, then each row that occurs takes a step of Adam. Their number is an expected value."""
    V, D, ids = case.options["num_embeddings"], case.options["embedding_dim"], math.prod(case.x)
    rows = round(V * (1 - (1 - 1 / V) ** ids))
    operations, moved = STEPS["Adam"]
    return Work(D * (ids + operations * rows), FLOAT * D * (ids + moved * rows) + INDEX * ids)


def _vector(case: Case) -> tuple[Work, Work]:
    numbers = elements(case)
    return (Work(numbers, 2 * FLOAT * numbers),) * 2


def _weight_norm(case: Case) -> tuple[Work, Work]:
    """The length of each vector, then its elements; backward a sum of products too."""
    v, g = math.prod(case.x), case.x[0]
    return Work(4 * v, FLOAT * (2 * v + g)), Work(8 * v, FLOAT * (3 * v + 2 * g))


def _spectral_norm(case: Case) -> tuple[Work, Work]:
    """Three products of the matrix and a vector, and a quotient; backward two sums. The vectors are small beside the matrix."""
    weight = math.prod(case.x)
    return Work(4 * weight, FLOAT * 2 * weight), Work(4 * weight, FLOAT * 3 * weight)


def _attention(case: Case) -> tuple[Work, Work]:
    """Two products of queries, keys and values forward; backward the scores are computed again, and four more are."""
    N, heads, S, E = case.x
    product, x = N * heads * S * S * E, math.prod(case.x)
    return Work(2 * product, FLOAT * 4 * x), Work(5 * product, FLOAT * 7 * x)


def _lenet(x: tuple[int, ...]) -> Work:
    """The sum over the layers, forward and backward, the loss and the step; the images need no gradient."""
    N = x[0]
    layers = [
        Case("Conv2d", "", x, dict(out_channels=6, kernel_size=5, padding=2)),
        Case("ReLU", "", (N, 6, 28, 28)),
        Case("MaxPool2d", "", (N, 6, 28, 28), dict(kernel_size=2)),
        Case("Conv2d", "", (N, 6, 14, 14), dict(out_channels=16, kernel_size=5)),
        Case("ReLU", "", (N, 16, 10, 10)),
        Case("MaxPool2d", "", (N, 16, 10, 10), dict(kernel_size=2)),
        *(Case("Linear", "", (N, D_in), dict(out_features=D_out)) for D_in, D_out in ((400, 120), (120, 84), (84, 10))),
        *(Case("ReLU", "", (N, D)) for D in (120, 84)),
        Case("CrossEntropyLoss", "", (N, 10)),
    ]
    first = work(layers[0], "forward")
    unneeded = Work(-first.operations, -FLOAT * math.prod(x))
    return sum((work(layer, "both") for layer in layers), _step("SGD", LENET)) + unneeded


def _recurrent(case: Case) -> tuple[Work, Work]:
    """Two products for each gate; the weights are read at each time step, but may stay in a cache."""
    (T, N, D), H, gates = case.x, case.options["hidden_size"], GATES[case.component]
    operations, weights = gates * T * N * H * (D + H), gates * H * (D + H + 2)
    moved = T * N * (D + (2 + gates) * H)
    return Work(operations, FLOAT * (weights + moved)), Work(2 * operations, FLOAT * (2 * weights + 2 * moved))


def _cell(case: Case) -> tuple[Work, Work]:
    """One time step of the layer with the same gates. The state before it is read, the state after it is written; an LSTM has two."""
    (N, D), H, kind = case.x, case.options["hidden_size"], case.component.removesuffix("Cell")
    operations, weights = GATES[kind] * N * H * (D + H), GATES[kind] * H * (D + H + 2)
    moved = FLOAT * (weights + N * (D + 2 * H * (2 if kind == "LSTM" else 1)))
    return Work(operations, moved), Work(2 * operations, 2 * moved)


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
STEPS = {  # operations per parameter element; numbers read and written (element, gradient, state). A root is one operation.
    "SGD": (2, 5),  # with momentum
    "Adam": (6, 7),
    "AdamW": (7, 7),  # the weight decays as well
    "RMSprop": (5, 5),
    "Adagrad": (4, 5),
    "Adadelta": (9, 7),
    "clip_grad_norm_": (2, 3),  # a sum of squares, and a product; the gradients are read twice
    "clip_grad_value_": (2, 2),
}
PARTS = {
    **dict.fromkeys(["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"], _conv),
    **dict.fromkeys(["ZeroPad2d", "ReflectionPad2d", "ReplicationPad2d", "CircularPad2d"], _moved),
    **dict.fromkeys(["Unfold", "Fold", "PixelShuffle", "PixelUnshuffle", "ChannelShuffle"], _moved),
    "Upsample": _upsample,
    "affine_grid": _affine_grid,
    "grid_sample": _grid_sample,
    **dict.fromkeys([f"{kind}MaxPool{n}d" for kind in ("", "Adaptive", "Fractional") for n in (1, 2, 3)], _max_pool),
    **dict.fromkeys([f"{kind}Pool{n}d" for kind in ("Avg", "AdaptiveAvg", "LP") for n in (1, 2, 3)], _avg_pool),
    **dict.fromkeys(["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"], _max_unpool),
    "Linear": _linear,
    "Bilinear": _bilinear,
    "matmul": _matmul,
    "ReLU": _relu,
    **dict.fromkeys(ACTIVATIONS, _activation),
    "PReLU": _prelu,
    **dict.fromkeys(("Softmax", "LogSoftmax", "Softmin", "Softmax2d", "gumbel_softmax"), _softmax),
    "LayerNorm": _norm,
    "TransformerEncoderLayer": _encoder_layer,
    "scaled_dot_product_attention": _attention,
    "MultiheadAttention": _multihead_attention,
    "RMSNorm": _norm,
    "LocalResponseNorm": _local_response_norm,
    **dict.fromkeys([f"{kind}Norm{n}d" for kind in ("Batch", "Instance") for n in (1, 2, 3)], _norm),
    "GroupNorm": _norm,
    **dict.fromkeys(DROPOUTS, _dropout),
    **dict.fromkeys(("Embedding", "EmbeddingBag"), _embedding),
    "Normalize": _normalize,
    **LOSS_PARTS,
    **dict.fromkeys(("RNN", "LSTM", "GRU"), _recurrent),
    **dict.fromkeys(("RNNCell", "LSTMCell", "GRUCell"), _cell),
    "parameters_to_vector": _vector,
    "weight_norm": _weight_norm,
    "spectral_norm": _spectral_norm,
    **dict.fromkeys(("CosineSimilarity", "PairwiseDistance"), _pairs),
    "pdist": _pdist,
}
