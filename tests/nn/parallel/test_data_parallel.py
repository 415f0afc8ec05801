"""DataParallel: as torch's where there is no device; over CPU devices and the simulator, equal to the bare module."""

from collections import namedtuple

import numpy as np
import pytest

import oracle
import reftorch
from oracle import ScriptCase, distinct
from reftorch import nn
from reftorch.nn.parallel import data_parallel, gather, parallel_apply, replicate, scatter

Pair = namedtuple("Pair", "first second")
TWO = ["cpu", "cpu"]


def over(count, dim=0, others=()):
    """DataParallel over the device of x, `count` times, and over others; PyTorch's over none, which is the module."""

    def run(torch, x):
        torch.manual_seed(3)
        linear = torch.nn.Linear(2, 3).to(x.dtype).to(x.device)
        ids = [x.device] * count + list(others)
        return torch.nn.DataParallel(linear, ids if torch is reftorch else [], dim=dim)(x)

    return run


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Tanh())
        self.again = self.body[0]  # in two places

    def forward(self, x, scale=1.0):
        return {"y": self.body(x) * scale, "all": (self.again(x), [x * 1])}


CASES = [
    ScriptCase("DataParallel", run=over(2), inputs=[distinct(5, 2)], id="uneven parts"),
    ScriptCase("DataParallel", run=over(4), inputs=[distinct(2, 2)], id="fewer samples than devices"),
    ScriptCase("DataParallel", run=over(1), inputs=[distinct(3, 2)], id="one device"),
    ScriptCase("DataParallel", run=over(2, dim=1), inputs=[distinct(2, 3, 2)], id="another dimension"),
    ScriptCase("DataParallel", run=over(1, others=["cpu", "cuda:0"]), inputs=[distinct(5, 2)], id="two kinds"),
]
test_matches_torch, test_all_modes_agree, test_gradcheck = oracle.tests_of(__file__, CASES)[:3]


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(reftorch.cuda, "device_count", lambda: 0)


@pytest.mark.parametrize("ids", [None, [0, 1, 2], []])
def test_without_a_gpu_it_is_the_module(no_gpu, ids):
    torch = pytest.importorskip("torch")
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    found = []
    for library in (torch, reftorch):
        library.manual_seed(0)
        net = library.nn.DataParallel(library.nn.Linear(2, 3), ids)
        found.append((net.device_ids, repr(net), list(net.state_dict()), net(library.from_numpy(x)).tolist()))
    assert found[0][:3] == found[1][:3]
    np.testing.assert_allclose(found[0][3], found[1][3], rtol=1e-6)
    assert data_parallel(net.module, reftorch.from_numpy(x), ids).tolist() == found[1][3]


def test_gradients_and_nested_outputs_are_those_of_the_module():
    reftorch.manual_seed(0)
    net, x = Net().eval(), reftorch.randn(5, 4, requires_grad=True)
    outputs = []
    for call in (net, nn.DataParallel(net, ["cpu"] * 3)):
        out = call(x, scale=2.0)
        (out["y"] * out["y"] + out["all"][0]).sum().backward()
        outputs.append([out["y"], *out["all"][:1], *out["all"][1], x.grad, *[p.grad for p in net.parameters()]])
        net.zero_grad()
        x.grad = None
    for whole, parts in zip(*outputs):
        np.testing.assert_allclose(whole.detach().numpy(), parts.detach().numpy(), rtol=1e-5, atol=1e-6)
    assert [n for n, _ in net.named_parameters()] == ["body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias"]


def test_running_statistics_are_those_of_the_first_part():
    net, x = nn.BatchNorm1d(2), reftorch.randn(6, 2)
    nn.DataParallel(net, ["cpu"] * 3)(x)
    alone = nn.BatchNorm1d(2)
    alone(x[:2])
    assert net.num_batches_tracked.item() == 1
    assert net.running_mean.tolist() == alone.running_mean.tolist()


