"""Conv3d against torch, and against Conv2d of its planes."""

from hypothesis import given, settings

import conv_cases
import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, ModuleCase
from reftorch import fast
from reftorch.fast import conv3d


def conv(*args, size=(1, 2, 3, 2, 4), id="", **kwargs):
    return ModuleCase("Conv3d", args=args, kwargs=kwargs, inputs=[size], id=id)


CASES = [
    *conv_cases.layers(3),
    *conv_cases.scripts(3),
    conv(2, 2, (3, 1, 2), padding="same", id="same"),
    conv(2, 2, (2, 1, 2), padding="same", padding_mode="replicate", id="same, even, replicate"),
    conv(2, 2, 2, padding=(2, 1, 0), padding_mode="reflect", size=(2, 3, 2, 4), id="reflect, unbatched"),
]


def layer(*args, size, **kwargs):
    return lambda torch: torch.nn.Conv3d(*args, **kwargs)(torch.ones(size))


ERRORS = [
    *conv_cases.refused(3),
    ErrorCase(layer(3, 4, 3, size=(2, 3, 2, 5, 5)), ["2 x 5 x 5", "3 x 3 x 3"], id="filter larger than the volume"),
    ErrorCase(layer(3, 4, (3, 2), size=(2, 3, 5, 5, 5)), ["kernel_size", "[3, 2]"], id="two sizes"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=30, deadline=None)
@given(conv_cases.any_convolution(3))
def test_any_shape_and_option_matches_torch(case):
    oracle.check(case, conv_cases.RUN)


def test_a_filter_of_one_plane_is_conv2d_of_each_plane():
    x, weight, bias = reftorch.randn(2, 4, 3, 6, 5), reftorch.randn(6, 2, 1, 3, 2), reftorch.randn(6)
    found = F.conv3d(x, weight, bias, stride=(1, 2, 1), padding=(0, 1, 2), groups=2)
    for d in range(3):
        image = F.conv2d(x[:, :, d], weight[:, :, 0], bias, stride=(2, 1), padding=(1, 2), groups=2)
        assert reftorch.allclose(found[:, :, d], image, atol=1e-6)


def test_volumes_are_taken_in_blocks(monkeypatch):
    """With little room each volume is a block of its own, and the result is the same."""

    def results():
        reftorch.manual_seed(0)
        x, weight = reftorch.randn(3, 2, 4, 5, 4, requires_grad=True), reftorch.randn(3, 2, 2, 3, 2, requires_grad=True)
        y = F.conv3d(x, weight, padding=1, stride=(2, 1, 1))
        y.backward(reftorch.randn(y.shape))
        return y, x.grad, weight.grad

    whole = results()
    monkeypatch.setattr(conv3d, "ROOM", 1)
    for one, other in zip(whole, results(), strict=True):
        assert reftorch.allclose(one, other, atol=1e-5)


def test_an_infinite_weight_beside_padding_is_left_to_the_loop():
    called = []
    x, weight = reftorch.ones(1, 1, 2, 2, 2).array, reftorch.full((1, 1, 1, 1, 1), float("inf")).array
    fast.conv3d_forward(lambda *_: called.append(1), x, weight, weight[0, 0, 0, 0], x, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1)
    assert called
