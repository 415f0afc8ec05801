"""MaxUnpool3d against torch: places, sizes of the output, repeated places, and what it refuses."""

import numpy as np

import oracle
import reftorch
from oracle import ErrorCase, FunctionCase, ModuleCase, ScriptCase, array, distinct, normal
from pooling_cases import SIZE

PLACES = np.array([[[[[0, 3], [9, 12]]]]])
SHAPE = PLACES.shape


# PyTorch's own backward fails for input that is not contiguous, hence strided=False
def case(id, *args, of=None, places=PLACES, **kwargs):
    return FunctionCase(
        "max_unpool3d", [of or distinct(*SHAPE), array(places)], args, kwargs, id=id, exact=True, strided=False
    )


def there_and_back(torch, x):
    y, index = torch.nn.functional.max_pool3d(x, 2, 1, return_indices=True)
    return torch.nn.functional.max_unpool3d(y, index, 2, 1)


CASES = [
    case("default size", (1, 2, 2)),
    case("size of the output", (1, 2, 2), output_size=(1, 5, 4)),
    case("whole shape of the output", (1, 2, 2), output_size=(1, 1, 1, 5, 4)),
    case("unbatched", (1, 2, 2), of=distinct(*SHAPE[1:]), places=PLACES[0]),
    FunctionCase(
        "max_unpool3d", [normal(0, *SHAPE[2:]), array(np.zeros((0, *SHAPE[2:]), int))], (2,), id="no channels"
    ),
    case("empty batch", (1, 2, 2), of=distinct(0, *SHAPE[1:]), places=PLACES[:0]),
    case("stride and padding", 3, 2, 1, places=np.arange(PLACES.size).reshape(SHAPE)),
    ModuleCase("MaxUnpool3d", [distinct(*SHAPE), array(PLACES)], ((1, 2, 2),), exact=True, strided=False),
    ScriptCase("max_unpool3d", run=there_and_back, inputs=[distinct(*SIZE[3])], id="pooling and back", gradcheck=False),
]


def refused(id, words, *args, dtype="float32", places=PLACES, size=SHAPE, raises=None, **kwargs):
    def call(torch):
        x = torch.ones(size, dtype=getattr(torch, dtype))
        return torch.nn.functional.max_unpool3d(x, torch.tensor(np.array(places).tolist()), *args, **kwargs)

    return ErrorCase(call, words, raises, id=id)


ERRORS = [
    refused("place behind the end", ["invalid max index: 99"], (1, 2, 2), places=np.full(SHAPE, 99)),
    refused("negative place", ["invalid max index: -1"], (1, 2, 2), places=np.full(SHAPE, -1)),
    refused("places that are no integers", ["int64"], (1, 2, 2), places=PLACES + 0.0),
    refused("places of another shape", ["same as that of the input"], (1, 2, 2), places=PLACES[..., :1]),
    refused("size that does not lead back", ["must be between"], (1, 2, 2), output_size=(1, 6, 4)),
    refused("too few sizes", ["length of 6"], (1, 2, 2), output_size=(1,) * 6),
    refused("fewer dimensions than the window", ["dimensions"], 2, size=(4, 4), places=[[0] * 4] * 4),
    refused("too few dimensions", ["dimensions"], (1, 2, 2), size=SHAPE[2:], places=PLACES[0, 0]),
    refused("int64", ["int64", "float()"], (1, 2, 2), dtype="int64"),
    ErrorCase(
        lambda torch: torch.nn.functional.max_unpool3d(torch.ones(SHAPE), [1], 2), ["list"], raises=TypeError, id="list"
    ),
]

test_matches_torch, test_all_modes_agree, test_gradcheck, test_errors, test_mutants = oracle.tests_of(
    __file__, CASES, ERRORS
)


def test_the_last_of_repeated_places_stays():
    """PyTorch writes them in the order of its threads, so it is not asked."""
    x = reftorch.arange(1.0, 5.0).reshape(SHAPE).requires_grad_()
    index = reftorch.full(SHAPE, 2, dtype=reftorch.int64)
    y = reftorch.nn.functional.max_unpool3d(x, index, (1, 2, 2))
    y.sum().backward()
    assert y.flatten()[2].item() == x.max().item() == y.sum().item()
    assert (x.grad == 1).all()
