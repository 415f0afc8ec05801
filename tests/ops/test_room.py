"""Tensors that memory has no room for: PyTorch's type of error, with the bytes, the shape and the dtype."""

import pytest

from reftorch.room import no_room
from side_by_side import both_ways


@both_ways("""
    torch.empty(10**6, 10**8) # can't allocate memory, 400000000000000 bytes, [1000000, 100000000], float32
    torch.zeros(10**14, dtype=torch.float64) # 800000000000000 bytes, [100000000000000], float64
    torch.ones(10**7, 10**7) # 400000000000000 bytes
    torch.full((10**14,), 2) # 800000000000000 bytes, int64
    torch.eye(10**7) # 400000000000000 bytes
    torch.arange(10**14) # 800000000000000 bytes, int64
    torch.linspace(0, 1, 10**14) # can't allocate memory
    torch.rand(10**14) # can't allocate memory
    torch.randn(10**7, 10**7) # can't allocate memory
    torch.normal(0.0, 1.0, (10**14,)) # can't allocate memory
    torch.randint(3, (10**14,)) # can't allocate memory
    torch.randperm(10**14) # can't allocate memory
    torch.zeros(1).new_empty(10**14) # 400000000000000 bytes
    torch.zeros(1).new_zeros(10**14) # 400000000000000 bytes
    torch.zeros_like(torch.zeros(1).expand(10**14)) # 400000000000000 bytes
    torch.empty(2**62, 4) # overflowed, [4611686018427387904, 4]
    torch.zeros(1).new_empty(2**62, 4) # overflowed, [4611686018427387904, 4]
    torch.zeros(2**63 - 1) # overflowed
""")
def test_new(line):
    line.check()


@both_ways("""
    x = torch.zeros(1).expand(10**14); x + 1 # 400000000000000 bytes, float32
    torch.zeros(10**7, 1) + torch.zeros(10**7) # 400000000000000 bytes, [10000000, 10000000]
    torch.zeros(10**7, 1) @ torch.zeros(1, 10**7) # 400000000000000 bytes
    torch.zeros(1).expand(10**14) > 0 # 100000000000000 bytes, bool
    torch.zeros(1).expand(10**14).clone() # 400000000000000 bytes
    torch.zeros(1).expand(10**14).contiguous() # can't allocate memory
    torch.zeros(1).expand(10**14).double() # 800000000000000 bytes, float64
    torch.zeros(1).repeat(10**14) # can't allocate memory
    torch.cat([torch.zeros(1).expand(10**14)] * 2) # 800000000000000 bytes
    torch.zeros(1).expand(10**14).relu() # can't allocate memory
    F.pad(torch.zeros(1), (0, 10**14)) # 400000000000004 bytes
    F.pdist(torch.zeros(10**7, 1)) # 199999980000000 bytes
    F.one_hot(torch.tensor([10**14])) # can't allocate memory
    F.interpolate(torch.zeros(1, 1, 1), size=10**14) # 400000000000000 bytes
    torch.nn.Linear(10**7, 10**7) # 400000000000000 bytes
    torch.nn.Embedding(10**12, 100) # 400000000000000 bytes
""")
def test_results(line):
    line.check()


def test_an_error_that_does_not_come_from_an_array_stays():
    error = MemoryError("no more")
    assert no_room(error) is error
    with pytest.raises(MemoryError):
        raise no_room(error)
