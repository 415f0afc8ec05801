"""What batch normalization layers keep and refuse: attributes, state_dict and its versions, errors."""

import copy

import pytest

import oracle
import reftorch
from oracle import ErrorCase
from reftorch import nn
from reftorch.nn.normalization.batch_norm_nd import _BatchNorm


# ------------------------------------------------------------------------------------------------- what it keeps
def state_of(torch, *args, **kwargs):
    m = torch.nn.BatchNorm1d(*args, **kwargs)
    facts = {name: (str(value.dtype), value.tolist()) for name, value in m.state_dict().items()}
    return facts, repr(m), [name for name, _ in m.named_parameters()], [name for name, _ in m.named_buffers()]


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        dict(affine=False),
        dict(track_running_stats=False),
        dict(affine=False, track_running_stats=False),
        dict(bias=False, momentum=None, eps=0.001),
        dict(affine=False, bias=True),
    ],
    ids=str,
)
def test_new_layers_are_torchs(kwargs):
    torch = pytest.importorskip("torch")
    assert state_of(reftorch, 3, **kwargs) == state_of(torch, 3, **kwargs)
    assert state_of(reftorch, 2, dtype=reftorch.float64, **kwargs) == state_of(torch, 2, dtype=torch.float64, **kwargs)


def test_attributes():
    m = nn.BatchNorm1d(3, 0.01, None, False, True, "cpu", reftorch.float64)
    assert (m.num_features, m.eps, m.momentum, m.affine, m.track_running_stats) == (3, 0.01, None, False, True)
    assert m.weight is None and m.bias is None and m.running_var.dtype is reftorch.float64
    assert nn.BatchNorm1d(3, track_running_stats=False).num_batches_tracked is None


def test_reset():
    m = nn.BatchNorm1d(3)
    m(reftorch.randn(4, 3) * 2 + 1)
    with reftorch.no_grad():
        m.weight.fill_(2)
        m.bias.fill_(2)
    m.reset_running_stats()
    assert m.running_mean.tolist() == [0] * 3 and m.running_var.tolist() == [1] * 3
    assert m.num_batches_tracked.item() == 0 and m.weight.tolist() == [2] * 3
    m.reset_parameters()
    assert m.weight.tolist() == [1] * 3 and m.bias.tolist() == [0] * 3
    nn.BatchNorm1d(3, track_running_stats=False).reset_running_stats()


def test_count_stays_an_integer_and_moves_with_the_module(cuda_device):
    m = nn.BatchNorm1d(2).double().to(cuda_device)
    m(reftorch.randn(3, 2, dtype=reftorch.float64, device=cuda_device))
    assert m.num_batches_tracked.dtype is reftorch.int64 and m.num_batches_tracked.item() == 1
    assert m.running_mean.device.type == "cuda" and m.running_mean.dtype is reftorch.float64
    assert copy.deepcopy(m).num_batches_tracked.item() == 1


def test_a_refused_batch_is_counted_as_in_torch():
    m = nn.BatchNorm1d(3)
    with pytest.raises(ValueError):
        m(reftorch.ones(1, 3))
    assert m.num_batches_tracked.item() == 1 and m.running_mean.tolist() == [0] * 3


def test_base_class_wants_to_be_overridden():
    with pytest.raises(NotImplementedError, match="_check_input_dim"):
        _BatchNorm(3)._check_input_dim(reftorch.ones(2, 3))


# ------------------------------------------------------------------------------------------- versions of the state
def older_state(torch, **kwargs):
    """State from before the batches were counted."""
    state = dict(torch.nn.BatchNorm1d(3, **kwargs).state_dict())
    state.pop("num_batches_tracked", None)
    return state


def trained(torch):
    m = torch.nn.BatchNorm1d(3)
    m(torch.ones(2, 3))
    return m


def loaded_older(torch, assign=False):
    m = trained(torch)
    keys = m.load_state_dict(older_state(torch), assign=assign)
    return str(keys), m.num_batches_tracked.item(), m.running_mean.tolist()


def loaded_inside_another(torch):
    m = torch.nn.Sequential(torch.nn.BatchNorm1d(3))
    m.load_state_dict({f"0.{key}": value for key, value in older_state(torch).items()})
    return m[0].num_batches_tracked.item()


def loaded_version_1(torch):
    m = trained(torch)
    state = m.state_dict()
    state._metadata[""]["version"] = 1
    del state["num_batches_tracked"]
    return str(m.load_state_dict(state)), m.num_batches_tracked.item()


