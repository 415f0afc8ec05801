"""Numbers that a dtype cannot hold, by all ways into a tensor: the same numbers and the same errors as in PyTorch."""

import math

import numpy as np
import pytest

import reftorch
from side_by_side import both_ways

LEAVES = {
    "l": np.zeros(2, np.int64),
    "b": np.zeros(2, np.uint8),
    "z": np.zeros(2),
    "m": np.array([True, False]),
    "i": np.array([0]),
}


@both_ways("""
    torch.tensor([0., nan], dtype=torch.long) # found nan, int64, 9223372036854775807
    torch.tensor(nan, dtype=torch.long) # found nan
    torch.tensor([[1, 2], [3, inf]], dtype=torch.int32) # found inf, int32
    torch.tensor([-inf, 1], dtype=torch.int32) # found -inf
    torch.tensor([1e20], dtype=torch.int64) # found 1e+20
    torch.tensor([3e9], dtype=torch.int32) # found 3000000000.0
    torch.tensor([300.], dtype=torch.uint8) # found 300.0, 0 to 255
    torch.tensor([-1.], dtype=torch.uint8) # found -1.0
    torch.tensor([-1], dtype=torch.uint8)
    torch.tensor([-255], dtype=torch.uint8)
    torch.tensor([-300], dtype=torch.uint8) # found -300
    torch.tensor([255.9], dtype=torch.uint8)
    torch.tensor([127.5], dtype=torch.int8)
    torch.tensor([-128.5], dtype=torch.int8)
    torch.tensor([127.0, -128.0], dtype=torch.int8)
    torch.tensor([2**31], dtype=torch.int32)
    torch.tensor([2**63], dtype=torch.int64)
    torch.tensor([2**63])
    torch.tensor([2**63], dtype=torch.uint64)
    torch.tensor([2**64], dtype=torch.uint64) # uint64
    torch.tensor([-1], dtype=torch.uint64) # uint64
    torch.tensor([-1], dtype=torch.uint16)
    torch.tensor([70000], dtype=torch.uint16)
    torch.tensor([2**63], dtype=torch.float32)
    torch.tensor([2**70, 1.5], dtype=torch.float64)
    torch.tensor([9.3e18], dtype=torch.int64)
    torch.tensor([1e40])
    torch.tensor([1e6], dtype=torch.float16)
    torch.tensor([70000], dtype=torch.float16)
    torch.tensor([nan], dtype=torch.bool)
    torch.tensor([2**70, 0, 0.5], dtype=torch.bool)
    torch.tensor([1j, 0j], dtype=torch.bool)
    torch.tensor([1, "a"]) # invalid data type 'str', beside numbers
    torch.tensor([[0.5, 1], [2, "a"]]) # invalid data type 'str'
    torch.tensor(["a", 1]) # too many dimensions 'str'
    torch.full((2,), "a", dtype=torch.bool) # fill_value
    torch.full((2,), None, dtype=torch.bool) # fill_value
    torch.zeros(2, dtype=torch.int64).__setitem__(0, 2**70) # Overflow when unpacking long long
    torch.zeros(2, dtype=torch.bool).__setitem__(0, -(2**64)) # Overflow when unpacking long long
    torch.tensor([1+2j], dtype=torch.float32) # complex
    torch.tensor([1+2j], dtype=torch.int64)
    torch.tensor(np.array([nan, 3.]), dtype=torch.float16)
    torch.tensor(np.array([300, -1]), dtype=torch.uint8)
    torch.tensor([torch.tensor(1.5)], dtype=torch.int64) # integer tensors of a single element
    torch.tensor([np.float32(1)], dtype=torch.int64)
    torch.tensor([np.float64(300)], dtype=torch.uint8)
    torch.tensor([np.int64(300)], dtype=torch.int16)
    torch.as_tensor([nan], dtype=torch.int64)
    torch.LongTensor([nan])
    torch.LongTensor([1.5])
    torch.IntTensor([3e9])
    torch.ByteTensor([300])
    torch.scalar_tensor(nan, dtype=torch.int64)
    torch.scalar_tensor(1e40)
    torch.full((2,), nan, dtype=torch.int64)
    torch.full((2,), 3e9, dtype=torch.int32)
    torch.full((2,), 300, dtype=torch.uint8)
    torch.full((2,), -1, dtype=torch.uint8)
    torch.full((2,), 1.5, dtype=torch.int64)
    torch.full((2,), 2**63)
    torch.full((2,), 2**63, dtype=torch.float32)
    torch.full((2,), 1e40) # found 1e+40, 3.40282e+38
    torch.full((2,), inf, dtype=torch.float16)
    torch.full((2,), 1+2j, dtype=torch.float32) # found (1+2j)
    torch.full_like(l, nan)
    l.new_tensor([nan])
    l.new_full((2,), nan)
    torch.arange(0, 3, 0.5, dtype=torch.int64) # step
    torch.arange(0.5, 5, 1.5, dtype=torch.int64)
    torch.arange(0.9, 5.9, 1.5, dtype=torch.int64)
    torch.arange(-1.5, 3.7, 1.9, dtype=torch.int64)
    torch.arange(0, 3.7, dtype=torch.int64)
    torch.arange(0, 1e20, 1e19, dtype=torch.int64)
    torch.arange(300, dtype=torch.uint8)[-3:]
    torch.arange(2**63, 2**63 + 2)
    torch.linspace(0, nan, 3, dtype=torch.int64)
    torch.linspace(0, 1e20, 3, dtype=torch.int64)
""")
def test_new_tensors(line):
    line.check(LEAVES)


