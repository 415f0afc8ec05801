"""The interpreter of live examples does what Python does: held to the recorder, step by step, over every CPU kernel of the package."""

import copy
import json
import math
import shutil
import subprocess

import numpy as np
import pytest

from launches import CPU_KERNELS, launches
from reftorch.site import live
from reftorch.trace import Recording, record

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
NOT_LIVE: dict[str, str] = {}  # kernels that the interpreter does not run, and why
INEXACT = ("math.exp", "math.log", "math.tanh", "math.erf", "math.expm1", "**")  # of these the last digit may differ


def in_node(expression):
    """The value of an expression in JavaScript, after the scripts of the interpreter."""
    source = "".join((live.SCRIPTS / name).read_text(encoding="utf-8") for name in live.NAMES)
    minus = """(key, value) => Object.is(value, -0) ? "-0" : value"""
    program = f"""{source}\nconsole.log(JSON.stringify({expression}, {minus}).replaceAll('"-0"', "-0.0"));"""
    done = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(given, limit=20_000):
    """What the interpreter says of each launch: a recording, or the error."""
    return in_node(f"""{json.dumps(given)}.map(launch => {{
      const {{ recording, error }} = kernelRun(launch, {limit});
      return {{ recording, error: error && [error.type, error.message, error.line] }};
    }})""")


def last_digit(a, b, dtype):
    """Whether two numbers of a recording are the same but for a unit in the last place."""
    if a == b or type(a) is str or type(b) is str:
        return a == b
    kind = np.float32 if dtype == "float32" else np.float64
    return abs(a - b) <= np.spacing(kind(max(abs(a), abs(b))))


def pairs(flat):
    return list(zip(flat[::2], flat[1::2]))


def assert_alike(ours, wanted):
    """Two recordings are the same but for the last digits of numbers."""
    cells = [array.dtype for array in wanted.arrays for _ in array.data]
    assert len(ours.steps) == len(wanted.steps)
    for number, (mine, step) in enumerate(zip(ours.steps, wanted.steps)):
        (row, changes, reads, writes), (row2, changes2, reads2, writes2) = (
            [*each, *[[]] * (4 - len(each))] for each in (mine, step)
        )
        assert (row, reads, changes[::2], writes[::2]) == (row2, reads2, changes2[::2], writes2[::2]), number
        for (variable, a), (_, b) in zip(pairs(changes), pairs(changes2)):
            if not isinstance(b, list):
                assert last_digit(a, b, wanted.variables[variable].type), (number, a, b)
        for (cell, a), (_, b) in zip(pairs(writes), pairs(writes2)):
            assert last_digit(a, b, cells[cell]), (number, a, b)


def test_every_kernel_step_by_step():
    given, wanted = [], []
    for name in CPU_KERNELS:
        if name in NOT_LIVE:
            continue
        kernel, _, _, arguments = launches()[name]
        given.append(live.launch(kernel, copy.deepcopy(arguments)))
        wanted.append(record(kernel, *copy.deepcopy(arguments)))
    exact = 0
    for found, recording in zip(run(given), wanted):
        assert found["error"] is None, (recording.kernel, found["error"])
        ours = Recording.from_json(json.dumps(found["recording"]))
        lines = [line for source in recording.functions for line in source.source if not line.startswith("@")]
        if any(word in line for line in lines for word in INEXACT):
            assert_alike(ours, recording)
            recording.steps = ours.steps = []
        exact += bool(recording.steps)
        assert ours == Recording.from_json(recording.to_json()), recording.kernel
    assert exact > 180


def test_every_mistake_can_be_told():
    """Each known mistake is a text that the interpreter reads, and no text equals another one or the kernel's own."""
    given = []
    for name in CPU_KERNELS:
        kernel, _, _, arguments = launches()[name]
        given.append(live.example(kernel, copy.deepcopy(arguments), []))
    given = [{"functions": each["functions"], "mistakes": each["mistakes"]} for each in given if each["mistakes"]]
    found = in_node(f"""{json.dumps(given)}.map(({{ functions, mistakes }}) => {{
      const say = text => kernelSyntax.normalized(kernelSyntax.parse(text)[0]);
      const source = name => functions.find(one => one.name === name).source.join("\\n");
      const wrong = one => source(one.kernel).replace(one.find, () => one.replace);
      return [...functions.map(one => say(source(one.name))), ...mistakes.map(one => say(wrong(one)))];
    }})""")
    assert len(found) > 200
    for each, texts in zip(given, found):
        assert len(set(texts)) == len(texts), each["mistakes"][0]["kernel"]


