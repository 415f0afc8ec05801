"""Ladders: how a loop becomes fast, one idea at a time.

Each file starts with the loops that the formula dictates and climbs from there. A rung is a function over arrays, of a few lines;
what stands above it says what is new. All rungs of a ladder compute the same (tests compare them), so that what a rung gains can
be measured, and `reftorch bench --ladder` does.

    matmul.py         a matrix product on the CPU
    conv2d.py         a convolution on the CPU
    attention.py      attention on the CPU
    matmul_cuda.py    a matrix product on the GPU
    conv2d_cuda.py    a convolution on the GPU

The rungs leave out what is no idea: turned matrices, biases, strides, small sizes. The forms that networks run on, which have it,
stand one folder up; each ladder ends there.
"""

from reftorch.fast.ladder import attention, conv2d, conv2d_cuda, matmul, matmul_cuda

LADDERS = {
    "matmul": matmul.RUNGS,
    "Conv2d": conv2d.RUNGS,
    "attention": attention.RUNGS,
    "matmul on CUDA": matmul_cuda.RUNGS,
    "Conv2d on CUDA": conv2d_cuda.RUNGS,
}
