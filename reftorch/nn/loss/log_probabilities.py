r"""Log-probabilities: the logarithm of softmax over the classes, computed so that no exponential can overflow.

Logits are any numbers, one for each class; softmax turns them into probabilities $p$ that sum to one. Cross entropy needs
$\log p$, and taking the logarithm of a softmax that was rounded to 0 would give $-\infty$: so both are done in one step.

## Forward

Adding a number to all logits of a sample changes no probability. So the largest logit, $m$, is subtracted first: the largest
exponential is then $e^0 = 1$, none overflows, and the sum $s$ is at least 1, so that its logarithm is safe.

$$m[n, d] = \max_{0 \le c < C} x[n, c, d] \qquad s[n, d] = \sum_{c=0}^{C-1} e^{x[n, c, d] - m[n, d]}$$

$$\log p[n, c, d] = x[n, c, d] - m[n, d] - \log s[n, d]$$

A logit of $-\infty$ has probability 0. If all logits of a sample are $-\infty$, or one is $+\infty$ or NaN, the sample is NaN.

## Gradients

Cross entropy takes this step and the next one backward together (the result is simpler than either): see there.

## Cost

$N C D$ exponentials, $N D$ logarithms. Reads $x$ twice, once for the largest and once for the differences; writes $\log p$,
reads it and writes it again.

## Symbols

| symbol | variable | range | meaning |
|---|---|---|---|
| $x$ | `x` | $(N, C, D)$ | logits |
| $\log p$ | `log_p` | $(N, C, D)$ | logarithm of the probability of each class |
| $m$ | `largest` | | largest logit of the sample |
| $s$ | `total` | $1 \le s \le C$ | sum of the exponentials |
| $\log s$ | `log_total` | | what is subtracted from each difference |
| $n$ | `n` | $0 \le n < N$ | sample of the batch |
| $c$ | `c` | $0 \le c < C$ | class |
| $d$ | `d` | $0 \le d < D$ | position inside the sample (a pixel); $D = 1$ if there is only one |

## Worked example

Three classes at odds of 1 : 2 : 1, and again with 1000 added to each logit, where $e^{1000}$ would overflow:

>>> import reftorch as torch
>>> x = torch.tensor([[1., 2, 1]]).log()
>>> x.log_softmax(dim=1).exp()
tensor([[0.2500, 0.5000, 0.2500]])
>>> (x + 1000).log_softmax(dim=1).exp().round(decimals=2)
tensor([[0.2500, 0.5000, 0.2500]])
"""

from __future__ import annotations

import math

import numpy as np

from reftorch.kernel import PARALLEL, cuda, njit, prange


# ## Log-probabilities of every sample
#
# $$\log p[n, c, d] = x[n, c, d] - m[n, d] - \log s[n, d]$$
#
# Three passes over the classes of one sample. The differences are stored before $\log s$ is taken off: with a huge $m$, the sum
# $m + \log s$ would round to $m$, and `x - (m + log s)` would lose $\log s$. A NaN is never the largest, but makes the sum NaN.
@njit(**PARALLEL)
def log_probabilities_forward_cpu(x, log_p):
    N, C, D = x.shape
    for n in prange(N):
        for d in range(D):
            largest = x.dtype.type(-math.inf)
            for c in range(C):
                if x[n, c, d] > largest:
                    largest = x[n, c, d]
            total = np.float64(0)
            for c in range(C):
                log_p[n, c, d] = x[n, c, d] - largest
                total += math.exp(log_p[n, c, d])
            log_total = math.log(total)
            for c in range(C):
                log_p[n, c, d] -= log_total


@cuda.jit
def log_probabilities_forward_cuda(x, log_p):
    N, C, D = x.shape
    i = cuda.grid(1)  # one thread a sample: it writes the column of its C classes
    if i >= N * D:
        return
    d = i % D
    n = i // D
    largest = x.dtype.type(-math.inf)
    for c in range(C):
        if x[n, c, d] > largest:
            largest = x[n, c, d]
    total = log_p.dtype.type(0)
    for c in range(C):
        log_p[n, c, d] = x[n, c, d] - largest
        total += math.exp(log_p[n, c, d])
    log_total = math.log(total)
    for c in range(C):
        log_p[n, c, d] -= log_total
