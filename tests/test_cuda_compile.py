"""What `cuda_compile.py` rests on: types survive JSON, no kernel is overlooked, float64 arithmetic is seen."""

import json

import numba
import numpy as np
import pytest
from numba import cuda

import cuda_compile


@pytest.mark.parametrize(
    "value",
    [
        3,
        2.5,
        True,
        np.float32(1),
        np.zeros((2, 3), np.float32),
        np.zeros((2, 3))[:, ::2],
        np.zeros(3, bool),
        np.zeros(0, np.int64),
        (1, 2, 3),
        (np.zeros(2, np.float32), np.zeros(3, np.float32)),
        (),
    ],
    ids=repr,
)
def test_types_survive_json(value):
    kind = numba.typeof(value)
    assert cuda_compile.restore(json.loads(json.dumps(cuda_compile.describe(kind)))) == kind


def test_every_kernel_is_found(tmp_path):
    package = tmp_path / "toy"
    (package / "deep").mkdir(parents=True)
    (package / "deep" / "a.py").write_text(
        "@cuda.jit\ndef one(x): pass\n@cuda.jit(device=True)\ndef helper(x): pass\n"
        "@cuda.jit(fastmath=True)\ndef two(x): pass\n@njit\ndef three(x): pass\n"
    )
    assert cuda_compile.kernels_of_package(package) == {"toy.deep.a:one", "toy.deep.a:two"}


def test_arrays_in_tuples_are_seen():
    signature = [
        "int64",
        ["array", "float32", 1, "C"],
        ["tuple", ["array", "float64", 2, "A"], "int64"],
    ]
    assert cuda_compile.arrays_in(signature) == {"float32", "float64"}


PTX = """
    .reg .f64 %fd<3>;
    ld.param.f64 %fd1, [kernel_param_3];
    cvt.rn.f32.f64 %f2, %fd1;
    fma.rn.f32 %f3, %f2, %f2, %f1;
"""


def test_float64_arithmetic_is_seen():
    assert cuda_compile.float64_arithmetic(PTX) == []
    for line in (
        "mul.f64 %fd2, %fd1, %fd1;",
        "cvt.f64.f32 %fd2, %f1;",
        "setp.gt.f64 %p1, %fd1, 0d0;",
    ):
        assert cuda_compile.float64_arithmetic(PTX + "    " + line + "\n") == [line]


@pytest.mark.simulator
def test_launches_are_recorded(launches):
    @cuda.jit
    def fill(x, value):
        i = cuda.grid(1)
        if i < x.size:
            x[i] = value

    before = launches.pop(f"{__name__}:fill", None)
    fill[1, 4](np.zeros(3, np.float32), 2)
    assert before is None
    assert launches.pop(f"{__name__}:fill") == [[["array", "float32", 1, "C"], "int64"]]
