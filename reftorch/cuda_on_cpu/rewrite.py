"""A kernel's source, rewritten so that Numba compiles it for the CPU.

| in the kernel | becomes |
|---|---|
| `cuda.grid(1)`, `cuda.gridsize(2)` | `grid_1(where)`, `gridsize_2(where)` |
| `cuda.threadIdx.x`, `cuda.blockDim.y` | `where[0]`, `where[7]` |
| `cuda.atomic.add(y, i, v)` | `atomic_add(y, i, v)` |
| `cuda.shared.array(32, x.dtype)` | one more argument of the kernel |
| `cuda.local.array(4, float32)` | `np.empty(4, float32)` |
| `cuda.syncthreads()` | `yield` with the number of the line |
| `math.floor(x)` | `math_floor(x)`, which keeps the type as on a GPU |
| `device_function(x)` | its rewritten form, with `where` if it needs it |

If sizes are given, the kernel begins with `x = sized(x, (32, 12, 4, 4))` for each array, and `stride = 1` for each whole number. Then
LLVM divides by constants, unrolls short loops, and removes the bounds checks that it can prove to hold.
"""

from __future__ import annotations

import ast
import builtins
import dis
import functools
import hashlib
import inspect
import math
import textwrap
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher
from numba.core.ir import Loc

from .. import kernel as kernels
from ..kernel_cache import KernelCache
from . import thread
from .part import Part

WHERE = "where__"  # the name of the first argument that is added
FENCES = {"threadfence", "threadfence_block", "threadfence_system"}  # no effect where threads run one after the other
OPTIONS = {"error_model": "numpy", "boundscheck": True, "forceinline": True, "no_cfunc_wrapper": True}
CONSTANTS = (int, float, complex, str, tuple, np.generic, np.dtype, type, numba.types.Type)
MAKING = (np.empty, np.zeros, np.ones, np.full)
TYPED = {getattr(math, name): getattr(thread, f"math_{name}") for name in ("floor", "ceil", "trunc", "fmod")}


class NotCompiled(Exception):
    """A kernel uses something that is not compiled for the CPU; says what."""


@dataclass
class Rewritten:
    """A kernel in the form that Numba compiles: it is called with `where`, the arguments, and the shared arrays."""

    function: FunctionType
    compiled: Any
    uses_where: bool
    barriers: bool
    atomics: bool
    shared: list[tuple[Any, Any, int]]  # of each shared array, code that gives its shape and its dtype, and its line
    text: str  # of the kernel and all that it calls
    walrus: Loc | None  # where it has the first `:=`
    made: int  # the line of the first array that a thread makes, 0 if there is none
    dynamic: int  # the line of the first shared array whose size is chosen by the launch, 0 if there is none


def source_function(kernel: Any) -> FunctionType:
    """The Python function under `@cuda.jit` or `@njit`, or the plain function itself."""
    return getattr(kernel, "py_func", kernel)


def is_cuda(value: Any) -> bool:
    return value is kernels.cuda or (isinstance(value, ModuleType) and value.__name__ == "numba.cuda")


@functools.cache
def rewritten(function: FunctionType, is_kernel: bool = True, sizes: tuple = ()) -> Rewritten:
    """The kernel, or a device function that it calls, in its compiled form. Compiles nothing yet.

    `sizes` holds what is `known` of each argument. If it is given, the form is only for such arguments.

    Raises:
        NotCompiled: the kernel uses something that cannot be compiled.
    """
    tree = definition_of(function)
    known = {**vars(builtins), **function.__globals__, **inspect.getclosurevars(function).nonlocals}
    changes = Rewriter(function, known, is_kernel)
    body: ast.FunctionDef = changes.visit(tree)
    names = [argument.arg for argument in body.args.args]
    body.body = [line for name, size in zip(names, sizes) for line in constants(name, size)] + body.body
    changes.values["sized__"] = thread.sized
    uses_where = is_kernel or changes.uses_where
    if changes.shared and not changes.barriers:  # its threads meet at the end, so that a block of them shares an array
        body.body.append(ast.Expr(ast.Yield(ast.Constant(0))))
        changes.barriers = True
    body.args.args = [ast.arg(WHERE)] * uses_where + body.args.args + [ast.arg(name) for name in changes.names]
    if body.args.defaults and changes.names:
        raise NotCompiled("default values of arguments, together with shared arrays")
    module = ast.fix_missing_locations(ast.Module([body], []))
    scratch: dict = {}
    exec(compile(module, function.__code__.co_filename, "exec", dont_inherit=True), {}, scratch)
    values = {**function.__globals__, **inspect.getclosurevars(function).nonlocals, **changes.values}
    made = FunctionType(scratch[function.__name__].__code__, values, function.__name__, function.__defaults__)
    made.__module__, made.__qualname__ = function.__module__, f"{function.__qualname__}_on_cpu"
    text = "\n".join([ast.unparse(body), text_of(function.__defaults__), *changes.texts])
    run = numba.njit(pipeline_class=Part, **{**OPTIONS, "forceinline": not changes.barriers})(made)
    found = (changes.barriers, changes.atomics, changes.shared, text, changes.walrus, changes.made, changes.dynamic)
    return Rewritten(made, run, uses_where, *found)


