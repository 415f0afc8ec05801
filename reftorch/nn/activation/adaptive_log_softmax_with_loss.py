r"""Adaptive log-softmax: probabilities of very many classes, computed in two steps, with less work for the rare ones.

The frequent classes are in the head, an ordinary softmax. The rare classes are grouped into clusters. The head also gives the probability
of each cluster, and each cluster has a smaller layer that gives the probabilities of the classes in it.

Use it when there are tens of thousands of classes and a few of them are frequent, as with words; otherwise `cross_entropy`, which is
simpler, and as fast for a few thousand classes.

## Forward

The classes are sorted by frequency: class 0 is the most frequent. With one cutoff $c_1$, the classes below $c_1$ are the shortlist. All
others are cluster 1, which is one more class of the head. For a class $y$ of the shortlist

$$\log p(y) = \log p_{head}(y)$$

and for a class of the cluster, the probability of the cluster times that of the class within it:

$$\log p(y) = \log p_{head}(\text{cluster } 1) + \log p_1(y - c_1)$$

In general there are cutoffs $c_1 < c_2 < \dots$, and the class $y$ with $c_i \le y < c_{i+1}$ is number $y - c_i$ of the cluster $i$,
which is number $c_1 + i - 1$ of the head. Each $p$ is a softmax of a linear layer; that of the cluster $i$ first reduces the
features from $D$ to $D / r^i$, $r$ being `div_value`. The loss is the mean of $- \log p(y)$ over the samples.

## Gradients

The module consists of `linear` and `log_softmax`, and has their gradients. With the mean over $N$ samples,
$\partial L / \partial \log p = -1 / N$ for each sample's own class. A cluster without a sample in the batch is not computed and
gets no gradient.

## Cost

With a shortlist of $c_1$ classes and $k$ clusters: $N D (c_1 + k)$ MACs for the head, and for each sample of the cluster $i$
another $D / r^i \cdot (D + c_{i+1} - c_i)$. The full layer has $N D C$ MACs for $C$ classes.

## Worked example

Six classes: 0 and 1 in the head, 2 and 3 in the first cluster, 4 and 5 in the second. All parameters are zero, so the outcomes of
each step are equally likely: the head chooses one of 4, a cluster one of 2.

>>> import reftorch as torch
>>> layer = torch.nn.AdaptiveLogSoftmaxWithLoss(4, 6, cutoffs=[2, 4], div_value=2)
>>> with torch.no_grad():
...     for parameter in layer.parameters():
...         parameter = parameter.zero_()
>>> x = torch.tensor([[1., 2, 3, 4]])
>>> layer.log_prob(x).exp()
tensor([[0.2500, 0.2500, 0.1250, 0.1250, 0.1250, 0.1250]],
       grad_fn=<ExpBackward0>)
>>> output, loss = layer(x, torch.tensor([3]))
>>> loss.exp()
tensor(8., grad_fn=<ExpBackward0>)

## Questions

**Do the probabilities of all classes sum to 1?**

Yes. Those within a cluster sum to 1, so together they have the probability of the cluster:

>>> layer.log_prob(x).exp().sum().item()
1.0

**What does a cutoff cost?**

One more class in the head for each cluster, and two small matrix products for each sample that belongs to the cluster. Each cluster has
fewer features than the one before it, as the shapes of the first layers show:

>>> [list(cluster[0].weight.shape) for cluster in layer.tail]
[[2, 4], [1, 4]]

**May the classes be in any order?**

Yes, but the layer is fastest when most targets are in the shortlist. So number the classes by frequency, the most frequent first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from reftorch.nn.activation.log_softmax import log_softmax
from reftorch.nn.containers.module_list import ModuleList
from reftorch.nn.containers.sequential import Sequential
from reftorch.nn.linear.linear import Linear
from reftorch.nn.module import Module
from reftorch.ops import cat
from reftorch.tensor import Tensor
from reftorch.types import int64


class _ASMoutput(NamedTuple):
    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probabilities of the target classes, and their negated mean, for many classes sorted by frequency.

    Args:
        in_features: features of each sample.
        n_classes: how many classes there are.
        cutoffs: the first class of each cluster, increasing; classes below the first cutoff are in the head.
        div_value: each cluster has fewer features than the one before it, by this factor.
        head_bias: whether a number is added to each output of the head.

    Attributes: `head`, a Linear, and `tail`, a list with two Linear layers for each cluster.

    Shapes: input (N, in_features) or (in_features), target (N) or (); the result is a named tuple of `output`, shape of the target, and
    `loss`, a scalar.

    Raises:
        ValueError: `cutoffs` is empty, or not whole numbers that increase from at least 1 to at most n_classes - 1.
        RuntimeError: when called, if the shapes of input and target do not fit together, or a target is not a class.
    """

    def __init__(self, in_features, n_classes, cutoffs, div_value=4.0, head_bias=False, device=None, dtype=None):
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0: for a single softmax use Linear")
        if any(int(c) != c for c in cutoffs) or not all(a < b for a, b in zip([0, *cutoffs], [*cutoffs, n_classes])):
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, where each value is "
                f"between 1 and n_classes-1, {n_classes - 1}; found {cutoffs}"
            )
        self.in_features, self.n_classes, self.cutoffs = in_features, n_classes, [*cutoffs, n_classes]
        self.div_value, self.head_bias = div_value, head_bias
        self.shortlist_size, self.n_clusters = self.cutoffs[0], len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        like: dict[str, Any] = dict(device=device, dtype=dtype)
        self.head = Linear(in_features, self.head_size, bias=head_bias, **like)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            fewer = int(in_features // (div_value ** (i + 1)))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            first = Linear(in_features, fewer, bias=False, **like)
            self.tail.append(Sequential(first, Linear(fewer, size, bias=False, **like)))

    def reset_parameters(self):
        """Draw new values for all layers."""
        for layer in self.modules():
            if isinstance(layer, Linear):
                layer.reset_parameters()

    def forward(self, input_, target_):
        _check_shapes(input_, target_)
        batched = target_.dim() == 1
        x = input_ if batched else input_.unsqueeze(0)
        target = (target_ if batched else target_.unsqueeze(0)).to(int64)
        self._check_targets(target)
        in_head = target.clone()  # the class itself, or that of its cluster
        within = x.new_zeros(len(target))  # log-probability within the cluster; 0 in the shortlist
        for i, cluster in enumerate(self.tail):
            low, high = self.cutoffs[i], self.cutoffs[i + 1]
            rows = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            log_p = log_softmax(cluster(x.index_select(0, rows)), dim=1)
            chosen = log_p.gather(1, (target[rows] - low).unsqueeze(1)).squeeze(1)
            within = within.index_copy(0, rows, chosen)
            in_head[rows] = self.shortlist_size + i
        head = log_softmax(self.head(x), dim=1).gather(1, in_head.unsqueeze(1)).squeeze(1)
        output = within + head
        loss = (-output).mean()
        return _ASMoutput(output if batched else output.squeeze(0), loss)

    def log_prob(self, input):
        """The log-probabilities of all classes: (N, in_features) becomes (N, n_classes)."""
        head = log_softmax(self.head(input), dim=1)
        columns = [head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            of_cluster = head[:, self.shortlist_size + i].unsqueeze(1)
            columns.append(log_softmax(cluster(input), dim=1) + of_cluster)
        return cat(columns, dim=1)

    def predict(self, input):
        """The most probable class of each sample, (N). Where the head's best class is in the shortlist, the clusters are not computed."""
        best = self.head(input).argmax(1)
        rows = (best >= self.shortlist_size).nonzero().squeeze(1)
        if rows.numel():
            best[rows] = self.log_prob(input[rows]).argmax(1)
        return best

    def _check_targets(self, target):
        if target.numel() and (target.min() < 0 or target.max() >= self.n_classes):
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found: do the classes count from 1?"
            )


def _check_shapes(x, target):
    """Raise RuntimeError unless the shapes of `x` and `target` are (N, D) and (N), or (D) and ()."""
    if target.dim() > 1:
        raise RuntimeError(
            f"0D or 1D target tensor expected, multi-target not supported: found target of shape {list(target.shape)}"
        )
    if target.dim() == 1 and x.shape[:1] != target.shape:
        raise RuntimeError(
            "Input and target should have the same size in the batch dimension, but input has shape "
            f"{list(x.shape)} and target {list(target.shape)}"
        )
    if x.dim() != target.dim() + 1:
        raise RuntimeError(
            f"{target.dim()}D target tensor expects {target.dim() + 1}D input tensors, but found inputs with size "
            f"{list(x.shape)}"
        )
