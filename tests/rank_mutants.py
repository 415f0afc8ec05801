"""Classic mistakes in what moves and averages gradients among ranks, and what two or three ranks do to notice them.

A mistake is planted on all ranks at once, so they still make the same collective operations. Each gets a group of its own with a short
time-out: what it leaves behind, or waits for in vain, disturbs no other.
"""

import contextlib
import inspect
import sys
import textwrap
import time
from dataclasses import dataclass

import collective_cases
import ddp_cases
import reftorch
import reftorch.distributed as dist
from ddp_cases import Branches, gradient, message, ones
from reftorch import nn
from reftorch.distributed import collectives
from reftorch.nn.parallel import DistributedDataParallel, DistributedDataParallelCPU
from reftorch.nn.parallel.reducer import Bucket, DelayedReducer, Reducer


@dataclass
class Mistake:
    """In the source of the method or function `name` of `owner`, the text `find`, which occurs once, becomes `replace`."""

    says: str
    owner: object
    name: str
    find: str
    replace: str


@contextlib.contextmanager
def planted(mistake):
    right = vars(mistake.owner)[mistake.name]
    source = textwrap.dedent(inspect.getsource(right))
    assert source.count(mistake.find) == 1, (
        f"{mistake.says}: {mistake.find!r} occurs {source.count(mistake.find)} times"
    )
    if inspect.isclass(mistake.owner):  # super() needs the class
        source = source.replace("super()", f"super({mistake.owner.__name__}, self)")
    module, scratch = sys.modules[inspect.unwrap(right).__module__], {}
    exec(compile(source.replace(mistake.find, mistake.replace), module.__file__, "exec"), vars(module), scratch)
    wrong = scratch[mistake.name]
    if inspect.isclass(mistake.owner):
        setattr(mistake.owner, mistake.name, wrong)
        try:
            yield
        finally:
            setattr(mistake.owner, mistake.name, right)
    else:  # other modules have imported the function itself
        code, right.__code__ = right.__code__, wrong.__code__
        try:
            yield
        finally:
            right.__code__ = code