OF = "of"  # begins what is known of a tuple, one entry for each of its elements


def known(argument: Any) -> Any:
    """What can be a constant of an argument: a whole number, the shape of a C-contiguous array, these of a tuple; else None."""
    kind = type(argument)
    if kind is np.ndarray:
        return argument.shape if argument.ndim and argument.flags.c_contiguous else None
    if kind is tuple:
        return (OF, *map(known, argument))
    return argument if kind is int else None


def constants(name: str, size: Any) -> list[ast.stmt]:
    """The line that makes what is known of an argument a constant; none if there is nothing."""
    value = _constant(name, size)
    return [] if value == name else ast.parse(f"{name} = {value}").body


def _constant(name: str, size: Any) -> str:
    if isinstance(size, int):
        return repr(size)
    if size is None or size == (OF,):
        return name
    if size[0] != OF:
        return f"sized__({name}, {size})"
    parts = [f"{name}[{k}]" for k in range(len(size) - 1)]
    values = [_constant(part, each) for part, each in zip(parts, size[1:])]
    return name if values == parts else f"({', '.join(values)},)"


def compiled(function: FunctionType, text: str, **options: Any) -> Any:
    """`function` under njit; its machine code is kept under a key that covers `text`, the rewritten source of all it calls."""
    options = {**OPTIONS, **options}
    made = numba.njit(**options)(function)
    cache = KernelCache(function, options)
    if cache.declared is not None:
        cache.declared += hashlib.sha256((text + inspect.getsource(thread)).encode()).hexdigest()
        made._cache = cache
    return made


def definition_of(function: FunctionType) -> ast.FunctionDef:
    """The syntax tree of a function, with the line numbers of its file.

    Raises:
        NotCompiled: the source cannot be read, or is not that of this function.
    """
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        raise NotCompiled("its source cannot be read") from None
    tree = ast.parse(source)
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise NotCompiled("it is not made by `def`")
    definition.decorator_list = []
    definition.returns = None
    defaults = [ast.Constant(None) for _ in definition.args.defaults]  # their values are in `__defaults__`
    definition.args.defaults = [ast.copy_location(each, definition) for each in defaults]
    for argument in definition.args.args:
        argument.annotation = None
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    scratch: dict = {}
    exec(compile(tree, "source", "exec", dont_inherit=True), {}, scratch)
    if not function.__closure__ and _arithmetic(scratch[function.__name__].__code__) != _arithmetic(function.__code__):
        raise NotCompiled("its source has changed since it was read")
    return definition


def _arithmetic(code: CodeType) -> list[Any]:
    """The bytecode that distinguishes kernels: names, constants, operators and assignments, but not how globals are read."""
    kinds = ("BINARY", "COMPARE", "UNARY", "STORE", "LOAD_FAST", "LOAD_CONST")
    steps = [(step.opname, step.argrepr) for step in dis.get_instructions(code) if step.opname.startswith(kinds)]
    return [code.co_names, *steps]


