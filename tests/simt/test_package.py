"""Every CUDA kernel of the package runs under the runner without a fault, and computes what the CPU computes."""

import importlib
from pathlib import Path

import numpy as np
import pytest

import cuda_compile
import oracle
import reftorch
from cuda_same import numbers, same
from reftorch import simt
from reftorch.bench import limits
from reftorch.course.components.conv2d_tiled import conv2d_tiled
from reftorch.course.mutants import components
from reftorch.fast.ladder import conv2d_cuda, matmul_cuda
from reftorch.ops import cuda_reduce
from reftorch.ops import on_cuda as xp

pytestmark = pytest.mark.simulator

ORDERS = ("ascending", "descending", "shuffled")
every_order = pytest.mark.parametrize("order", ORDERS)
MOST = 8  # cases of a component, spread over its list
LAUNCHED: set[str] = set()  # by all tests here, as "module:name"


def note(session):
    """Remember which kernels ran; the runner would have raised at a fault."""
    assert session.reports and not session.faults
    root = Path(reftorch.__file__).parents[1]
    for report in session.reports:
        module = ".".join(Path(report.file).relative_to(root).with_suffix("").parts)
        LAUNCHED.add(f"{module}:{report.kernel}")


# ---------------------------------------------------------------------------------------------------------- components
def cases_of(component):
    file = Path(__file__).parents[1] / Path(component).parent / f"test_{Path(component).name}.py"
    spec = importlib.util.spec_from_file_location(f"simt_cases_of_{component.replace('/', '_')}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, "MUTANT_CASES", None) or [case for case in module.CASES if case.is_tiny]


@pytest.mark.parametrize("component", components())
def test_component(component):
    """Its tiny cases, forward and backward, each in another order; dtypes and memory layouts take turns too."""
    ran = 0
    cases = cases_of(component)
    for number, case in enumerate(cases[:: max(len(cases) // MOST, 1)]):
        strided = case.strided and number % 4 == 1
        run = oracle.Run("simulator", ("float32", "float64")[number // 3 % 2], strided)
        wanted = oracle.our_result(case, run._replace(mode="interpreted"))
        with simt.runner(order=ORDERS[number % 3], seed=number) as session:
            found = oracle.our_result(case, run, wanted.state)
        oracle.compare(case, found, wanted, who="the CPU")
        if session.reports:
            note(session)
            ran += 1
    assert ran


# ---------------------------------------------------------------------------------------------------- tensor arithmetic
def under(order, function, *arguments, **options):
    with simt.runner(order=order, seed=1) as session:
        found = function(*arguments, **options)
    note(session)
    return found


@every_order
@pytest.mark.parametrize("name", ["sum", "amax", "argmin"])
def test_reductions_with_barriers(name, order):
    """Rows of 1, 4, 32 and 256 threads fold their partial results in shared memory."""
    for shape, axis in [((5, 3), 0), ((3, 70), 1), ((2, 600), 1), ((4200,), None)]:
        host = numbers(*shape, dtype=np.float32)
        same(under(order, getattr(xp, name), xp.to_device(host), axis=axis), getattr(np, name)(host, axis=axis))


@every_order
def test_sum_in_several_parts(order, monkeypatch):
    """Several rows of threads share one output element; a second launch adds up what they found."""
    monkeypatch.setattr(cuda_reduce, "_parts", lambda terms, outputs: 4 if terms > 100 else 1)
    host = numbers(700, dtype=np.int64)
    same(under(order, xp.sum, xp.to_device(host)), host.sum())


@every_order
def test_maps(order):
    for dtype in (np.float32, np.int32):
        host = numbers(3, 4, dtype=dtype, low=1)
        device = xp.to_device(host)
        turned = xp.view(device, lambda a: a.T)
        same(under(order, xp.add, turned, turned), host.T + host.T)
        same(under(order, xp.less, device, 7), host < 7)
        same(under(order, xp.astype, turned, np.float64), host.T.astype(np.float64))
        same(
            under(order, xp.where, xp.to_device(host > 5), device, xp.to_device(host[0])),
            np.where(host > 5, host, host[0]),
        )
    host = numbers(3, 4)
    for name in ("exp", "sin", "floor"):
        same(under(order, getattr(xp, name), xp.to_device(host)), getattr(np, name)(host), ulp=2)


@every_order
def test_scan_product_and_indices(order):
    host, other = numbers(4, 6), numbers(6, 5)
    device = xp.to_device(host)
    same(under(order, xp.cumsum, device, axis=1), host.cumsum(axis=1))
    same(under(order, xp.matmul, device, xp.to_device(other)), host @ other)
    same(under(order, xp.getitem, device, [3, 0, 3]), host[[3, 0, 3]])
    under(order, xp.setitem, device, [2, 1], 50)
    host[[2, 1]] = 50
    under(order, xp.add_at, device, [0, 3, 0], 2)  # twice at row 0, by atomic additions
    np.add.at(host, [0, 3, 0], 2)
    same(device, host)


@every_order
def test_two_values_for_one_cell(order):
    """An index that occurs twice in an assignment is a race, and is said to be one where the kernel stands."""
    device = xp.to_device(numbers(4))
    with simt.runner(order=order, strict=False) as session:
        xp.setitem(device, [2, 2], xp.to_device(numbers(2)))
    assert {type(fault) for fault in session.faults} == {simt.DataRace}
    assert all(fault.cell == (2,) and fault.array == "x" for fault in session.faults)


@every_order
def test_kernels_of_the_benchmarks(order):
    x, y, z = np.arange(5.0), np.ones(5), np.zeros(5)
    with simt.runner(order=order) as session:
        limits.triad_cuda[2, 3](x, y, z, 10.0)
        limits.multiply_add_cuda[2, 3](y, 2.0, 1)
    note(session)
    assert list(z) == [10, 11, 12, 13, 14]
    a = 1 * 2 + (b := 3.0)
    b, d = b * 2 - 1, 2.0
    assert list(y) == [a + b + (c := -1 * 2 + d) + (d * 2 + a)] * 5 and c == 0


@every_order
def test_kernels_of_the_ladder(order, monkeypatch):
    for name, number in (("TILE", 2), ("PER", 2), ("WIDE", 4)):
        monkeypatch.setattr(matmul_cuda, name, number)
    a, b = np.arange(15, dtype=np.float32).reshape(5, 3), np.arange(18, dtype=np.float32).reshape(3, 6)
    for name, rung in matmul_cuda.RUNGS:
        y = np.zeros((5, 6), np.float32)
        with simt.runner(order=order) as session:
            rung(a, b, y)
        note(session)
        assert np.array_equal(y, a @ b), name
    for name, number in (("TILE", 2), ("MOST", 2), ("SPAN", 3), ("PER", 2)):
        monkeypatch.setattr(conv2d_cuda, name, number)
    x, weight = np.arange(18, dtype=np.float32).reshape(1, 2, 3, 3), np.ones((3, 2, 2, 2), np.float32)
    for name, rung in conv2d_cuda.RUNGS:
        y = np.zeros((1, 3, 2, 2), np.float32)
        with simt.runner(order=order) as session:
            rung(x, weight, y, 0)
        note(session)
        assert y[0, 2].tolist() == [[52, 60], [76, 84]], name


@every_order
def test_kernels_of_the_course(order):
    x, weight, bias = (reftorch.ones(shape).to("cuda") for shape in ((1, 2, 9, 10), (1, 2, 3, 3), 1))
    with simt.runner(order=order) as session:
        y = conv2d_tiled(x, weight, bias)
    note(session)
    assert y.cpu().tolist() == [[[[19] * 8] * 7]]


def test_all_kernels_were_launched(request):
    """By the tests above; new kernels that no component's cases launch want a test here."""
    selected = [item for item in request.session.items if item.fspath == request.node.fspath]
    if len([item for item in selected if item.originalname == "test_component"]) < len(components()):
        pytest.skip("a part of this file was selected, and not all components are in it")
    missing = cuda_compile.kernels_of_package() - LAUNCHED
    assert not missing


# -------------------------------------------------------------------------------------------------------------- session
def test_session_watches_empty_memory():
    """A read of what `empty` made is a fault; not if a kernel or the host has written it, in this launch or before."""
    with simt.runner() as session:
        array = xp.empty((2, 3))
        with pytest.raises(simt.NeverWritten, match="global memory"):
            xp.add(array, 1)
        xp.copyto(xp.view(array, lambda a: a[0]), 5)
        same(xp.add(xp.view(array, lambda a: a[:1]), 1), np.full((1, 3), 6, np.float32))
        with pytest.raises(simt.NeverWritten):
            xp.add(xp.view(array, lambda a: a[:, 2]), 1)
        yes = xp.empty((3,), np.bool_)
        xp.copyto(yes, True)
        same(xp.logical_not(yes), np.zeros(3, bool))
        array[1] = 7
        same(xp.add(array, 1), np.array([[6] * 3, [8] * 3], np.float32))
    assert np.isfinite(xp.to_host(xp.add(array, 1))).all()
    assert len(session.reports) == 5 and all(report.finished for report in session.reports)


def test_session_reports():
    x = reftorch.ones(3, 4)
    with simt.runner(order="descending") as session:
        y = reftorch.nn.functional.relu(x.to("cuda").requires_grad_())
        y.sum().backward()
    names = [report.kernel for report in session.reports]
    assert names[0] == "relu_forward_cuda" and "relu_backward_x_cuda" in names and "reduce_cuda" in names
    assert session.reports[0].counts["global writes"] == 12 and session.reports[0].order == "descending"
    assert f"{len(names)} launches of" in str(session) and "0 faults" in str(session)
    assert len(session.to_dict()["launches"]) == len(names)
    before = len(session.reports)
    reftorch.nn.functional.relu(x.to("cuda"))
    assert len(session.reports) == before  # the simulator is back