def loaded_untracked(torch):
    m = torch.nn.BatchNorm1d(3, track_running_stats=False)
    return str(m.load_state_dict(older_state(torch, track_running_stats=False)))


def metadata(torch):
    return dict(torch.nn.BatchNorm1d(3).state_dict()._metadata)


def loaded_newer(torch):
    m = torch.nn.BatchNorm1d(3)
    m.load_state_dict(trained(torch).state_dict())
    return m.num_batches_tracked.item(), m.running_mean.tolist(), m.running_var.tolist()


@pytest.mark.parametrize(
    "call",
    [
        loaded_older,
        lambda torch: loaded_older(torch, assign=True),
        loaded_inside_another,
        loaded_version_1,
        loaded_untracked,
        loaded_newer,
        metadata,
    ],
)
def test_state_loads_as_in_torch(call):
    assert call(reftorch) == call(pytest.importorskip("torch"))


def lacking_the_count(torch):
    m = torch.nn.BatchNorm1d(3)
    state = m.state_dict()
    del state["num_batches_tracked"]
    m.load_state_dict(state)


def without_a_count(torch):
    m = torch.nn.BatchNorm1d(3)
    m.num_batches_tracked = None
    m.load_state_dict(older_state(torch))


def of_a_layer(kept, loaded):
    def call(torch):
        state = torch.nn.BatchNorm1d(3, track_running_stats=loaded).state_dict()
        torch.nn.BatchNorm1d(3, track_running_stats=kept).load_state_dict(state)

    return call


# ------------------------------------------------------------------------------------------------ what is refused
def bad(id, words, x=(4, 3), mean=(3,), var=(3,), weight=None, bias=None, raises=None, **options):
    """An ErrorCase of F.batch_norm with ones of these shapes, or (shape, dtype); anything else is passed as it is."""

    def call(torch):
        def ones(given):
            if isinstance(given, tuple) and given and isinstance(given[-1], str):
                return torch.ones(given[0], dtype=getattr(torch, given[1]))
            return torch.ones(given) if isinstance(given, tuple) else given

        torch.nn.functional.batch_norm(ones(x), ones(mean), ones(var), ones(weight), ones(bias), **options)

    return ErrorCase(call, words, raises, id=id)


def layer(*args, x=None, **kwargs):
    def call(torch):
        m = torch.nn.BatchNorm1d(*args, **kwargs)
        return m if x is None else m(torch.ones(x))

    return call


def wants_a_gradient(name):
    def call(torch):
        running = dict(running_mean=torch.zeros(3), running_var=torch.ones(3))
        running[name].requires_grad_()
        torch.nn.functional.batch_norm(torch.ones(4, 3), **running)

    return call


def weight_changed(torch):
    m = torch.nn.BatchNorm1d(3)
    y = m(torch.ones(4, 3))
    with torch.no_grad():
        m.weight.fill_(2)
    y.sum().backward()


