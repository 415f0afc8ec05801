"""Conv1d against torch, and against Conv2d of an image of one row."""

from hypothesis import given, settings

import conv_cases
import oracle
import reftorch
import reftorch.nn.functional as F
from oracle import ErrorCase, ModuleCase
from reftorch import nn
from reftorch.nn.convolution.conv1d import conv1d_output_size


def conv(*args, size=(2, 2, 6), id="", **kwargs):
    return ModuleCase("Conv1d", args=args, kwargs=kwargs, inputs=[size], id=id)


CASES = [
    *conv_cases.layers(1),
    *conv_cases.scripts(1),
    conv(2, 3, [3], id="a list of one"),
    conv(2, 3, 3, padding="same", id="same"),
    conv(2, 3, 4, padding="same", id="same with an even span"),
    conv(2, 3, 4, padding="same", padding_mode="replicate", id="same, even, replicate"),
    conv(2, 3, 3, padding="valid", id="valid"),
    conv(2, 3, 3, padding=2, padding_mode="reflect", size=(2, 6), id="reflect, unbatched"),
    conv(2, 3, 2, padding=6, padding_mode="circular", stride=2, id="circular, once round"),
]


def layer(*args, size, **kwargs):
    return lambda torch: torch.nn.Conv1d(*args, **kwargs)(torch.ones(size))


ERRORS = [
    *conv_cases.refused(1),
    ErrorCase(layer(3, 4, 6, size=(2, 3, 5)), ["(5)", "(6)"], id="filter longer than the sequence"),
    ErrorCase(layer(3, 4, 3, stride=(2, 2), size=(2, 3, 5)), ["stride", "[2, 2]"], id="layer with two strides"),
    ErrorCase(layer(3, 4, 3, padding=5, padding_mode="reflect", size=(2, 3, 5)), ["mirror"], id="reflect too wide"),
    ErrorCase(lambda torch: torch.nn.Conv1d(3, 4, 3, padding="full"), ["full", "same"], id="unknown padding"),
    ErrorCase(lambda torch: torch.nn.Conv1d(3, 4, 3, padding="same", stride=2), ["same"], id="same with stride"),
    ErrorCase(lambda torch: torch.nn.Conv1d(3, 4, 3, padding_mode="mirror"), ["mirror", "reflect"], id="padding mode"),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


@settings(max_examples=40, deadline=None)
@given(conv_cases.any_convolution(1))
def test_any_shape_and_option_matches_torch(case):
    oracle.check(case, conv_cases.RUN)


def test_it_is_conv2d_of_an_image_of_one_row():
    x, weight, bias = reftorch.randn(2, 4, 9), reftorch.randn(6, 2, 3), reftorch.randn(6)
    found = F.conv1d(x, weight, bias, stride=2, padding=3, dilation=2, groups=2)
    image = F.conv2d(x[:, :, None], weight[:, :, None], bias, stride=(1, 2), padding=(0, 3), dilation=(1, 2), groups=2)
    assert reftorch.equal(found, image[:, :, 0])


def test_output_size_counts_the_positions():
    for length, k, s, p, d in [(9, 3, 2, 1, 1), (5, 5, 3, 0, 1), (7, 2, 4, 3, 2), (8, 3, 1, 2, 3)]:
        starts = [at for at in range(-p, length + p, s) if at + d * (k - 1) < length + p]
        assert conv1d_output_size(length, k, s, 2 * p, d) == len(starts)


def test_the_layer_prints_its_options():
    assert repr(nn.Conv1d(2, 4, 3, padding="same", groups=2)) == (
        "Conv1d(2, 4, kernel_size=(3,), stride=(1,), padding=same, groups=2)"
    )