def test_scatter_goes_through_what_holds_tensors():
    x = reftorch.arange(3)
    assert [part.tolist() for part in scatter(x, TWO)] == [[0, 1], [2]] and isinstance(scatter(x, TWO), tuple)
    first, second = scatter({"a": [x, "word"], "b": Pair(x, ())}, TWO)
    assert first["a"][0].tolist() == [0, 1] and second["a"][0].tolist() == [2] and first["a"][1] == "word"
    assert isinstance(first["b"], Pair) and second["b"].first.tolist() == [2] and second["b"].second == ()
    assert scatter(None, TWO) == [None, None] and scatter([], TWO) == [[], []]
    assert [part.tolist() for part in scatter(reftorch.zeros(1, 3), TWO, dim=1)] == [[[0, 0]], [[0]]]


def test_gather_joins_what_holds_tensors():
    x, y = reftorch.ones(1, 2), reftorch.zeros(2, 2)
    assert gather([x, y], "cpu").tolist() == [[1, 1], [0, 0], [0, 0]]
    assert gather([None, None], -1) is None
    pair = gather([Pair(x, [y]), Pair(x, [y])], "cpu")
    assert isinstance(pair, Pair) and pair.second[0].shape == (4, 2)
    with pytest.warns(UserWarning, match="vector"):
        assert gather([reftorch.tensor(1.0), reftorch.tensor(2.0)], "cpu").tolist() == [1, 2]
    with pytest.raises(ValueError, match="same number of keys"):
        gather([{"a": x}, {}], "cpu")
    with pytest.raises(TypeError, match="float"):
        gather([1.5, 2.5], "cpu")


def test_copies_have_no_parameters_of_their_own():
    net = Net()
    first, second = replicate(net, TWO)
    assert list(first.parameters()) == [] and first.body[0] is first.again
    assert first.body[1].running_mean is net.body[1].running_mean
    assert second.body[1].running_mean is not net.body[1].running_mean
    assert not replicate(net, TWO, detach=True)[0].again.weight.requires_grad
    with pytest.warns(UserWarning, match="replica"):
        first.zero_grad()


def test_threads_have_the_settings_of_their_starter():
    seen = []

    def look(x):
        seen.append((reftorch.is_grad_enabled(), reftorch.kernel.fast_forms()))
        return x

    with reftorch.no_grad(), reftorch.kernels("reference"):
        parallel_apply([look, look], [reftorch.ones(1), (reftorch.ones(1),)])
    assert seen == [(False, False)] * 2 and reftorch.is_grad_enabled()
    with reftorch.no_grad():
        assert not nn.DataParallel(nn.Linear(2, 2), TWO)(reftorch.ones(2, 2)).requires_grad


def test_the_first_exception_is_raised():
    def fail(x):
        raise KeyError(int(x.sum()))

    with pytest.raises(KeyError, match="1"):
        parallel_apply([fail, fail], [reftorch.ones(1), reftorch.ones(2)])
    for lists in (([reftorch.ones(1)],), ([1, 2], [{}]), ([1, 2], None, ["cpu"])):
        with pytest.raises(AssertionError, match="number of modules 2 is not equal"):
            parallel_apply([fail, fail], *lists)


def test_several_gpus_name_the_other_way():
    with pytest.raises(RuntimeError, match=r"\[0, 1\].*one GPU for each process.*DistributedDataParallel"):
        nn.DataParallel(nn.Linear(1, 1), [0, 1])


def test_the_module_has_to_be_on_the_first_device():
    net = nn.DataParallel(nn.Linear(1, 1), ["cuda", "cpu"])
    with pytest.raises(RuntimeError, match="on device cuda.*found one of them on device: cpu"):
        net(reftorch.ones(2, 1))
    assert nn.DataParallel(nn.Linear(1, 1), [0]).module.weight.device.type == "cuda"


def test_a_module_without_arguments():
    class Constant(nn.Module):
        def forward(self):
            return reftorch.ones(2)

    assert nn.DataParallel(Constant(), TWO)().tolist() == [1, 1]
    assert data_parallel(Constant(), None, TWO).tolist() == [1, 1]