@both_ways("""
    l.fill_(nan) # found nan
    l.fill_(1e20)
    l.fill_(1.9)
    b.fill_(300)
    b.fill_(-1)
    b.fill_(2**65)
    z.detach().fill_(1e40) # found 1e+40
    z.detach().fill_(2**65)
    l.fill_(torch.tensor(1.5))
    l[0] = nan; l # found nan
    l[0] = 1.5; l
    l[0] = 1e20; l
    b[0] = 300; b
    b[0] = -1; b
    l[i] = nan; l
    l[m] = nan; l
    b[i] = 300; b
    y = z.half(); y[0] = 1e6; y.detach()
    y = z.detach(); y[0] = 1e40; y
    l.masked_fill(m, nan)
    l.masked_fill(m, 1.5)
    b.masked_fill(m, 300)
    b.masked_fill(m, -1)
    z.half().masked_fill(m, 1e6)
    l.index_fill(0, i, nan)
    b.index_fill(0, i, 300)
    l.scatter(0, i, nan)
    b.scatter(0, i, 300)
    torch.zeros(3, 3).long().fill_diagonal_(nan)
    torch.nn.init.constant_(l, nan)
    F.pad(l, (1, 1), value=nan)
    F.pad(l, (1, 1), value=1.5)
""")
def test_writing_into_a_tensor(line):
    line.check(LEAVES)


@both_ways("""
    b + 300
    b - 1
    b + 2**70
    l + 2**63
    l + 2**64 # int too big
    z + 2**64
    z * 2**63
    b == 300
    b > -1
    l < 2**64
    b.clamp(max=300) # found 300
    l.clamp(max=nan)
    z.clamp(max=1e40)
    z.half().clamp(max=1e6)
    torch.add(b, b, alpha=300)
    torch.add(z.half(), z.half(), alpha=1e6)
    l.pow(2**63)
    b ** 300
    z.half() ** 1e5
    torch.where(m, b, 300)
    l.lerp(l, 0.5)
""")
def test_numbers_beside_tensors(line):
    line.check(LEAVES)


@pytest.mark.parametrize("number", [math.nan, math.inf, 2.0**63, -1e19])
def test_no_float_becomes_some_integer(number):
    """PyTorch lets 2.0**63 pass as -2**63."""
    for make in (
        lambda: reftorch.tensor([0.0, number], dtype=reftorch.int64),
        lambda: reftorch.full((2,), number, dtype=reftorch.int64),
        lambda: reftorch.zeros(2, dtype=reftorch.int64).fill_(number),
    ):
        with pytest.raises(RuntimeError, match=r"value cannot be converted to type int64 without overflow: found "):
            make()
