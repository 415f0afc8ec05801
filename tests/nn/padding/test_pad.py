"""F.pad against torch."""

import oracle
from oracle import ErrorCase, FunctionCase, integers


def padded(*args, size=(2, 2, 3, 4), id="", **kwargs):
    return FunctionCase("pad", inputs=[size], args=args, kwargs=kwargs, id=id or str(args))


CASES = [
    padded((1, 2)),
    padded((1, 2), value=0.5, id="value"),
    padded((0, 1, 2, 3), "constant", -2.0),
    padded((1, 0, 0, 1, 2, 1, 1, 0), id="every dimension"),
    padded((-1, 2, 1, -2), id="negative widths cut off"),
    padded((-2, -2), id="nothing left", size=(2, 4)),
    padded((), id="no widths"),
    padded((1, 1), size=(3,), id="a vector"),
    padded((2, 1), size=(0, 3), id="empty"),
    *[
        padded(widths, mode, size=size, id=f"{mode} {widths} {size}")
        for mode in ("reflect", "replicate", "circular")
        for widths, size in [
            ((2, 1), (2, 4)),
            ((1, 2), (2, 3, 4)),
            ((2, 0, 1, 2), (2, 3, 4)),
            ((3, 3, 2, 2), (1, 2, 3, 4)),
            ((1, 1, 0, 0), (0, 2, 3, 4)),
            ((-1, 2, 1, -1), (1, 2, 3, 4)),
            ((1, 0, 1, 1, 0, 1), (2, 2, 2, 3)),
            ((1, 2, 0, 1, 1, 0), (1, 1, 2, 2, 3)),
        ]
    ],
    padded((7, 5), "replicate", size=(2, 4), id="replicate, wider than the input"),
    padded((4, 4), "circular", size=(2, 4), id="circular, once round"),
    FunctionCase("pad", inputs=[integers(-9, 9, 2, 3)], args=((1, 1),), kwargs=dict(value=7), id="integers"),
]


@oracle.against_torch(CASES)
def test_matches_torch(case, run):
    oracle.check(case, run)


@oracle.tiny(CASES)
def test_gradcheck(case):
    oracle.check_gradcheck(case)


def call(*args, size=(2, 3, 4, 5), **kwargs):
    return lambda torch: torch.nn.functional.pad(torch.ones(*size), *args, **kwargs)


ERRORS = [
    ErrorCase(call((1, 2, 3)), ["divisible by 2", "3"], id="odd"),
    ErrorCase(call((1,) * 10), ["10", "4"], id="too many"),
    ErrorCase(call((-3, -3)), ["(-3, -3)", "5"], id="cut off too much"),
    ErrorCase(call((1, 1), mode="mirror"), ["mirror", "reflect"], id="mode"),
    ErrorCase(call((1, 1, 1, 1), mode="reflect", value=2), ["reflect", "value"], id="value with reflect"),
    ErrorCase(call((1, 1), mode="reflect"), ["2", "4D"], id="reflect, one dimension of four"),
    ErrorCase(call((1, 1), mode="circular", size=(5,)), ["2", "1D"], id="circular, vector"),
    ErrorCase(call((5, 1, 0, 0), mode="reflect"), ["(5, 1)", "dimension 3", "mirror"], id="reflect too wide"),
    ErrorCase(call((6, 1, 0, 0), mode="circular"), ["(6, 1)", "once"], id="circular too wide"),
    ErrorCase(call((1.0, 1)), ["pad", "1.0"], id="float"),
    ErrorCase(lambda torch: torch.nn.functional.pad([1], (1, 1)), ["input", "list"], id="no tensor"),
]


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_the_input_is_not_changed():
    import reftorch

    x = reftorch.ones(2, 2)
    assert reftorch.nn.functional.pad(x, (0, 0)).data_ptr() != x.data_ptr()
