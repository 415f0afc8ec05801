"""Cases that pooling functions of one, two and three dimensions share, as data; `n` is the number of dimensions."""

import math

from hypothesis import strategies as st

from oracle import ErrorCase, FunctionCase, ModuleCase, Spec, distinct

SIZE = {1: (2, 3, 7), 2: (2, 2, 5, 4), 3: (1, 2, 3, 4, 3)}
LARGE = {1: (3, 4, 101), 2: (3, 4, 17, 13), 3: (2, 3, 9, 8, 7)}


def last(n, *values):
    """The last n of three numbers, given for depth, rows and columns."""
    return values[-n:]


def window_cases(module, function, n, **options):
    """Window, stride, padding, ceil_mode, with and without a batch."""

    def case(id, *args, size=SIZE[n], **kwargs):
        return ModuleCase(module, [distinct(*size)], args, kwargs, id=id, **options)

    kernel, stride = last(n, 2, 3, 2), last(n, 1, 2, 3)
    return [
        case("side by side", 2),
        case("uneven window", kernel),
        case("a list", list(kernel)),
        case("overlapping", kernel, 1),
        case("uneven stride", 2, stride),
        case("gaps between windows", 1, 2),
        case("padding", kernel, stride, last(n, 1, 1, 1)),
        case("ceil", 2, 2, ceil_mode=True),
        case("ceil and padding", kernel, 2, last(n, 1, 1, 0), ceil_mode=True),
        case("ceil drops a window that starts in the padding", 2, 3, 1, ceil_mode=True),
        case("unbatched", 2, size=SIZE[n][1:]),
        case("empty batch", 2, size=(0, *SIZE[n][1:])),
        case("the whole input", SIZE[n][2:]),
        case("large", kernel, 2, last(n, 1, 0, 1), size=LARGE[n]),
        FunctionCase(function, [distinct(*SIZE[n])], (2, None, 1, True), id="positional", **options)
        if "avg" in function
        else FunctionCase(function, [distinct(*SIZE[n])], (2, 1, 1, 1, True), id="positional", **options),
    ]


def window_errors(function, n):
    """What a window may not be."""

    def refused(id, words, *args, size=SIZE[n], dtype="float32", **kwargs):
        def call(torch):
            return getattr(torch.nn.functional, function)(
                torch.zeros(size, dtype=getattr(torch, dtype)), *args, **kwargs
            )

        return ErrorCase(call, words, id=id)

    def of_a_list(torch):
        return getattr(torch.nn.functional, function)([[1.0]], 2)

    return [
        refused("window of nothing", ["kernel_size", "1 or more"], 0),
        refused("negative stride", ["stride", "1 or more"], 2, -1),
        refused("padding of more than half", ["padding", "at most", "half"], 2, 1, 2),
        refused("negative padding", ["padding"], 3, 1, -1),
        refused("too many sizes", ["kernel_size", f"{n} values"], (2,) * (n + 1)),
        refused("a size that was divided", ["kernel_size", "float", "//"], 2.0),
        refused("no number", ["kernel_size", "NoneType"], None),
        refused("too large", ["does not fit"], 9),
        refused("ceil_mode in another place", ["ceil_mode", "bool", "int"], 2, ceil_mode=1),
        refused("too few dimensions", ["dimensions", "(N, C"], 1, size=SIZE[n][2:]),
        refused("too many dimensions", ["dimensions", "(N, C"], 1, size=(1, *SIZE[n])),
        refused("too few dimensions for a tuple", ["dimension"], (2,) * n, size=SIZE[n][2:]),
        refused("no elements", ["only the batch size"], 1, size=(*SIZE[n][:-1], 0)),
        refused("bool", ["bool", "float()"], 2, dtype="bool"),
        ErrorCase(of_a_list, ["list", "Tensor"], raises=TypeError, id="list"),
    ]


