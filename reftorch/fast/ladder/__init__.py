"""Ladders: how a loop becomes fast, one idea at a time.

Each file starts with the loops of the formula, and makes them faster step by step. A step, or rung, is a function on arrays with a few
lines; the comment above it explains the new idea. All rungs of a ladder compute the same (tests compare them), so the gain of each rung
can be measured: `reftorch bench --ladder` measures it.

    matmul.py         a matrix product on the CPU
    conv2d.py         a convolution on the CPU
    attention.py      attention on the CPU
    matmul_cuda.py    a matrix product on the GPU
    conv2d_cuda.py    a convolution on the GPU

The rungs leave out everything that needs no new idea: transposed matrices, biases, strides, small sizes. The forms that networks use
support these. They are in the folder `reftorch/fast`, and each ladder ends with one of them.
"""

from reftorch.fast.ladder import attention, conv2d, conv2d_cuda, matmul, matmul_cuda

LADDERS = {
    "matmul": matmul.RUNGS,
    "Conv2d": conv2d.RUNGS,
    "attention": attention.RUNGS,
    "matmul on CUDA": matmul_cuda.RUNGS,
    "Conv2d on CUDA": conv2d_cuda.RUNGS,
}