@dataclass
class Rewriter(ast.NodeTransformer):
    """Rewrites the syntax tree of one function, and collects the globals and arguments that the new one needs."""

    function: FunctionType
    known: dict[str, Any]
    is_kernel: bool
    uses_where: bool = False
    barriers: bool = False
    atomics: bool = False
    values: dict[str, Any] = field(default_factory=dict)  # new globals
    names: list[str] = field(default_factory=list)  # arguments that are added, one a shared array
    shared: list[tuple[Any, Any, int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    walrus: Loc | None = None
    made: int = 0
    dynamic: int = 0

    def value_of(self, node: ast.AST) -> Any:
        """The value of a global name, or of an attribute of a module in one; None if it is not known before the kernel runs."""
        if isinstance(node, ast.Name):
            return None if node.id in self.function.__code__.co_varnames else self.known.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.value_of(node.value)
            if isinstance(owner, SimpleNamespace) and "copysign" in vars(owner):
                owner = math  # its stand-in, which some files have for the simulator
            return getattr(owner, node.attr, None) if isinstance(owner, ModuleType) else None
        return None

    def path(self, node: ast.AST) -> str:
        """The part after `cuda.`: "threadIdx.x" for `cuda.threadIdx.x`; empty if the node is something else."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
            node = node.value
        return ".".join(names) if isinstance(node, ast.Name) and is_cuda(self.value_of(node)) else ""

    def put(self, name: str, value: Any, node: ast.AST) -> ast.Name:
        """A global of the new function."""
        self.values[name] = value
        return ast.copy_location(ast.Name(name, ast.Load()), node)

    def where(self, node: ast.AST) -> ast.Name:
        self.uses_where = True
        return ast.copy_location(ast.Name(WHERE, ast.Load()), node)

    # ------------------------------------------------------------------------------------------------------ visits
    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """A barrier is a statement of its own."""
        call = node.value
        if isinstance(call, ast.Call) and self.path(call.func) == "syncthreads":
            if not self.is_kernel:
                raise NotCompiled("a barrier in a device function")
            self.barriers = True
            return ast.copy_location(ast.Expr(ast.Yield(ast.Constant(node.lineno))), node)
        if isinstance(call, ast.Call) and self.path(call.func) in FENCES:
            return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        start, _, axis = self.path(node).partition(".")
        if start in thread.STARTS and axis in thread.AXES:
            number = ast.Constant(thread.STARTS[start] + thread.AXES[axis])
            return ast.copy_location(ast.Subscript(self.where(node), number, ast.Load()), node)
        if start == "warpsize":
            return ast.copy_location(ast.Constant(32), node)
        if start:
            raise NotCompiled(f"cuda.{self.path(node)}")
        value = self.value_of(node)
        self.note(node, value)
        if isinstance(value, (int, float)) or isinstance(self.value_of(node.value), SimpleNamespace):
            return self.put("_".join(ast.unparse(node).split(".")) + "__", value, node)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        self.note(node, self.value_of(node))
        return node

    def note(self, node: ast.AST, value: Any) -> None:
        """Machine code holds the values of globals, so they belong to its text."""
        text = text_of(value)
        if text:
            self.texts.append(f"{ast.unparse(node)} = {text}")

    def visit_Call(self, node: ast.Call) -> ast.AST:
        path = self.path(node.func)
        if path:
            return self.intrinsic(path, node)
        value = self.value_of(node.func)
        arguments = [self.visit(argument) for argument in node.args]
        keywords = [ast.keyword(each.arg, self.visit(each.value)) for each in node.keywords]
        function = node.func
        if isinstance(value, type(math.floor)) and value in TYPED:
            function = self.put(f"math_{value.__name__}", TYPED[value], node.func)
        elif is_helper(value):
            called = rewritten(source_function(value), False)
            self.atomics |= called.atomics
            self.walrus = self.walrus or called.walrus
            self.made = self.made or called.made and node.lineno
            self.texts.append(called.text)
            function = self.put(f"{called.function.__name__}__", called.compiled, node.func)
            arguments = [self.where(node)] * called.uses_where + arguments
        else:
            if any(value is each for each in MAKING):
                self.made = self.made or node.lineno
            function = self.visit(function)
        return ast.copy_location(ast.Call(function, arguments, keywords), node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        self.walrus = self.walrus or Loc(self.function.__code__.co_filename, node.lineno)
        return self.generic_visit(node)

    def intrinsic(self, path: str, node: ast.Call) -> ast.AST:
        """A call of something in `cuda`."""
        arguments = [self.visit(argument) for argument in node.args]
        keywords = [ast.keyword(each.arg, self.visit(each.value)) for each in node.keywords]
        if path in ("grid", "gridsize"):
            dimensions = getattr(node.args[0], "value", None) if node.args else None
            if dimensions not in (1, 2, 3):
                raise NotCompiled(f"cuda.{path} with other than 1, 2 or 3")
            name, arguments = f"{path}_{dimensions}", [self.where(node)]
        elif path == "shared.array":
            return self.shared_array(node)
        elif path == "local.array":
            self.made = self.made or node.lineno
            return ast.copy_location(ast.Call(self.put("empty__", np.empty, node), arguments, keywords), node)
        elif path.startswith("atomic.") or path in ("fma", "selp"):
            name = path.replace(".", "_")
            self.atomics |= path.startswith("atomic.")
        else:
            raise NotCompiled(f"cuda.{path}")
        if not hasattr(thread, name):
            raise NotCompiled(f"cuda.{path}")
        return ast.copy_location(ast.Call(self.put(f"{name}__", getattr(thread, name), node), arguments, []), node)

    def shared_array(self, node: ast.Call) -> ast.AST:
        """The name of the argument that holds the array. Its shape and dtype are computed at each launch."""
        if not self.is_kernel:
            raise NotCompiled("a shared array in a device function")
        given = [*node.args, *[each.value for each in node.keywords]]
        shape, dtype = (compile(ast.Expression(each), "shared", "eval") for each in given)
        self.shared.append((shape, dtype, node.lineno))
        if ast.unparse(given[0]) in ("0", "(0,)"):
            self.dynamic = self.dynamic or node.lineno
        self.names.append(f"shared_{len(self.names)}__")
        return ast.copy_location(ast.Name(self.names[-1], ast.Load()), node)


def text_of(value: Any) -> str:
    """A constant as text, which differs for different constants: a number, a type, an array, a tuple of these; else empty."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{value.shape}{hashlib.sha256(value.tobytes()).hexdigest()}"
    if type(value) is tuple:
        return f"({', '.join(map(text_of, value))})"
    return repr(value) if isinstance(value, CONSTANTS) else ""


def is_helper(value: Any) -> bool:
    """Whether this is a function that a kernel calls in its rewritten form: a device function or one under `@njit`."""
    if isinstance(value, FunctionType):
        return True
    made_by_numba = isinstance(value, Dispatcher) or type(value).__module__.startswith("numba.cuda")
    return made_by_numba and isinstance(source_function(value), FunctionType)
