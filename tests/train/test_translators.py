"""The networks that rewrite dates: padding and later characters do not matter, decoding is greedy, and torch computes the same."""

import datetime

import numpy as np
import pytest

import reftorch
from reftorch.data import dates
from reftorch.train import DateLSTM, DateTransformer

SIZES = (len(dates.CHARACTERS), dates.LONGEST, len(dates.ANSWER), dates.ISO_LENGTH)
DAY = datetime.date(2026, 11, 29)


@pytest.fixture(params=["transformer", "lstm"])
def network(request):
    reftorch.manual_seed(5)
    if request.param == "lstm":
        return DateLSTM(*SIZES, embedding=6, hidden=8).eval()
    return DateTransformer(*SIZES, d_model=8, nhead=2, dim_feedforward=12).eval()


@pytest.fixture
def some():
    """Texts of three lengths and their answers."""
    texts = ["29.11.26", "Sunday, 29 November 2026", "20261129"]
    return dates.encode_texts(texts), dates.encode_days([DAY] * 3)


def test_scores_and_padding(network, some):
    texts, answers = some
    with reftorch.no_grad():
        scores = network(texts, answers)
        assert scores.shape == (3, dates.ISO_LENGTH, len(dates.ANSWER))
        network.text_embedding.weight[0] += 3.0
        assert reftorch.equal(network(texts, answers), scores)
        network.text_embedding.weight[1:] += 3.0
        assert not reftorch.equal(network(texts, answers), scores)


def test_no_character_sees_later_ones(network, some):
    texts, answers = some
    with reftorch.no_grad():
        scores = network(texts, answers)
        answers[:, 6] = 2
        changed = network(texts, answers)
    assert reftorch.equal(scores[:, :7], changed[:, :7])
    assert not reftorch.allclose(scores[:, 7:], changed[:, 7:], atol=1e-4)


def test_decoding_is_greedy(network, some):
    texts, _ = some
    with reftorch.no_grad():
        spelled = network.translate(texts)
        assert spelled.shape == (3, dates.ISO_LENGTH) and spelled.dtype == reftorch.int64
        assert reftorch.equal(network(texts, spelled).argmax(2), spelled)
        assert reftorch.equal(network.translate(texts[1:2]), spelled[1:2])


def test_evidence(network, some):
    texts, answers = some
    share = network.evidence(texts[:1], answers[:1]).numpy()
    assert share.shape == (dates.ISO_LENGTH, dates.LONGEST) and (share >= 0).all()
    np.testing.assert_allclose(share.sum(1), 1, rtol=1e-5)
    assert (share[:, :8] > 0).all() and (share[:, 8:] == 0).all()
    assert not network._forward_hooks and all(parameter.grad is None for parameter in network.parameters())


def torch_scores(torch, network, texts, answers):
    """What torch's layers make of the same weights."""
    state = {name: torch.tensor(value.numpy()) for name, value in network.state_dict().items()}

    def layer(made, name):
        made.load_state_dict(
            {key[len(name) + 1 :]: value for key, value in state.items() if key.startswith(name + ".")}
        )
        return made.eval()

    texts, answers = torch.tensor(texts.numpy()), torch.tensor(answers.numpy())
    before = torch.cat([torch.full((len(answers), 1), dates.BEGIN), answers[:, :-1]], 1)
    x, y = state["text_embedding.weight"][texts], state["answer_embedding.weight"][before]
    if isinstance(network, DateLSTM):
        lengths = (texts != 0).sum(1)
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, (h, c) = layer(torch.nn.LSTM(6, 8, batch_first=True, bidirectional=True), "encoder")(packed)
        h, c = (torch.cat([state[0], state[1]], 1)[None] for state in (h, c))
        found, _ = layer(torch.nn.LSTM(6, 16, batch_first=True), "decoder")(y, (h, c))
        return layer(torch.nn.Linear(16, len(dates.ANSWER)), "scores")(found)
    options = dict(dropout=0.0, batch_first=True, norm_first=True)
    transformer = layer(torch.nn.Transformer(8, 2, 2, 1, 12, **options), "transformer")
    found = transformer(
        x + state["text_position.weight"],
        y + state["answer_position.weight"],
        tgt_mask=torch.nn.Transformer.generate_square_subsequent_mask(dates.ISO_LENGTH),
        src_key_padding_mask=texts == 0,
        memory_key_padding_mask=texts == 0,
    )
    return layer(torch.nn.Linear(8, len(dates.ANSWER)), "scores")(found)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.filterwarnings("ignore:Support for mismatched")
def test_torch_computes_the_same(network, some):
    torch = pytest.importorskip("torch")
    with torch.no_grad(), reftorch.no_grad():
        np.testing.assert_allclose(
            network(*some).numpy(), torch_scores(torch, network, *some).numpy(), rtol=0, atol=2e-6
        )
