"""What convolutions of one, two and three dimensions are tested with: the same options, as many of each as there are dimensions.

`n` is the number of dimensions. Options are given for three of them, depth first, and the last n are taken.
"""

from hypothesis import strategies as st

import oracle
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, normal


def last(n, *values):
    return tuple(values[-n:])


def layers(n, transposed=False):
    """Layers with every option, alone and together."""
    name, size = f"Conv{'Transpose' if transposed else ''}{n}d", last(n, 2, 3, 5)

    def layer(*args, inputs=(1, 2, *size), id="", **kwargs):
        options = {k: last(n, *v) if isinstance(v, tuple) else v for k, v in kwargs.items()}
        return ModuleCase(name, args=args, kwargs=options, inputs=[inputs], id=id)

    few = last(n, 2, 2, 3)
    return [
        layer(2, 3, 2, id="one number for all"),
        layer(2, 3, last(n, 1, 2, 3), bias=False, id="no bias"),
        layer(
            2, 3, last(n, 3, 3, 2), stride=(1, 2, 2), padding=(1, 2, 1), inputs=(2, 2, *size), id="stride and padding"
        ),
        layer(2, 2, last(n, 2, 2, 3), padding=(1, 1, 2), dilation=(2, 2, 2), id="padding and dilation"),
        layer(1, 2, 2, stride=(2, 3, 2), padding=(1, 2, 1), dilation=(1, 1, 2), inputs=(1, 1, *size), id="all unequal"),
        layer(4, 6, last(n, 1, 2, 2), groups=2, inputs=(2, 4, *few), id="groups"),
        layer(4, 2, 2, groups=2, padding=1, inputs=(1, 4, *few), id="more inputs than outputs a group"),
        layer(3, 3, last(n, 1, 2, 3), groups=3, padding=(0, 1, 1), inputs=(1, 3, *few), id="depthwise"),
        layer(2, 1, 1, stride=4, inputs=(1, 2, *size), id="stride skips elements"),
        layer(2, 3, 2, inputs=(2, *size), id="unbatched"),
        layer(2, 3, 2, inputs=(0, 2, *size), id="empty batch"),
        layer(3, 8, last(n, 2, 3, 5), padding=1, stride=(2, 1, 1), inputs=(3, 3, *last(n, 5, 17, 23)), id="larger"),
    ]


def scripts(n, transposed=False):
    """Functionals: some gradients only, integers, NaN and infinity, no input channels."""
    name = f"conv{'_transpose' if transposed else ''}{n}d"
    size, kernel = last(n, 2, 3, 4), last(n, 1, 2, 3)
    weight = (2, 3, *kernel) if transposed else (3, 2, *kernel)
    call = lambda torch, *args, **kwargs: getattr(torch.nn.functional, name)(*args, **kwargs)  # noqa: E731
    frozen = normal(1, 2, *size, grad=False), normal(*weight, grad=False)
    cases = [
        FunctionCase(name, inputs=[(1, 2, *size), weight, (3,)], id="functional"),
        FunctionCase(name, inputs=[frozen[0], weight], id="gradient of the weight only"),
        FunctionCase(name, inputs=[(1, 2, *size), frozen[1]], id="gradient of the input only"),
        FunctionCase(name, inputs=[*frozen, (3,)], id="gradient of the bias only"),
        ScriptCase(
            name,
            run=lambda torch, x, w: call(torch, (x * 5).long(), (w * 5).long(), padding=last(n, 0, 1, 1)),
            inputs=frozen,
            id="integers",
            exact=True,
            gradcheck=False,
        ),
        ScriptCase(
            name,
            run=lambda torch, x, w: call(torch, torch.where(x > 0.5, x * float("inf"), x), w, padding=last(n, 0, 1, 1)),
            inputs=frozen,
            id="infinity",
            gradcheck=False,
        ),
    ]
    return (
        cases if transposed else [*cases, FunctionCase(name, [(2, 0, *size), (4, 0, *kernel), (4,)], id="no channels")]
    )