KEPT = "vars(self.work.group.home).setdefault('kept', []).append(self.work)"  # MPI still writes to its memory
DDP, CPU = DistributedDataParallel, DistributedDataParallelCPU
LEAVES = """    while self.launched < len(self.sending) and not self.sending[self.launched].missing:
        self.sending[self.launched].leave(self.group)
        self.launched += 1
    for bucket in self.sending[: self.launched]:
"""
LEAVES_AT_ONCE = """    if not bucket.missing:
        bucket.leave(self.group)
        self.launched += 1
    for bucket in [bucket for bucket in self.buckets if not bucket.missing]:
"""
OF_DDP = [
    Mistake("sum instead of average", Reducer, "put", "1 / self.group.size()", "1"),
    Mistake("a full bucket does not wait for those before it", Reducer, "put", LEAVES, LEAVES_AT_ONCE),
    Mistake("a bucket is not waited for", Bucket, "arrive", "self.work.wait()", KEPT),
    Mistake(
        "the gradient is taken before it is added up",
        Reducer,
        "__init__",
        "register_post_accumulate_grad_hook(self.arrived)",
        "register_hook(lambda _, p=parameter: self.arrived(p))",
    ),
    Mistake("the average is not given back", Reducer, "take", "parameter.grad.copy_(part)", "pass"),
    Mistake(
        "the view is of no bucket", Reducer, "take", "parameter.grad = part\n", "parameter.grad = parameter.grad\n"
    ),
    Mistake("what no rank sends is not known", Reducer, "finish", "if self.find_unused and", "if False and"),
    Mistake("a parameter that no rank uses gets zeros", Reducer, "finish", "if on_some_rank[parameter]:", "if True:"),
    Mistake(
        "an unused parameter is waited for",
        Reducer,
        "expect",
        "set(self.parameters) - leaves_below(output) if self.find_unused else set()",
        "set()",
    ),
    Mistake("an unused parameter sends the last step's", Bucket, "put", "self.part[parameter].zero_()", "pass"),
    Mistake(
        "a missing gradient is not reported",
        Reducer,
        "check_finished",
        "if self.expecting and self.begun:",
        "if False:",
    ),
    Mistake(
        "parameters are not sent",
        DDP,
        "__init__",
        "send_from_first([*module.parameters(), *buffers],",
        "send_from_first([*buffers],",
    ),
    Mistake("buffers are not sent at the beginning", DDP, "__init__", "if init_sync_buffers else", "if False else"),
    Mistake("buffers are always sent at the beginning", DDP, "__init__", "if init_sync_buffers else", "if True else"),
    Mistake(
        "buffers are not sent before a forward",
        DDP,
        "forward",
        "if self.buffers_are_due and self.forward_sync_buffers:",
        "if False:",
    ),
    Mistake(
        "buffers are sent unasked",
        DDP,
        "forward",
        "self.buffers_are_due and self.forward_sync_buffers",
        "self.buffers_are_due",
    ),
    Mistake(
        "delayed parameters are not sent",
        DDP,
        "__init__",
        "send_from_first(list(delayed), self.process_group)",
        "pass",
    ),
    Mistake("delayed gradients are averaged twice", DDP, "__init__", " and p not in delayed", ""),
    Mistake("delayed gradients are added", DelayedReducer, "arrived", "1 / self.group.size()", "1"),
    Mistake("delayed gradients are not given back", DelayedReducer, "arrived", "= bucket.part[parameter]", "= None"),
    Mistake("a bucket that nothing uses is sent", Reducer, "expect", "if self.skip_unused:", "if False:"),
    Mistake("a bucket in part used is not sent", Reducer, "expect", ".issuperset(", ".isdisjoint("),
    Mistake(
        "no_sync sends",
        DDP,
        "no_sync",
        "self.reducer.listening = self.reducer.listening, False",
        "self.reducer.listening = self.reducer.listening, True",
    ),
    Mistake("no_sync never ends", DDP, "no_sync", "self.reducer.listening = before", "pass"),
    Mistake(
        "the definition adds and does not average",
        CPU,
        "arrived",
        "leaf.grad.div_(distributed.get_world_size())",
        "pass",
    ),
    Mistake("the definition divides what was not added", CPU, "arrived", "distributed.all_reduce(leaf.grad)", "pass"),
    Mistake("the definition sends too early", CPU, "arrived", "if not self.missing:", "if len(self.missing) < 2:"),
    Mistake(
        "the definition does not send the parameters",
        CPU,
        "__init__",
        "distributed.broadcast(parameter.detach(), src=0)",
        "pass",
    ),
]
OF_COLLECTIVES = [
    Mistake("every operation is a sum", collectives, "_operation", "getattr(engine.mpi(), name)", "engine.mpi().SUM"),
    Mistake("AVG does not divide", collectives, "_operation", "np.divide(array, group.size(), out=array)", "pass"),
    Mistake("the average is of all ranks", collectives, "_operation", "group.size()", "3"),
    Mistake(
        "a rank's number in a group is that in the world",
        collectives,
        "_place",
        "group.ranks.index(rank)",
        "rank % group.size()",
    ),
    Mistake("all send from the first rank", collectives, "broadcast", '_place(g, src, "src")', "0"),
    Mistake("the sum goes to the first rank", collectives, "reduce", 'root = _place(g, dst, "dst")', "root = 0"),
    Mistake("rows are filled from behind", collectives, "_rows", "zip(into, rows)", "zip(into, rows[::-1])"),
    Mistake("the parts are in another order", collectives, "scatter", "np.stack(given)", "np.stack(given[::-1])"),
    Mistake("a GPU does not get the result", collectives.Memory, "back", "if not self.on_cpu:", "if False:"),
    Mistake("a change is not counted", collectives.Memory, "__init__", "tensor._counter.bump()", "pass"),
    Mistake(
        "an object ends where the longest does",
        collectives,
        "all_gather_object",
        "row[:length]",
        "row[: int(lengths.min())]",
    ),
]