@pytest.mark.parametrize(
    "strides, pads, dils", [((1, 1), (0, 0), (1, 1)), ((2, 1), (1, 2), (1, 2)), ((3, 2), (0, 1), (2, 1))]
)
def test_output_sizes_follow_from_the_options(strides, pads, dils):
    from reftorch.nn.convolution.conv2d import conv2d_backward_weight_cpu, conv2d_forward_cpu, conv2d_output_size

    x, weight = np.zeros((1, 2, 7, 8), np.float32), np.zeros((3, 2, 3, 2), np.float32)
    both = tuple(2 * pad for pad in pads)
    y = np.zeros((1, 3, *conv2d_output_size(x.shape[2:], weight.shape[2:], strides, both, dils)), np.float32)
    found = live.sizes(conv2d_forward_cpu, (x, weight, np.zeros(3, np.float32), y, *strides, *pads, *dils, 1))
    assert found == {"axes": ["_h", "_w"], "image": "x", "window": "weight", "arrays": ["y"]}
    found = live.sizes(conv2d_backward_weight_cpu, (y, x, weight, *strides, *pads, *dils, 1))
    assert found == {"axes": ["_h", "_w"], "image": "x", "window": "grad_weight", "arrays": ["grad_y"]}
    wrong = np.zeros((1, 3, 9, 9), np.float32)
    assert (
        live.sizes(conv2d_forward_cpu, (x, weight, np.zeros(3, np.float32), wrong, *strides, *pads, *dils, 1)) is None
    )


def mixed(x, y, z, count, half, flag):
    for i in range(x.size):
        y[i] = x[i] * count[i] + half / (x[i] - 3) - x.dtype.type(1) / 3
        z[i] = (x[i] + half) * count[i] // 7 + count[i] % -3 + abs(-x[i]) ** 2
        large = count[i] ** 2 - count[i] / 2 if x[i] == 0.1 and flag else min(x[i], half, count[i])
        y[i] += math.sqrt(abs(large)) * float(count[i] > 2) - int(-2.5) + math.floor(x[i] * half)
        z[i] -= max(y[i], z[i]) * -half / 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_mix_as_in_numpy(dtype):
    """Python's numbers follow the array's type, int64 and float32 meet in float64; to the bit."""
    numbers = np.random.default_rng(3)
    x = numbers.normal(size=40).astype(dtype) * 10 ** numbers.integers(-3, 4, 40).astype(dtype)
    x[:3] = 0.1, 0, 3
    arguments = x, np.zeros(40, np.float32), np.zeros(40), numbers.integers(-5, 9, 40), 0.7, True
    (found,) = run([live.launch(mixed, copy.deepcopy(arguments))])
    wanted = record(mixed, *copy.deepcopy(arguments))
    assert found["error"] is None
    assert found["recording"]["steps"] == json.loads(wanted.to_json())["steps"]


def test_functions_are_right_to_the_last_place():
    names = ("exp", "log", "tanh", "erf", "expm1", "log1p", "sqrt")
    x = np.concatenate([np.linspace(-20, 20, 161), np.logspace(-12, 2, 60)])
    source = [
        "def table(x, y):",
        *(
            f"    for i in range(x.size): y[{k}, i] = math.{name}(abs(x[i]) if {k} in (1, 5, 6) else x[i])"
            for k, name in enumerate(names)
        ),
    ]
    arrays = [array_of("x", x), array_of("y", np.zeros((len(names), x.size)))]
    given = {"kernel": "table", "functions": [{"name": "table", "file": "", "line": 1, "source": source}], "arrays": arrays,
             "arguments": [{"array": 0, "label": "x"}, {"array": 1, "label": "y"}], "globals": {}}  # fmt: skip
    (found,) = run([given], 100_000)
    assert found["error"] is None
    ours = Recording.from_json(json.dumps(found["recording"])).final("y")
    for k, name in enumerate(names):
        for i, value in enumerate(x.tolist()):
            argument = abs(value) if k in (1, 5, 6) else value
            wanted = getattr(math, name)(argument) if argument or name != "log" else -math.inf
            assert last_digit(float(ours[k * x.size + i]), wanted, "float64"), (name, argument)


def array_of(name, data):
    return {
        "name": name,
        "shape": list(data.shape),
        "dtype": data.dtype.name,
        "space": "argument",
        "data": data.ravel().tolist(),
    }


# ------------------------------------------------------------------------------------------------------------- errors
def error(*lines, size=3):
    source = ["def kernel(x, y, alpha):", *(f"    {line}" for line in lines)]
    arrays = [array_of("x", np.arange(size, dtype=np.float32)), array_of("y", np.zeros(size, np.float32))]
    given = {"kernel": "kernel", "functions": [{"name": "kernel", "file": "", "line": 1, "source": source}], "arrays": arrays,
             "arguments": [{"array": 0, "label": "x"}, {"array": 1, "label": "y"}, {"value": ["float", 0.5]}], "globals": {}}  # fmt: skip
    (found,) = run([given], 200)
    return found["error"]