@st.composite
def any_convolution(draw, n, transposed=False):
    """A shape and options that torch accepts."""
    size, kernel, stride, padding, dilation, more = [], [], [], [], [], []
    for _ in range(n):
        k, d, p, s = (draw(st.integers(low, high)) for low, high in ((1, 3), (1, 3), (0, 3), (1, 4)))
        if transposed:
            smallest = max(1, -(-(2 * p - d * (k - 1)) // s) + 1)  # an output of at least one element
            more.append(draw(st.integers(0, max(s, d) - 1)))
        else:
            smallest = max(1, d * (k - 1) + 1 - 2 * p)
        size.append(draw(st.integers(smallest, smallest + 4)))
        for options, value in zip((kernel, stride, padding, dilation), (k, s, p, d)):
            options.append(value)
    groups = draw(st.integers(1, 3))
    c_in, c_out = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    batch = draw(st.sampled_from([(), (0,), (1,), (3,)]))
    weight = (c_in, c_out // groups) if transposed else (c_out, c_in // groups)
    inputs = [(*batch, c_in, *size), (*weight, *kernel)]
    inputs += [(c_out,)] if draw(st.booleans()) else []
    kwargs = dict(stride=tuple(stride), padding=tuple(padding), dilation=tuple(dilation), groups=groups)
    kwargs |= dict(output_padding=tuple(more)) if transposed else {}
    name = f"conv{'_transpose' if transposed else ''}{n}d"
    return FunctionCase(name, inputs=inputs, kwargs=kwargs, seed=draw(st.integers(0, 2**32 - 1)))


def refused(n, transposed=False):
    """What functional and layer refuse alike, whatever the number of dimensions."""
    name, layer_name = (f"conv_transpose{n}d", f"ConvTranspose{n}d") if transposed else (f"conv{n}d", f"Conv{n}d")
    ones, kernel = (5,) * n, (2,) * n

    def call(x=(2, 3, *ones), w=(3, 3, *kernel), *bias, **options):
        return lambda torch: getattr(torch.nn.functional, name)(
            torch.ones(*x), torch.ones(*w), *map(torch.ones, bias), **options
        )

    def typed(x, w="float32", b="float32"):
        def run(torch):
            tensors = [
                torch.ones(s, dtype=getattr(torch, d)) for s, d in (((2, 3, *ones), x), ((3, 3, *kernel), w), (3, b))
            ]
            return getattr(torch.nn.functional, name)(*tensors)

        return run

    def layer(*args, size=None, **kwargs):
        make = lambda torch: getattr(torch.nn, layer_name)(*args, **kwargs)  # noqa: E731
        return make if size is None else lambda torch: make(torch)(torch.ones(size))

    too_many = (1,) * (n + 1)
    return [
        ErrorCase(call((2, 2, *ones)), ["3 channels", "2 channels"], id="channels"),
        ErrorCase(call((3,)), [f"{n + 1}D", f"{n + 2}D", name, "[3]"], id="one dimension"),
        ErrorCase(call((1, 1, 3, *ones)), [f"{n + 2}D"], id="too many dimensions"),
        ErrorCase(call(w=(3, 3)), ["[3, 3]", "C_in"], id="weight of two dimensions"),
        ErrorCase(call((2, 3, *ones), (3, 3, *kernel), 5), ["bias", "3 elements", "[5]"], id="bias too long"),
        ErrorCase(typed("float64"), ["float64", "float32"], id="dtypes"),
        ErrorCase(typed("int64", "int64", b="float64"), ["bias", "float64"], id="fractions in a bias for integers"),
        ErrorCase(typed("float32", b="complex64"), ["bias", "complex64"], id="complex bias"),
        *[ErrorCase(typed("float32", b="float64"), ["bias", "float64"], id="dtype of bias")]
        * (n == 3 or not transposed),
        ErrorCase(typed("bool", "bool", "bool"), ["bool"], id="bool"),
        ErrorCase(typed("float16", "float16", "float16"), ["float16"], NotImplementedError, id="half"),
        ErrorCase(call(stride=0), ["stride", "0"], id="stride 0"),
        ErrorCase(call(stride=too_many), ["stride", str(list(too_many))], id="too many strides"),
        ErrorCase(call(stride=1.5), ["stride", "1.5"], id="stride 1.5"),
        ErrorCase(call(padding=-1), ["padding", "-1"], id="negative padding"),
        ErrorCase(call(padding=1.0), ["padding", "float"], id="padding is a float"),
        ErrorCase(call(dilation=0), ["dilation", "0"], id="dilation 0"),
        ErrorCase(call(groups=0), ["groups", "0"], id="groups 0"),
        ErrorCase(call(groups=1.0), ["groups", "float"], id="groups is a float"),
        ErrorCase(call(groups=2), ["groups=2"], id="groups do not fit"),
        ErrorCase(call((2, 3, *ones[1:], 0)), ["0]"], id="nothing along the last dimension"),
        ErrorCase(
            lambda t: getattr(t.nn.functional, name)(None, t.ones(3, 3, *kernel)), ["input", "NoneType"], id="None"
        ),
        ErrorCase(layer(3, 4, 3, groups=2), ["in_channels", "3", "2"], id="in_channels and groups"),
        ErrorCase(layer(4, 3, 3, groups=2), ["out_channels", "3", "2"], id="out_channels and groups"),
        ErrorCase(layer(4, 4, 3, groups=0), ["groups", "0"], id="layer with groups 0"),
        ErrorCase(layer(3, 4, 3.5), ["kernel_size", "3.5"], id="kernel size 3.5"),
        ErrorCase(layer(3, 4, 3, size=(2, 5, *ones)), ["3 channels", "5 channels"], id="layer with other channels"),
    ]


RUN = oracle.RUNS[0]
