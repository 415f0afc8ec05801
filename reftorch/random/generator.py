"""The generator: a seed, the twister's state, and the words drawn from it."""

from __future__ import annotations

import contextlib
import operator
import os
import secrets
from collections.abc import Iterator
from typing import Any

import numpy as np

from reftorch.types import device as Device

FIRST_SEED = 67280421310721  # what torch.Generator() starts from
MANY = 1000  # words

# The byte layout of torch.Generator.get_state() on the CPU, so that states can be exchanged with it. `key` is the
# twister's state, `next` the position in it, and `left` how many words until it is renewed, plus one.
_STATE = np.dtype(
    {
        "names": ["seed", "left", "seeded", "next", "key", "normal", "has_normal"],
        "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", 624), "<f8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040],
        "itemsize": 5056,
    }
)


# ------------------------------------------------------------------------------------------- the generator
class Generator:
    """A source of random words with its own seed, as `torch.Generator`.

    `device` is remembered and nothing else: words are drawn on the CPU whatever it is.
    """

    def __init__(self, device: Any = "cpu"):
        self.device = Device(device)
        self._engine: Any = np.random.MT19937()
        self.manual_seed(FIRST_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to `seed`, an int from -2**63 to 2**64 - 1. Returns the generator.

        A negative seed means seed + 2**64. The twister itself sees the lowest 32 bits only.

        Raises:
            RuntimeError: `seed` is no int.
            ValueError: `seed` does not fit in 64 bits.
        """
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            kind = type(seed).__name__
            raise RuntimeError(f"manual_seed expected an int, but got {kind} {seed!r}")
        seed = operator.index(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed got {seed}: a seed lies from -2**63 to 2**64 - 1")
        self._seed = seed % 2**64
        # RandomState, unlike MT19937(seed), expands a seed by the algorithm of 1998 (init_genrand)
        start = np.random.RandomState(self._seed % 2**32)
        self._engine.state = start.get_state(legacy=False)
        self._spare = np.empty(0)  # half of a pair of normal numbers, when an odd number was drawn
        return self

    def seed(self) -> int:
        """Seed from the operating system's entropy; returns the seed."""
        return self.manual_seed(secrets.randbits(64)).initial_seed()

    def initial_seed(self) -> int:
        """The seed that the present stream started from."""
        return self._seed

    def get_state(self) -> Any:
        """The whole state: a uint8 tensor of 5056 elements, in the layout of PyTorch's CPU generator."""
        import reftorch

        return reftorch.from_numpy(np.frombuffer(self._pack(), np.uint8).copy())

    def set_state(self, state: Any) -> Generator:
        """Go on from `state`, from `get_state` here or in PyTorch: a uint8 tensor or array, or bytes.

        Raises:
            TypeError: `state` holds something other than bytes.
            RuntimeError: `state` has the wrong size or is no state of a twister.
        """
        self._unpack(_state_bytes(state))
        return self

    def clone_state(self) -> Generator:
        """A new generator that will draw the same numbers as this one."""
        twin = Generator(self.device)
        twin._unpack(self._pack())
        return twin

    def _pack(self) -> bytes:
        packed = np.zeros((), _STATE)
        twister = self._engine.state["state"]
        packed["seed"], packed["seeded"], packed["key"] = self._seed, 1, twister["key"]
        packed["next"], packed["left"] = twister["pos"], 625 - twister["pos"]
        packed["normal"], packed["has_normal"] = self._spare.sum(), self._spare.size
        return packed.tobytes()

    def _unpack(self, raw: bytes) -> None:
        if len(raw) != _STATE.itemsize:
            wanted = _STATE.itemsize
            raise RuntimeError(f"a generator's state has {wanted} bytes, but got {len(raw)}")
        packed = np.frombuffer(raw, _STATE)[0]
        left, position = int(packed["left"]), int(packed["next"])
        if not (packed["seeded"] and 1 <= left <= 624 and position <= 624):
            found = f"next={position}, left={left}"
            raise RuntimeError(f"Invalid mt19937 state ({found}): wanted one from get_state()")
        # left == 1 says "renew before the next word", whatever `next` is: a freshly seeded torch has next == 0
        twister = {"key": packed["key"].astype(np.uint32), "pos": 625 - left}
        self._engine.state = {"bit_generator": "MT19937", "state": twister}
        self._seed = int(packed["seed"])
        self._spare = np.array([packed["normal"]] if packed["has_normal"] else [])

    def _words32(self, n: int) -> np.ndarray:
        return self._engine.random_raw(n)  # 32-bit words, in uint64

    def _words(self, n: int) -> np.ndarray:
        """32-bit words, in uint32 or uint64. Many come in half the time as `integers`, which are the same words."""
        if n < MANY:
            return self._words32(n)
        return np.random.Generator(self._engine).integers(2**32, size=n, dtype=np.uint32)

    def _words64(self, n: int) -> np.ndarray:
        high, low = self._words(2 * n).reshape(n, 2).T
        words = high.astype(np.uint64)
        words <<= np.uint64(32)
        words |= low
        return words

    def _unit(self, n: int, dtype: np.dtype) -> np.ndarray:
        """n numbers in [0, 1): the low 53 bits of a 64-bit word (float64), or the low 24 of a 32-bit one (float32)."""
        if dtype == np.float64:
            words = self._words64(n)
            words &= np.uint64(2**53 - 1)
            unit = words.astype(np.float64)
            unit *= 2.0**-53
            return unit
        single = (self._words(n) & np.uint32(2**24 - 1)).astype(np.float32)
        single *= np.float32(2**-24)
        return single


def _state_bytes(state: Any) -> bytes:
    if isinstance(state, (bytes, bytearray, memoryview)):
        return bytes(state)
    if not hasattr(state, "__array__") or np.asarray(state).dtype != np.uint8:
        kind = getattr(state, "dtype", type(state).__name__)
        raise TypeError(f"expected a state of uint8 elements (from get_state), but got {kind}")
    return np.asarray(state).tobytes()


default_generator = Generator()
default_generator.seed()

if hasattr(os, "register_at_fork"):  # not in the middle of a draw: in the child nobody would give the lock back
    _lock = default_generator._engine.lock
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def manual_seed(seed: Any) -> Generator:
    """Seed the default generator, as `Generator.manual_seed`, with int(seed). Returns it."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Seed the default generator from the operating system's entropy; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    """The default generator's state, a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Set the default generator's state to one from `get_rng_state`."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, device_type: Any = None) -> Iterator[None]:
    """Inside `with fork_rng():` draw and seed at will; the default generator then goes on as if nothing had happened.

    `devices` and `device_type` are taken for PyTorch's sake: there is one generator for all devices.
    """
    before = default_generator._pack()
    try:
        yield
    finally:
        if enabled:
            default_generator._unpack(before)
