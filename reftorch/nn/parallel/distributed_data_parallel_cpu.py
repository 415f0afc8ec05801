r"""DistributedDataParallelCPU: several processes train copies of one module, and average their gradients after each backward.

This is the definition, in a few lines. `DistributedDataParallel` computes the same with fewer and earlier messages.

Use it when you want to read or step through what data parallelism is; to train, use `DistributedDataParallel`.

## Forward

There are $W$ processes, the ranks $r = 0, \dots, W - 1$. Each has the same parameters $\theta$ and its own part $x_r$ of the batch:

$$y_r = f(x_r; \theta)$$

The parameters are those of rank 0, which sends them to all others when the module is wrapped.

## Gradients

Each rank computes the loss $L_r$ of its part. For parts of equal size and a loss that is a mean over samples, the loss of the whole
batch is the mean of means, so its gradient is the average of the gradients:

$$L = \frac{1}{W} \sum_{r=0}^{W-1} L_r \quad\Rightarrow\quad
\frac{\partial L}{\partial \theta} = \frac{1}{W} \sum_{r=0}^{W-1} \frac{\partial L_r}{\partial \theta}$$

The sum over ranks is one call of `all_reduce` for each parameter. All ranks begin with the same parameters and change them by the same
gradient, so they stay equal and need not be sent again.

## Cost

One message of each rank for each parameter and step, all after the backward. See the guide "How an all-reduce works".

## Worked example

Two ranks, played one after the other in one process: $f(x) = w x$, rank 0 has $x = 1$ and rank 1 has $x = 3$. Each gets the average 2 of
the gradients 1 and 3:

>>> import reftorch as torch
>>> from reftorch import nn
>>> ranks = [nn.Linear(1, 1, bias=False) for r in range(2)]
>>> for r, x in enumerate([1., 3.]):
...     ranks[r](torch.tensor([x])).sum().backward()
>>> gradients = [model.weight.grad for model in ranks]
>>> gradients
[tensor([[1.]]), tensor([[3.]])]
>>> sum(gradients) / 2
tensor([[2.]])

On two real ranks, in a file that `reftorch launch -n 2 script.py` starts:

    import reftorch as torch

    torch.distributed.init_process_group("mpi")
    model = torch.nn.parallel.DistributedDataParallelCPU(torch.nn.Linear(1, 1, bias=False))
    x = torch.tensor([[1.0], [3.0]][torch.distributed.get_rank()])
    model(x).sum().backward()
    print(model.module.weight.grad)  # tensor([[2.]]), on both

## Questions

**A batch of 10 samples is divided into 6 and 4. Is the average of the two gradients the gradient of the whole batch?**

No. The mean over 6 samples and the mean over 4 get the same weight. `DistributedSampler` gives parts of equal size.

**Each rank has a batch of 32 samples. Which batch size in one process is the same training?**

$32 \, W$, because the average of the gradients is that of all samples together.

**What happens if a rank makes one step more than the others?**

It waits for a message that never comes. After a moment this is noticed, because the other ranks have ended, and the run ends with an
error that says so.

## Differences

In PyTorch 2.13 this name is a deprecated second name of `DistributedDataParallel`. Here it is the definition, as in PyTorch 1.0.
"""

from __future__ import annotations

from reftorch import distributed
from reftorch.nn.module import Module


class DistributedDataParallelCPU(Module):
    """Averages the gradients over all ranks at the end of each backward.

    Args:
        module: the same on each rank; it gets the parameters of rank 0.

    Attributes: `module`.

    Shapes: as `module`.

    Raises:
        ValueError: `init_process_group` has not been called.
        RuntimeError: in the last backward some parameters got a gradient and others did not.
    """

    def __init__(self, module):
        super().__init__()
        self.module = module
        self.leaves = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.missing = set()  # the parameters whose gradient has not arrived
        for parameter in module.parameters():
            distributed.broadcast(parameter.detach(), src=0)
        for parameter in self.leaves:
            parameter.register_post_accumulate_grad_hook(self.arrived)

    def forward(self, *inputs, **kwargs):
        if 0 < len(self.missing) < len(self.leaves):
            raise RuntimeError(
                f"{len(self.missing)} of {len(self.leaves)} parameters got no gradient in the last backward, so nothing was averaged. "
                "DistributedDataParallel(module, find_unused_parameters=True) leaves such parameters out"
            )
        self.missing = set(self.leaves)
        return self.module(*inputs, **kwargs)

    def arrived(self, parameter):
        """The hook of each parameter: its gradient is complete. After the last one, all are averaged."""
        self.missing.discard(parameter)
        if not self.missing:
            for leaf in self.leaves:
                distributed.all_reduce(leaf.grad)
                leaf.grad.div_(distributed.get_world_size())
