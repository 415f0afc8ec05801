"""Seeded random numbers: the stream of PyTorch's CPU generator, number for number.

The engine is the Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), which NumPy supplies. What makes the numbers
PyTorch's is how its 32-bit words become samples, and that is written out here: `generator.py` keeps the seed and the state,
`samples.py` turns words into distributions, `rounding.py` makes the last bit come out the same.

How far the numbers agree with those of PyTorch 2.13's CPU generator after the same `manual_seed` and the same calls, in
any order (of uniform, normal and exponential numbers, ten million each were compared):

| what | agreement |
|---|---|
| `uniform`, `bernoulli`, `randint`, `integers`, `randperm`, in every dtype | every bit |
| `normal`, float32, and with it all of `nn.init` but `orthogonal_` | every bit |
| `exponential`, float32 | every bit |
| `normal` and `exponential`, float64 | to 2 units in the last place |
| `nn.init.orthogonal_` | to 30 machine epsilons: another library decomposes the same random matrix |
| a generator's state, `get_state` | the same layout: a state taken there can be set here, and the reverse |

Where the last bits come from: on processors with AVX2 (nearly every x86 since 2015) PyTorch scales numbers by fused
multiply-add, and for float32 normal numbers it has its own logarithm, sine and cosine. Both are reproduced. On others it
rounds twice and calls the C library: its own numbers are then different in the last bits (scaled uniform ones), or 4 in 10
of them by up to 3e-6 (float32 normal ones). For float64 it calls the C library everywhere, and NumPy's logarithm, sine
and cosine round a few results the other way.

On CUDA, PyTorch has another generator (Philox). Here there is one for all devices: numbers are drawn on the CPU and
copied, so a network starts from the same weights wherever it runs.
"""

from reftorch.random.generator import (
    Generator,
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from reftorch.random.samples import (
    bernoulli,
    empty_in_order,
    exponential,
    in_memory_order,
    integers,
    memory_order,
    normal,
    randint,
    randperm,
    uniform,
)

__all__ = ["Generator", "bernoulli", "default_generator", "empty_in_order", "exponential", "fork_rng"]
__all__ += ["get_rng_state", "in_memory_order", "initial_seed", "integers", "manual_seed", "memory_order"]
__all__ += ["normal", "randint", "randperm", "seed", "set_rng_state", "uniform"]