@pytest.mark.parametrize(
    "lines, wanted",
    [
        (["for i in range(x.size):", "    y[i] = alpah * x[i]"],
         ["NameError", "name 'alpah' is not defined. Did you mean: 'alpha'?", 3]),
        (["y[0] = total", "total = 1"],
         ["UnboundLocalError", "cannot access local variable 'total' where it is not associated with a value", 2]),
        (["for i in range(x.size):", "    y[i] = x[i + 1]"],
         ["IndexError", "x[i + 1]: i + 1 = 3 is outside 0..2, dimension 0 of shape (3,); the index is (3)", 3]),
        (["y[0] = 1 // 0"], ["ZeroDivisionError", "integer division or modulo by zero", 2]),
        (["y[x[1]] = 1"], ["IndexError", "y[x[1]]: an index must be a whole number, but x[1] is 1, a float32", 2]),
        (["a, b = x.shape"], ["ValueError", "not enough values to unpack (expected 2, got 1)", 2]),
        (["y[0] = x.length"], ["AttributeError", "'numpy.ndarray' object has no attribute 'length'", 2]),
        (["for i in range(x.size)", "    y[i] = 0"], ["SyntaxError", "expected ':'", 2]),
        (["y[0] = (1 + 2"], ["SyntaxError", "'(' was never closed", 2]),
        (["for i in range(3):", "y[i] = 1"], ["IndentationError", "expected an indented block after 'for' statement on line 2", 3]),
        (["if x[0] = 1:", "    y[0] = 1"], ["SyntaxError", "invalid syntax. Maybe you meant '==' instead of '='?", 2]),
        (["y[:] = 0"], ["SyntaxError", "slices are not known here: write the loop", 2]),
        (["while True:", "    pass"], ["Stopped", "more than 200 steps: a loop may never end", 3]),
        (["y[0] = 1 // (x.size // 4)"],
         ["ZeroDivisionError", "integer division or modulo by zero: x.size // 4 is 0", 2]),
        (["y[0] = x * 2"], ["TypeError", "x is a whole array, and this line works with numbers: give it an index", 2]),
        (["if x:", "    y[0] = 1"],
         ["ValueError", "x is a whole array, and a condition is about one number: give it its indices", 2]),
        (["y[0] = min(1)"], ["TypeError", "'int' object is not iterable", 2]),
        (["y[0] = len(x, y)"], ["TypeError", "len() takes exactly one argument (2 given)", 2]),
        (["y[0] = sum(x)"], ["NameError", "'sum' is not known here: write the loop", 2]),
        (["kernel(x, y, alpha)"], ["RecursionError", "maximum recursion depth exceeded", 2]),
        (["y[0] = " + "(" * 9000 + "1" + ")" * 9000], ["SyntaxError", "too many nested parentheses", 2]),
        (["count = 3 ** 40"], ["OverflowError", "12157665459056929000 is too large: whole numbers are exact here up to 2**53", 2]),
        (["count = np.int32(2 ** 31)"], ["OverflowError", "2147483648 does not fit into int32: it holds -2147483648 to 2147483647", 2]),
        (["y[0] = 1", "break"], ["SyntaxError", "'break' outside loop", 3]),
        (["if alpha > 0:", "    continue"], ["SyntaxError", "'continue' not properly in loop", 3]),
        (["for i in range(2):", "    pass", "else:", "    pass"], ["SyntaxError", "the 'else' of a loop is not known here", 4]),
        (["import math"], ["SyntaxError", "'import' is not known here", 2]),
        (["y[0] = 1; y[1] = 2"], ["SyntaxError", "';' is not known here", 2]),
        (["y[0] = 6 >> 1"], ["SyntaxError", "'>>' is not known here", 2]),
        (["total = [0, 0]"], ["SyntaxError", "lists are not known here", 2]),
        (['name = "x'], ["SyntaxError", "unterminated string literal", 2]),
        (["y[0] = 2 \u2212 1"], ["SyntaxError", "invalid character '\u2212' (U+2212)", 2]),
        (["y[0]\u00a0= 1"], ["SyntaxError", "invalid non-printable character U+00A0", 2]),
        (["\u03b1 = 1"], ["SyntaxError", "'\u03b1' is not known here: names have the letters a to z and A to Z", 2]),
        (["# nothing is left"], ["IndentationError", "expected an indented block after function definition on line 1", 1]),
    ],
)  # fmt: skip
def test_errors_name_line_and_variable(lines, wanted):
    found = error(*lines)
    assert found[:2] == wanted[:2] and (found[2] == wanted[2] or wanted[0] == "Stopped")
