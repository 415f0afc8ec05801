"""What the kinds of padding are tested with: `F.pad` in one mode and the layers of one kind, on the same sizes and widths."""

from hypothesis import strategies as st

from oracle import ErrorCase, FunctionCase, ModuleCase, integers

WIDTHS = [
    ((2, 1), (2, 4)),
    ((1, 2), (2, 3, 4)),
    ((2, 0, 1, 2), (2, 3, 4)),
    ((3, 3, 2, 2), (1, 2, 3, 4)),
    ((1, 1, 0, 0), (0, 2, 3, 4)),
    ((0, 0, 0, 0), (1, 2, 3, 2)),
    ((-1, 2, 1, -1), (1, 2, 3, 4)),
    ((1, 0, 1, 1, 0, 1), (2, 2, 2, 3)),
    ((1, 2, 0, 1, 1, 0), (1, 1, 2, 2, 3)),
]


def padded(*args, size=(2, 2, 3, 4), id="", **kwargs):
    return FunctionCase("pad", inputs=[size], args=args, kwargs=kwargs, id=id or str(args))


def cases(mode, layer, *arguments):
    """The functional with this mode, and the layers `layer`1d, 2d, 3d; `arguments` are theirs after `padding`."""
    value = dict(value=arguments[0]) if arguments else {}
    make = lambda n, size, padding: ModuleCase(f"{layer}{n}d", [size], (padding, *arguments), id=str(padding))  # noqa: E731
    return [
        *[padded(widths, mode, size=size, id=f"{widths} {size}", **value) for widths, size in WIDTHS],
        padded((3, 2, 1, 4), mode, size=(3, 4, 17, 23), id="large", **value),
        FunctionCase("pad", [integers(-9, 9, 1, 2, 3)], ((1, 1), mode), value, id="integers"),
        make(1, (2, 3, 4), 1),
        make(1, (3, 4), (2, 0)),
        make(2, (1, 2, 3, 4), 2),
        make(2, (2, 3, 4), (1, 2, 0, 1)),
        make(2, (2, 3, 4), [1, 0, 2, 1]),
        make(3, (1, 2, 2, 3, 2), 1),
        make(3, (2, 2, 3, 2), (1, 0, 1, 2, 0, 1)),
    ]


@st.composite
def any_padding(draw, mode):
    """A shape and widths that torch accepts: 0 to 3 dimensions are padded, none becomes empty."""
    count = draw(st.integers(1, 3))
    size = [draw(st.integers(1, 5)) for _ in range(count)]
    widths = []
    for extent in size:
        most = {"reflect": extent - 1, "circular": extent}.get(mode, 6)
        before = draw(st.integers(-(extent - 1) // 2, most))
        after = draw(st.integers(-(extent - 1) // 2, most))
        if mode == "circular":  # torch's own result is not defined where a border shows elements that were cut off
            kept = extent + min(before, 0) + min(after, 0)
            before, after = min(before, kept), min(after, kept)
        widths = [before, after, *widths] if extent + before + after > 0 else [0, 0, *widths]
    front = draw(st.sampled_from([(2,), (1, 3), (0, 2)]))
    kwargs = dict(mode=mode) | (dict(value=1.5) if mode == "constant" else {})
    return FunctionCase("pad", [(*front, *size)], (tuple(widths),), kwargs, seed=draw(st.integers(0, 2**32 - 1)))


def call(*args, size=(2, 3, 4, 5), dtype="float32", **kwargs):
    return lambda torch: torch.nn.functional.pad(torch.ones(*size, dtype=getattr(torch, dtype)), *args, **kwargs)


def layer(name, *args, size, dtype="float32"):
    return lambda torch: getattr(torch.nn, name)(*args)(torch.ones(*size, dtype=getattr(torch, dtype)))


def refused(mode, name):
    """What a border that shows elements of the input refuses."""
    return [
        ErrorCase(call((1, 1, 1, 1), mode=mode, value=2), [mode, "value"], id="value"),
        ErrorCase(call((1, 1), mode=mode), ["2", "4D"], id="one dimension of four"),
        ErrorCase(call((1, 1), mode=mode, size=(5,)), ["2", "1D"], id="vector"),
        ErrorCase(call((), mode=mode), ["0", "4D"], id="no widths"),
        ErrorCase(call((-3, -3, 0, 0), mode=mode), ["(-3, -3)", "5"], id="cut off too much"),
        ErrorCase(call((1, 2, 3), mode=mode), ["divisible by 2", "3"], id="odd"),
        ErrorCase(layer(f"{name}1d", 1.5, size=(2, 3, 4)), ["pad", "1.5"], id="layer with a float"),
        ErrorCase(layer(f"{name}1d", 1, size=(1, 2, 3, 4)), ["4D"], id="1d of four dimensions"),
        ErrorCase(layer(f"{name}2d", 1, size=(1, 1, 2, 3, 4)), ["5D"], id="2d of five dimensions"),
        ErrorCase(
            layer(f"{name}3d", 1, size=(4,)), ["dimension"] if name != "CircularPad" else ["1D"], id="3d of a vector"
        ),
    ]