ONE = ["more than 1 value per channel", "eval()"]
ERRORS = [
    bad("one vector", [*ONE, "[1, 3]"], x=(1, 3), training=True),
    bad("one number for each channel", [*ONE, "[1, 3, 1]"], x=(1, 3, 1), training=True),
    bad("a single number", ONE, x=(1,), training=True),
    bad("a vector", ["running_mean", "0 elements", "[3]", "second dimension"], x=(3,), training=True),
    bad("a vector, evaluation", ["running_mean", "[3]"], x=(3,)),
    bad("a number", ["running_mean", "[]"], x=()),
    bad("mean too short", ["running_mean", "3 elements not 2", "[4, 3]"], mean=(2,), training=True),
    bad("var too short", ["running_var", "3 elements not 2"], var=(2,), training=True),
    bad("weight too short", ["weight", "3 elements not 2"], weight=(2,), training=True),
    bad("bias too short", ["bias", "3 elements not 2"], bias=(2,)),
    bad("one weight", ["weight", "3 elements not 1"], weight=(1,)),
    bad("channels last", ["5 elements not 3", "[2, 5, 3]"], x=(2, 5, 3)),
    bad("a row for the mean", ["running_mean", "[1, 3]"], mean=(1, 3)),
    bad("mean alone", ["both be None"], var=None, training=True),
    bad("var alone", ["both be None"], mean=None, training=True),
    bad("mean alone, evaluation", ["running_var must be defined", "training=True"], var=None),
    bad("var alone, evaluation", ["running_mean must be defined"], mean=None),
    bad("no statistics, evaluation", ["running_mean must be defined"], mean=None, var=None),
    bad("float64 statistics", ["float32", "float64"], mean=((3,), "float64"), var=((3,), "float64"), training=True),
    bad("float64 weight", ["weight", "float64"], weight=((3,), "float64"), training=True),
    bad("float64 bias", ["bias", "float64"], bias=((3,), "float64")),
    bad("float64 input", ["float64", "double()"], x=((4, 3), "float64")),
    *[
        bad(dtype, [dtype, "float()"], x=((4, 3), dtype), mean=None, var=None, training=True)
        for dtype in ("int64", "bool", "complex64")
    ],
    bad("int64, evaluation", ["int64"], x=((4, 3), "int64")),
    bad("float16", ["float16"], x=((4, 3), "float16"), raises=NotImplementedError),
    bad("eps 0", ["positive", "0.0"], training=True, eps=0.0),
    bad("eps negative", ["non-negative", "-1"], eps=-1.0),
    bad("eps a word", [], eps="small"),
    bad("momentum a word", ["momentum", "str"], training=True, momentum="0.1"),
    bad("momentum None", ["momentum", "NoneType"], training=True, momentum=None),
    bad("momentum complex", ["momentum", "complex"], training=True, momentum=1j),
    bad("training an int", ["training", "bool", "int"], training=1),
    bad("training None", ["training", "NoneType"], training=None),
    bad("input a list", ["input", "list"], x=[1.0]),
    bad("mean a list", ["running_mean", "list"], mean=[1.0]),
    bad("weight a list", ["weight", "list"], weight=[1.0]),
    ErrorCase(wants_a_gradient("running_mean"), ["running_mean", "requires_grad"], id="mean wants a gradient"),
    ErrorCase(wants_a_gradient("running_var"), ["running_var", "requires_grad"], id="var wants a gradient"),
    ErrorCase(weight_changed, ["version", "NativeBatchNormBackward0"], id="weight changed before backward"),
    # the layer
    ErrorCase(layer(3, x=(3,)), ["2D or 3D", "1D", "[3]"], id="layer, one vector"),
    ErrorCase(layer(3, x=(2, 3, 4, 5)), ["2D or 3D", "4D"], id="layer, images"),
    ErrorCase(layer(3, x=(2, 4)), ["4 elements not 3"], id="layer, other features"),
    ErrorCase(layer(3, x=(1, 3)), ONE, id="layer, a batch of one"),
    ErrorCase(layer(3, eps=0.0, x=(2, 3)), ["eps"], id="layer, eps 0"),
    ErrorCase(layer(3, momentum="a", x=(2, 3)), ["momentum"], id="layer, momentum a word"),
    ErrorCase(
        lambda torch: torch.nn.BatchNorm1d(3).double()(torch.ones(2, 3)), ["float32", "float64"], id="layer in float64"
    ),
    ErrorCase(lambda torch: torch.nn.BatchNorm1d(3)([1.0]), ["list"], id="layer, a list"),
    ErrorCase(layer(-1), ["-1"], id="negative number of features"),
    ErrorCase(layer(1.5), ["float"], id="half a feature"),
    ErrorCase(layer(None), ["NoneType"], id="None features"),
    ErrorCase(layer(3, 1e-5, 0.1, True, True, None, None, False), [], id="bias by position"),
    ErrorCase(lambda torch: torch.nn.BatchNorm1d(3, dtype=torch.int64), ["floating point"], id="int64 weights"),
    ErrorCase(lacking_the_count, ["Missing", "num_batches_tracked"], id="state of version 2 without a count"),
    ErrorCase(without_a_count, ["Unexpected", "num_batches_tracked"], id="older state into a layer without a count"),
    ErrorCase(of_a_layer(True, False), ["Missing", "running_mean"], id="untracked state into a tracked layer"),
    ErrorCase(of_a_layer(False, True), ["Unexpected", "running_mean"], id="tracked state into an untracked layer"),
]


@oracle.errors(ERRORS)
def test_errors(case):
    oracle.check_error(case)


def test_tensors_on_two_devices(cuda_device):
    m = nn.BatchNorm1d(3)
    with pytest.raises(RuntimeError, match="same device"):
        m(reftorch.ones(2, 3, device=cuda_device))


def test_statistics_may_require_a_gradient_under_no_grad():
    mean = reftorch.zeros(3, requires_grad=True)
    with reftorch.no_grad():
        reftorch.nn.functional.batch_norm(reftorch.ones(4, 3), mean, reftorch.ones(3), training=True)
    assert mean.tolist() == pytest.approx([0.1] * 3)
