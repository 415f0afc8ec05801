"""The search: what a reader types, and the page that stands first in the answers of the theme's own search worker.

The queries were written down before the index was tuned.
"""

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from reftorch.site import mathematics

QUERIES = {  # what is typed: the pages that are right, any of which may be first
    # names, as they stand in a program
    "nn.Conv2d": ["nn/convolution/conv2d"],
    "torch.nn.ReLU": ["nn/activation/relu"],
    "nn.ReLU": ["nn/activation/relu"],
    "F.relu": ["nn/activation/relu"],
    "F.cross_entropy": ["nn/loss/cross_entropy_loss"],
    "torch.nn.functional.pad": ["nn/padding/pad"],
    "nn.LSTM": ["nn/recurrent/lstm"],
    "nn.GRUCell": ["nn/recurrent/gru_cell"],
    "nn.Linear": ["nn/linear/linear"],
    "nn.BatchNorm2d": ["nn/normalization/batch_norm2d"],
    "F.layer_norm": ["nn/normalization/layer_norm"],
    "nn.MultiheadAttention": ["nn/transformer/multihead_attention"],
    "F.scaled_dot_product_attention": ["nn/transformer/attention"],
    "nn.Softmax2d": ["nn/activation/softmax"],
    "nn.Sequential": ["nn/containers/sequential"],
    "optim.Adam": ["optim/adam"],
    "torch.optim.SGD": ["optim/sgd"],
    "clip_grad_norm_": ["nn/utils/clip_grad"],
    "max_pool2d": ["nn/pooling/max_pool2d"],
    "ConvTranspose2d": ["nn/convolution/conv_transpose2d"],
    "grid_sample": ["nn/vision/grid_sample"],
    "F.interpolate": ["nn/vision/interpolate"],
    "pack_padded_sequence": ["nn/utils/rnn/pack_padded_sequence"],
    "CTCLoss": ["nn/loss/ctc_loss"],
    # ideas
    "weight decay": ["optim/adamw", "optim/sgd"],
    "momentum": ["optim/sgd"],
    "softmax gradient": ["nn/activation/softmax"],
    "binary cross entropy": ["nn/loss/bce_loss", "nn/loss/bce_with_logits_loss"],
    "mean squared error": ["nn/loss/mse_loss"],
    "batch normalization": [
        "nn/normalization/batch_norm2d",
        "nn/normalization/batch_norm1d",
        "nn/normalization/batch_norm",
    ],
    "layer normalization": ["nn/normalization/layer_norm"],
    "deconvolution": ["nn/convolution/conv_transpose2d", "nn/convolution/conv_transpose1d"],
    "swish": ["nn/activation/silu"],
    "im2col": ["nn/convolution/unfold"],
    "bilinear interpolation": ["nn/vision/upsample_bilinear2d", "nn/vision/interpolate"],
    "self attention": ["nn/transformer/multihead_attention", "nn/transformer/attention"],
    "word embedding": ["nn/sparse/embedding"],
    "learning rate schedule": ["optim/lr_scheduler"],
    "gradient clipping": ["nn/utils/clip_grad"],
    "cosine similarity": ["nn/distance/cosine_similarity"],
    "forget gate": ["nn/recurrent/lstm", "nn/recurrent/lstm_cell"],
    "dropout": ["nn/dropout/dropout"],
    "how to read a kernel": ["guide/kernels"],
    # symbols of formulas
    "k_h": ["nn/convolution/conv2d", "nn/pooling/max_pool2d", "nn/pooling/avg_pool2d", "notation"],
    "c_in": ["nn/convolution/conv2d", "nn/convolution/conv1d", "notation"],
}


@pytest.fixture(scope="module")
def first(site):
    """The page that comes first, by query: the answers of the worker that the theme runs in the browser."""
    (worker,) = (site / "assets/javascripts/workers").glob("search.*.min.js")
    command = [mathematics._program("node"), str(Path(__file__).with_name("search.js")), str(worker)]
    command.append(str(site / "search/search_index.json"))
    done = subprocess.run(command, input=json.dumps(list(QUERIES)), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return {query: pages[0] if pages else "" for query, pages in zip(QUERIES, json.loads(done.stdout))}


def test_at_least_forty_queries():
    assert len(QUERIES) >= 40


@pytest.mark.parametrize("query", QUERIES)
def test_the_right_page_comes_first(first, query):
    assert first[query].removesuffix(".html") in QUERIES[query]


def test_the_index_is_light(site):
    """What a reader downloads who searches, compressed as servers send it."""
    assert len(gzip.compress((site / "search/search_index.json").read_bytes())) < 300_000


def test_the_index_has_every_component_and_no_source_code(site):
    docs = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    pages = {doc["location"].partition("#")[0] for doc in docs}
    assert {page for right in QUERIES.values() for page in right} <= {page.removesuffix(".html") for page in pages}
    assert not [doc["location"] for doc in docs if "prange" in doc["text"] and doc["location"].startswith("nn/")]