@st.composite
def windows(draw, function, n, dilated=False, **more):
    """Any input and options that torch accepts, with ties, NaN and infinity in the input for a maximum."""
    size, kernel, stride, padding, dilation = [], [], [], [], []
    for _ in range(n):
        k, d = draw(st.integers(1, 4)), draw(st.integers(1, 3)) if dilated else 1
        p = draw(st.integers(0, k // 2))
        smallest = (
            k if function == "avg_pool3d" else max(1, d * (k - 1) + 1 - 2 * p, d)
        )  # torch wants a whole window there
        size.append(draw(st.integers(smallest, d * (k - 1) + 6)))
        for values, value in ((kernel, k), (stride, draw(st.integers(1, 4))), (padding, p), (dilation, d)):
            values.append(value)
    batch = draw(st.sampled_from([(), (0,), (1,), (3,)]))
    shape = (*batch, draw(st.integers(1, 2)), *size)
    kwargs = dict(kernel_size=tuple(kernel), stride=tuple(stride), padding=tuple(padding))
    kwargs |= dict(dilation=tuple(dilation)) if dilated else {}
    kwargs |= {name: draw(st.sampled_from(values)) for name, values in more.items()}
    kwargs["ceil_mode"] = draw(st.booleans())
    specials = draw(st.sampled_from([[], [math.nan], [-math.inf], [math.nan, math.inf, -math.inf]])) if dilated else []

    def elements(rng):
        drawn = rng.integers(-9, 9, shape).astype(float)
        for special in specials:
            drawn[rng.random(shape) < 0.1] = special
        return drawn

    return FunctionCase(function, [Spec(elements)], kwargs=kwargs, seed=draw(st.integers(0, 1000)))


def adaptive_cases(module, n, **options):
    """Sizes that divide the input and sizes that do not, 0, None, and larger ones."""

    def case(id, *args, size=SIZE[n], **kwargs):
        return ModuleCase(module, [distinct(*size)], args, kwargs, id=id, **options)

    return [
        case("one", 1),
        case("uneven windows", last(n, 2, 3, 3)),
        case("a list", list(last(n, 1, 2, 3))),
        case("the size of the input", SIZE[n][2:]),
        case("larger than the input", last(n, 4, 7, 9)),
        case("unbatched", 2, size=SIZE[n][1:]),
        case("unbatched, no channels", 2, size=(0, *SIZE[n][2:])),
        case("empty batch", 2, size=(0, *SIZE[n][1:])),
        *([case("None keeps an extent", (*last(n, 2, 2, 2)[:-1], None))] if n > 1 else []),
        ModuleCase(module, [distinct(*SIZE[n], grad=False)], ((*last(n, 2, 2, 2)[:-1], 0),), id="no output", **options),
        case("large", last(n, 4, 5, 6), size=LARGE[n]),
    ]


def adaptive_errors(function, n):
    """What the size of the output may not be."""

    def refused(id, words, *args, size=SIZE[n], dtype="float32"):
        def call(torch):
            return getattr(torch.nn.functional, function)(torch.zeros(size, dtype=getattr(torch, dtype)), *args)

        return ErrorCase(call, words, id=id)

    def gradient_of_nothing(torch):
        y = getattr(torch.nn.functional, function)(torch.ones(SIZE[n], requires_grad=True), 0)
        y.sum().backward()

    return [
        refused("negative", ["greater than or equal to 0"], (*[2] * (n - 1), -1)),
        refused("too many sizes", [f"{n} values"], (2,) * (n + 1)),
        refused("None alone", ["NoneType"], None),
        refused("bool", ["bool"], True),
        refused("a size that was divided", ["float"], 2.5),
        refused("too few dimensions", ["dimensions"], 2, size=SIZE[n][2:]),
        refused("too few dimensions for a tuple", ["dimension"], (2,) * n, size=SIZE[n][2:]),
        refused("too few dimensions for all of a tuple", ["output_size"], (2,) * (n + 2), size=SIZE[n]),
        refused("no elements", ["only the batch size"], 2, size=(*SIZE[n][:-1], 0)),
        refused("int64", ["int64", "float()"], 2, dtype="int64"),
        ErrorCase(gradient_of_nothing, ["gradient", "output_size"], id="gradient of an output without elements"),
    ]


@st.composite
def shares(draw, function, n):
    """Any input and size of the output."""
    size = [draw(st.integers(1, 9 - 2 * n)) for _ in range(n)]
    size_out = tuple(draw(st.integers(1, 9 - 2 * n)) for _ in range(n))
    shape = (*draw(st.sampled_from([(), (0,), (2,)])), draw(st.integers(1, 2)), *size)
    elements = Spec(lambda rng: rng.integers(-9, 9, shape).astype(float))
    return FunctionCase(function, [elements], (size_out,), seed=draw(st.integers(0, 1000)))