def noticed_by(mistakes, cases):
    """Of each mistake, the cases whose result changes on this rank; "" is that of no mistake.

    `cases(run)` gives the results by name; an error with a mistake is one of them.
    """
    right = cases(lambda call: call())
    found = {"": changed(right, cases(lambda call: call()))}
    for mistake in mistakes:
        with planted(mistake):
            found[mistake.says] = changed(right, cases(result_or_error))
    return found


def changed(right, now):
    return [name for name in right if now[name] != right[name]]


def of_collectives():
    rank, size = dist.get_rank(), dist.get_world_size()

    def cases(run):
        calls = {
            "sums": collective_cases.sums,
            "moved": lambda: collective_cases.moved(rank, size),
            "groups": lambda: collective_cases.groups(rank),
            "average in a group": lambda: average_of_two(rank),
        }
        return {name: run(call) for name, call in calls.items()}

    return noticed_by(OF_COLLECTIVES, cases)


def average_of_two(rank):
    pair, x = dist.new_group([0, 2]), reftorch.tensor([float(rank)])
    if rank != 1:
        dist.all_reduce(x, dist.ReduceOp.AVG, group=pair)
    return x.tolist()


def result_or_error(call):
    try:
        return call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


# ------------------------------------------------------------------------------------------------ of DDP, on two ranks
def of_ddp():
    return noticed_by(OF_DDP, ddp_results)


def ddp_results(run):
    x = reftorch.tensor([[1.0], [3.0]][dist.get_rank()])
    group = dist.new_group(timeout=5)
    return {case.__name__: run(lambda case=case: case(x, group)) for case in CASES}


def linear(group, **options):
    return DistributedDataParallel(ones(nn.Linear(1, 1, bias=False)), process_group=group, **options)


def average(x, group):
    model = linear(group)
    model(x).sum().backward()
    return gradient(model)


def average_in_view(x, group):
    model = linear(group, gradient_as_bucket_view=True)
    model(x).sum().backward()
    return gradient(model)


def accumulated(x, group):
    model = linear(group)
    with model.no_sync():
        model(x).sum().backward()
    within = gradient(model)
    model(x).sum().backward()
    return within, gradient(model)


def late_rank(x, group):
    """Rank 1 comes later; after that the numbers that are on their way are waited for, whatever was planted."""
    model = linear(group)
    loss = model(x).sum()
    time.sleep(0.3 * dist.get_rank())
    loss.backward()
    found = gradient(model)
    for bucket in model.reducer.buckets:
        bucket.work.wait()
    return found


def branches(x, group):
    """Rank 0 uses one layer, rank 1 the other one; in the first step both the same. Each parameter has a bucket."""
    options = dict(find_unused_parameters=True, bucket_cap_mb=1e-6, process_group=group)
    model, found = DistributedDataParallel(ones(Branches()), **options), []
    for chosen in ("a", "ab"[dist.get_rank()]):
        model.zero_grad()
        model(x, chosen)["y"][0].sum().backward()
        found.append([p.grad and p.grad.tolist() for p in model.parameters()])
    return found


def unused(x, group):
    model = DistributedDataParallel(ones(Branches()), process_group=group)
    model(x, "a")["y"][0].sum().backward()
    return message(lambda: model(x, "a"))


def first_numbers(x, group):
    net = nn.BatchNorm1d(1)
    for tensor in (net.weight.data, net.running_mean):
        tensor.fill_(float(dist.get_rank()))
    DistributedDataParallel(net, process_group=group, forward_sync_buffers=False)
    return net.weight.tolist(), net.running_mean.tolist()


def definition(x, group):
    reftorch.manual_seed(dist.get_rank())
    model = DistributedDataParallelCPU(nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1)))
    model(x).sum().backward()
    return [(p.tolist(), p.grad.tolist()) for p in model.parameters()]


def running_statistics(x, group):
    return ddp_cases.buffers(reftorch, DistributedDataParallel)


def delayed(x, group):
    return ddp_cases.delayed(x, process_group=group)


def skipped(x, group):
    return ddp_cases.skipped(reftorch, DistributedDataParallel, process_group=group)


CASES = [
    average,
    average_in_view,
    accumulated,
    late_rank,
    branches,
    unused,
    first_numbers,
    definition,
    running_statistics,
    delayed,
    skipped,
]
