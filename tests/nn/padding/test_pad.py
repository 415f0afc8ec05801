"""F.pad against torch: arguments, and the constant border; each mode is tested in the file of its own."""

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
    FunctionCase("pad", inputs=[integers(-9, 9, 2, 3)], args=((1, 1),), kwargs=dict(value=7), id="integers"),
]


def call(*args, size=(2, 3, 4, 5), **kwargs):
    return lambda torch: torch.nn.functional.pad(torch.ones(*size), *args, **kwargs)


ERRORS = [
    ErrorCase(call((1, 2, 3)), ["divisible by 2", "3"], id="odd"),
    ErrorCase(call((1,) * 10), ["10", "4"], id="too many"),
    ErrorCase(call((-3, -3)), ["(-3, -3)", "5"], id="cut off too much"),
    ErrorCase(call((1, 1), mode="mirror"), ["mirror", "reflect"], id="mode"),
    ErrorCase(call((1, 1, 1, 1), mode="reflect", value=2), ["reflect", "value"], id="value with reflect"),
    ErrorCase(call((1, 1), None), ["mode", "NoneType"], id="mode None"),
    ErrorCase(call(1), ["pad", "1"], id="one number"),
    ErrorCase(call((1.0, 1)), ["pad", "1.0"], id="float"),
    ErrorCase(lambda torch: torch.nn.functional.pad([1], (1, 1)), ["input", "list"], id="no tensor"),
]


test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_the_input_is_not_changed():
    import reftorch

    x = reftorch.ones(2, 2)
    assert reftorch.nn.functional.pad(x, (0, 0)).data_ptr() != x.data_ptr()
