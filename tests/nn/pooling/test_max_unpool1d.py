"""MaxUnpool1d against torch: places, sizes of the output, repeated places, and what it refuses."""

import numpy as np

import oracle
import reftorch
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct, normal
from pooling_cases import SIZE

PLACES = np.array([[[1, 3, 5]]])
SHAPE = PLACES.shape


def case(id, *args, of=None, places=PLACES, **kwargs):
    return FunctionCase("max_unpool1d", [of or distinct(*SHAPE), array(places)], args, kwargs, id=id, exact=True)


def there_and_back(torch, x):
    y, index = torch.nn.functional.max_pool1d(x, 2, 1, return_indices=True)
    return torch.nn.functional.max_unpool1d(y, index, 2, 1)


CASES = [
    case("default size", 2),
    case("size of the output", 2, output_size=(7,)),
    case("whole shape of the output", 2, output_size=(1, 1, 7)),
    case("unbatched", 2, of=distinct(*SHAPE[1:]), places=PLACES[0]),
    FunctionCase(
        "max_unpool1d", [normal(0, *SHAPE[2:]), array(np.zeros((0, *SHAPE[2:]), int))], (2,), id="no channels"
    ),
    case("empty batch", 2, of=distinct(0, *SHAPE[1:]), places=PLACES[:0]),
    case("stride and padding", 3, 2, 1, places=np.arange(PLACES.size).reshape(SHAPE)),
    ModuleCase("MaxUnpool1d", [distinct(*SHAPE), array(PLACES)], (2,), exact=True),
    ScriptCase("max_unpool1d", run=there_and_back, inputs=[distinct(*SIZE[1])], id="pooling and back", gradcheck=False),
]


def refused(id, words, *args, dtype="float32", places=PLACES, size=SHAPE, raises=None, **kwargs):
    def call(torch):
        x = torch.ones(size, dtype=getattr(torch, dtype))
        return torch.nn.functional.max_unpool1d(x, torch.tensor(np.array(places).tolist()), *args, **kwargs)

    return ErrorCase(call, words, raises, id=id)


ERRORS = [
    refused("place behind the end", ["invalid max index: 99"], 2, places=np.full(SHAPE, 99)),
    refused("negative place", ["invalid max index: -1"], 2, places=np.full(SHAPE, -1)),
    refused("places that are no integers", ["int64"], 2, places=PLACES + 0.0),
    refused("places of another shape", ["same as that of the input"], 2, places=PLACES[..., :1]),
    refused("size that does not lead back", ["must be between"], 2, output_size=(9,)),
    refused("too few sizes", ["length of 6"], 2, output_size=(1,) * 6),
    refused("fewer dimensions than the window", ["dimensions"], 2, size=(), places=0),
    refused("too few dimensions", ["dimensions"], 2, size=SHAPE[2:], places=PLACES[0, 0]),
    refused("int64", ["int64", "float()"], 2, dtype="int64"),
    ErrorCase(
        lambda torch: torch.nn.functional.max_unpool1d(torch.ones(SHAPE), [1], 2), ["list"], raises=TypeError, id="list"
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, _ = oracle.tests_of(__file__, CASES, ERRORS)


def test_the_last_of_repeated_places_stays():
    """PyTorch writes them in the order of its threads, so it is not asked."""
    x = reftorch.arange(1.0, 4.0).reshape(SHAPE).requires_grad_()
    index = reftorch.full(SHAPE, 2, dtype=reftorch.int64)
    y = reftorch.nn.functional.max_unpool1d(x, index, 2)
    y.sum().backward()
    assert y.flatten()[2].item() == x.max().item() == y.sum().item()
    assert (x.grad == 1).all()
