"""The networks of `reftorch train sequences`: they read a text and compute an answer, character by character.

In training, each character of the answer is predicted from the right characters before it. Greedy decoding has no right characters: it
begins with none, and appends the character with the highest score each time.
"""

from __future__ import annotations

import reftorch
from reftorch import nn
from reftorch.nn.utils.rnn import pack_padded_sequence
from reftorch.tensor import Tensor

PADDING = 0  # fills the positions after the end of a short text


class Translator(nn.Module):
    """The base class of the networks.

    Args:
        characters: the number of different characters in texts; they are numbered from 1.
        longest: the number of characters of the longest text.
        answer_characters: the number of different characters in answers; they are numbered from 0, and `begin` is the next number.
        answer_length: the number of characters of every answer.
    """

    def __init__(self, characters: int, longest: int, answer_characters: int, answer_length: int):
        super().__init__()
        self.characters, self.longest = characters, longest
        self.begin, self.answer_length = answer_characters, answer_length

    def read(self, texts: Tensor):
        """Encode texts, int64 (N, longest): the result is the input of `spell`."""
        raise NotImplementedError

    def spell(self, memory, before: Tensor) -> Tensor:
        """The scores of the character that follows each of the characters `before`: (N, L) to (N, L, answer_characters)."""
        raise NotImplementedError

    def evidence(self, text: Tensor, answer: Tensor) -> Tensor:
        """How much each character of an answer, (1, answer_length), depends on each position of its text, (1, longest).

        The result has shape (answer_length, longest); each row sums to 1.
        """
        raise NotImplementedError

    def shifted(self, answers: Tensor) -> Tensor:
        """The input of the decoder: `begin`, followed by the answers without their last characters."""
        begin = reftorch.full((len(answers), 1), self.begin, dtype=reftorch.int64, device=answers.device)
        return reftorch.cat([begin, answers[:, :-1]], 1)

    def forward(self, texts: Tensor, answers: Tensor) -> Tensor:
        """The scores at all positions of the answers, each computed from the right characters before it.

        The result has shape (N, answer_length, answer_characters).
        """
        return self.spell(self.read(texts), self.shifted(answers))

    def translate(self, texts: Tensor) -> Tensor:
        """Greedy decoding: int64 (N, longest) to (N, answer_length)."""
        memory = self.read(texts)
        spelled = reftorch.full((len(texts), 1), self.begin, dtype=reftorch.int64, device=texts.device)
        for _ in range(self.answer_length):
            scores = self.spell(memory, spelled)[:, -1]
            spelled = reftorch.cat([spelled, scores.argmax(1, keepdim=True)], 1)
        return spelled[:, 1:]


class DateTransformer(Translator):
    """An `nn.Transformer` between embeddings and a linear layer. A learned vector is added for each position."""

    def __init__(
        self,
        characters: int,
        longest: int,
        answer_characters: int,
        answer_length: int,
        d_model: int = 64,
        nhead: int = 4,
        layers: tuple[int, int] = (2, 1),
        dim_feedforward: int = 128,
    ):
        super().__init__(characters, longest, answer_characters, answer_length)
        options = dict(dim_feedforward=dim_feedforward, dropout=0.0, batch_first=True, norm_first=True)
        layer, norm = nn.TransformerEncoderLayer(d_model, nhead, **options), nn.LayerNorm(d_model)
        encoder = nn.TransformerEncoder(layer, layers[0], norm, enable_nested_tensor=False)
        self.transformer = nn.Transformer(d_model, nhead, *layers, custom_encoder=encoder, **options)
        self.text_embedding = nn.Embedding(characters + 1, d_model)
        self.text_position = nn.Embedding(longest, d_model)
        self.answer_embedding = nn.Embedding(answer_characters + 1, d_model)
        self.answer_position = nn.Embedding(answer_length, d_model)
        self.scores = nn.Linear(d_model, answer_characters)

    def read(self, texts: Tensor) -> tuple[Tensor, Tensor]:
        """The output vectors of the encoder, and a mask of the positions that are padding."""
        padding = texts == PADDING
        x = self.text_embedding(texts) + self.text_position.weight
        return self.transformer.encoder(x, src_key_padding_mask=padding), padding

    def spell(self, memory: tuple[Tensor, Tensor], before: Tensor) -> Tensor:
        vectors, padding = memory
        length = before.shape[1]
        x = self.answer_embedding(before) + self.answer_position.weight[:length]
        causal = nn.Transformer.generate_square_subsequent_mask(length, device=x.device)
        y = self.transformer.decoder(x, vectors, tgt_mask=causal, tgt_is_causal=True, memory_key_padding_mask=padding)
        return self.scores(y)

    def evidence(self, text: Tensor, answer: Tensor) -> Tensor:
        """The weights of the last layer's attention to the text, averaged over the heads."""
        attention, found = self.transformer.decoder.layers[-1].multihead_attn, []

        def ask_for_weights(module, args, kwargs):
            return args, kwargs | {"need_weights": True}

        def note(module, args, output):
            found.append(output[1][0])

        hooks = [
            attention.register_forward_pre_hook(ask_for_weights, with_kwargs=True),
            attention.register_forward_hook(note),
        ]
        try:
            with reftorch.no_grad():
                self(text, answer)
        finally:
            for hook in hooks:
                hook.remove()
        return found[0]


class DateLSTM(Translator):
    """An LSTM reads the text in both directions. Another LSTM starts from its last states and computes the answer."""

    def __init__(
        self,
        characters: int,
        longest: int,
        answer_characters: int,
        answer_length: int,
        embedding: int = 32,
        hidden: int = 96,
    ):
        super().__init__(characters, longest, answer_characters, answer_length)
        self.text_embedding = nn.Embedding(characters + 1, embedding)
        self.encoder = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)
        self.answer_embedding = nn.Embedding(answer_characters + 1, embedding)
        self.decoder = nn.LSTM(embedding, 2 * hidden, batch_first=True)
        self.scores = nn.Linear(2 * hidden, answer_characters)

    def read(self, texts: Tensor) -> tuple[Tensor, Tensor]:
        """The last hidden and cell states of both directions, side by side: (1, N, 2 hidden) each."""
        return self.remember(self.text_embedding(texts), texts)

    def remember(self, x: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
        lengths = (texts != PADDING).sum(1).cpu()
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        _, states = self.encoder(packed)
        h, c = (reftorch.cat([state[0], state[1]], 1).unsqueeze(0) for state in states)
        return h, c

    def spell(self, memory: tuple[Tensor, Tensor], before: Tensor) -> Tensor:
        y, _ = self.decoder(self.answer_embedding(before), memory)
        return self.scores(y)

    def evidence(self, text: Tensor, answer: Tensor) -> Tensor:
        """The norm of the gradient of each character's score with respect to each embedded character of the text.

        The network has no attention weights. The gradient says how much a small change of the input would change the score.
        """
        rows = []
        for place, character in enumerate(answer[0].tolist()):
            x = self.text_embedding(text).detach().requires_grad_()
            scores = self.spell(self.remember(x, text), self.shifted(answer))
            (grad_x,) = reftorch.autograd.grad(scores[0, place, character], [x])
            size = (grad_x[0] * grad_x[0]).sum(1).sqrt()
            rows.append(size / size.sum())
        return reftorch.stack(rows)
