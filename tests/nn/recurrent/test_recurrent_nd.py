"""What the recurrent layers share: names, copies, warnings, and that packed and padded input give the same numbers."""

import copy
import pickle

import pytest

import reftorch
from reftorch import nn
from reftorch.nn.recurrent.recurrent_nd import time_steps
from reftorch.nn.utils.rnn import pack_sequence, pad_packed_sequence

LAYERS = [nn.RNN, nn.LSTM, nn.GRU]
DEEP = dict(num_layers=2, bidirectional=True)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_names_are_torchs(name):
    torch = pytest.importorskip("torch")
    options = dict(DEEP, proj_size=1) if name == "LSTM" else DEEP
    ours, theirs = getattr(nn, name)(3, 2, **options), getattr(torch.nn, name)(3, 2, **options)
    assert ours._flat_weights_names == theirs._flat_weights_names
    assert [[tuple(w.shape) for w in each] for each in ours.all_weights] == [
        [tuple(w.shape) for w in each] for each in theirs.all_weights
    ]
    assert ours.mode == theirs.mode and ours.flatten_parameters() is None


@pytest.mark.parametrize("layer", LAYERS)
def test_a_replaced_weight_is_used(layer):
    """As weight_norm replaces it, by a tensor that is no parameter."""
    module, x = layer(3, 2), reftorch.randn(4, 2, 3)
    before = module(x)[0]
    weight = module.weight_hh_l0
    del module.weight_hh_l0
    module.weight_hh_l0 = weight * 0
    assert module._flat_weights[1] is module.weight_hh_l0
    assert not reftorch.allclose(module(x)[0], before)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_compute_the_same(layer, copied):
    module, x = layer(3, 2, **DEEP), reftorch.randn(4, 2, 3)
    assert reftorch.equal(copied(module)(x)[0], module(x)[0])


@pytest.mark.parametrize("layer", LAYERS)
def test_packed_is_each_sequence_alone(layer):
    module = layer(3, 2, **DEEP)
    sequences = [reftorch.randn(length, 3) for length in (2, 5, 1, 3)]
    y, last = module(pack_sequence(sequences, enforce_sorted=False))
    y, lengths = pad_packed_sequence(y, batch_first=True)
    assert lengths.tolist() == [2, 5, 1, 3]
    for n, sequence in enumerate(sequences):
        alone, last_alone = module(sequence)
        assert reftorch.allclose(y[n, : len(sequence)], alone, atol=1e-6)
        for state, state_alone in zip(*([last, last_alone] if layer is nn.LSTM else [[last], [last_alone]])):
            assert reftorch.allclose(state[:, n], state_alone, atol=1e-6)


def test_dropout_of_one_layer_warns():
    with pytest.warns(UserWarning, match="num_layers=1"):
        nn.GRU(3, 2, dropout=0.5)


def test_steps():
    """Three sequences of the lengths 3, 2, 2."""
    forwards = time_steps([3, 3, 1], False)
    assert forwards == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert time_steps([3, 3, 1], True) == forwards[::-1]


def test_an_unknown_mode():
    with pytest.raises(ValueError, match="XYZ.*LSTM"):
        nn.RNNBase("XYZ", 3, 2)
