"""The rules of the house, as functions from source text to a list of complaints. `test_house.py` applies them.

A component file is one that defines kernels: functions decorated with `njit` (CPU) or `cuda.jit`.
"""

from __future__ import annotations

import ast
import functools
import re

SECTIONS = [
    "Forward",
    "Gradients",
    "Output size",
    "Cost",
    "Symbols",
    "Worked example",
    "Questions",
    "Differences",
]
OPTIONAL = {"Output size", "Differences"}
KERNEL_LINES, FUNCTION_LINES, FILE_LINES = 40, 60, 400


# ------------------------------------------------------------------------------------------------------ kernels
def _decorator(node: ast.FunctionDef) -> str:
    """Source text of the first decorator's name: "njit", "cuda.jit", "staticmethod", or ""."""
    for decorator in node.decorator_list:
        return ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
    return ""


@functools.cache  # many rules ask for the kernels of the same file
def kernels(source: str) -> dict[str, ast.FunctionDef]:
    """The kernels of a file by name, in its order, and the functions that they call."""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {node.name: node for node in functions if _decorator(node) in ("njit", "cuda.jit")}


def helpers(source: str) -> set[str]:
    """The compiled functions that are no kernels: the first of them stands above the first kernel, and kernels call them."""
    return {
        name
        for name, node in kernels(source).items()
        if _decorator(node) == "njit" and not name.endswith(("_cpu", "_cuda")) and node.name not in _launched(source)
    }


def _launched(source: str) -> set[str]:
    """The names that are not called as functions of a kernel, but given to `on` or `elementwise`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("on", "elementwise"):
            found |= {argument.id for argument in node.args if isinstance(argument, ast.Name)}
    return found


def cuda_kernels(source: str) -> list[str]:
    return [name for name, node in kernels(source).items() if _decorator(node) == "cuda.jit"]


def names_and_order(source: str, passes: str = "forward|backward") -> list[str]:
    """Kernels are called <op>_<forward|backward_<tensor>>_<cpu|cuda>; below each CPU kernel stands its CUDA twin."""
    pattern = re.compile(rf"[a-z][a-z0-9_]*?_({passes})(_[a-z][a-z0-9_]*)?_(cpu|cuda)")
    beside = helpers(source)
    found, complaints = [item for item in kernels(source).items() if item[0] not in beside], []
    for name, node in found:
        if not pattern.fullmatch(name):
            complaints.append(f"{name}: a kernel is called <op>_<forward or backward_<tensor>>_<cpu or cuda>")
        elif name.endswith("_cuda") != (_decorator(node) == "cuda.jit"):
            complaints.append(f"{name}: decorated with {_decorator(node)}")
        elif name.endswith("backward_cpu"):
            complaints.append(f"{name}: does not say which tensor's gradient it computes")
    order = [name for name, _ in found]
    for position, name in enumerate(order):
        twin = order[position + 1] if position + 1 < len(order) else "nothing"
        if name.endswith("_cpu") and twin != name.removesuffix("cpu") + "cuda":
            complaints.append(f"{name}: its CUDA twin should stand directly below it, but {twin} does")
        if name.endswith("_cuda") and name.removesuffix("cuda") + "cpu" not in order:
            complaints.append(f"{name}: has no CPU form")
    return complaints


def _nests(kernel: ast.FunctionDef) -> list[tuple[list[ast.stmt], list[str], list[ast.stmt]]]:
    """Ways to cut a CPU kernel at an output loop: what stands outside the innermost one, the loop variables, its body.

    A loop that is the last statement of the one around it may be the next output loop, or the first loop of a sum.
    """
    cuts, outside, loops, body = [], [], [], _without_docstring(kernel)
    while isinstance(body[-1], ast.For):
        outside = outside + body[:-1]
        loops = loops + [node.id for node in ast.walk(body[-1].target) if isinstance(node, ast.Name)]
        body = body[-1].body
        cuts.append((outside, loops, body))
    return cuts


def _without_docstring(kernel: ast.FunctionDef) -> list[ast.stmt]:
    return kernel.body[1:] if ast.get_docstring(kernel) is not None else list(kernel.body)


def _same(cpu: object, cuda: object) -> bool:
    """Whether two pieces of syntax are equal, where np.float64(0) in the CPU form may be a y.dtype.type(0) in CUDA."""
    if isinstance(cpu, list) and isinstance(cuda, list):
        return len(cpu) == len(cuda) and all(map(_same, cpu, cuda))
    if isinstance(cpu, ast.Call) and isinstance(cuda, ast.Call) and ast.unparse(cpu.func) == "np.float64":
        typed = ast.unparse(cuda.func).endswith(".dtype.type")
        return (typed or _same(cpu.func, cuda.func)) and _same(cpu.args, cuda.args)
    if isinstance(cpu, ast.AST) and isinstance(cuda, ast.AST):
        if type(cpu) is not type(cuda):
            return False
        return all(_same(getattr(cpu, f, None), getattr(cuda, f, None)) for f in cpu._fields)
    return cpu == cuda


def _is_guard(statement: ast.stmt) -> bool:
    """`if i >= y.size: return`, or `if k == len(params): return` after the search for the thread's tensor"""
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Compare) or statement.orelse:
        return False
    beyond = isinstance(statement.test.ops[0], ast.GtE) or "== len(" in ast.unparse(statement.test)
    return beyond and [type(node) for node in statement.body] == [ast.Return]


def _stored(statement: ast.stmt) -> set[str]:
    """The variables that a statement assigns; "?" stands for an element of an array."""
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name | ast.Subscript) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else "?")
    return found


def twins(cpu: ast.FunctionDef, cuda: ast.FunctionDef) -> list[str]:
    """A CPU kernel and its CUDA twin: same arguments, same extents, and after CUDA's index block the same body.

    The index block takes the thread's number (cuda.grid), returns if it is beyond the output, and assigns every variable of
    the CPU kernel's output loops; nothing is in it that is not in the CPU kernel outside its innermost output loop.
    """
    if ast.dump(cpu.args) != ast.dump(cuda.args):
        return [f"{cpu.name}({ast.unparse(cpu.args)}) and {cuda.name}({ast.unparse(cuda.args)}): other arguments"]
    cuts = _nests(cpu)
    attempts = [_twins_at(cuda, *cut) for cut in cuts] or [["it has no output loops"]]
    return [] if [] in attempts else [f"{cpu.name} and {cuda.name}: {line}" for line in min(attempts, key=len)]


def _twins_at(cuda: ast.FunctionDef, outside: list, loops: list[str], body: list) -> list[str]:
    statements = _without_docstring(cuda)
    cut = len(statements) - len(body)
    if cut < 0:
        return [f"CUDA's body is shorter than\n{ast.unparse(body)}"]
    for ours, theirs in zip(body, statements[cut:], strict=True):
        if not _same(ours, theirs):
            return [f"CUDA has\n{ast.unparse(theirs)}\nwhere the CPU has\n{ast.unparse(ours)}"]
    complaints, assigned, thread, guards = [], set(), set(), 0
    for statement in statements[:cut]:
        stored = _stored(statement)
        if outside and _same(outside[0], statement):
            outside = outside[1:]
        elif _is_guard(statement):
            guards += 1
        elif isinstance(statement, ast.Assign) and "cuda.grid(" in ast.unparse(statement.value):
            thread |= stored
        elif stored and stored <= {*loops, *thread, "rest", "_"}:
            assigned |= stored
        else:
            complaints.append(f"{ast.unparse(statement)} of CUDA is not on the CPU")
    complaints += [f"CUDA lacks {ast.unparse(statement)}" for statement in outside]
    if not thread or not guards:
        complaints.append("CUDA wants cuda.grid(1) and a return for threads beyond the output")
    for variable in sorted(set(loops) - assigned - thread):
        complaints.append(f"the loop variable {variable} gets no value on CUDA")
    return complaints


def untyped_numbers(kernel: ast.FunctionDef) -> list[str]:
    """Accumulators and constants whose type is left to the compiler: float64 when compiled, the data's in plain Python."""
    complaints = []
    typed = set()
    for node in ast.walk(kernel):
        if isinstance(node, ast.Call):
            typed |= {id(inner) for argument in node.args for inner in ast.walk(argument)} if _is_type(node) else set()
    for node in ast.walk(kernel):
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and id(node) not in typed:
            complaints.append(
                f"{kernel.name}, line {node.lineno}: {node.value} has no type; write y.dtype.type({node.value})"
            )
    data = _from_elements(kernel)
    summed = set()  # variables to which elements of arrays are added, not only whole numbers of index arithmetic
    for node in ast.walk(kernel):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            if _reads_elements(node.value) or _names(node.value) & data:
                summed.add(node.target.id)
    for node in ast.walk(kernel):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and type(node.value.value) is int:
            for name in sorted(_stored(node) & summed):
                complaints.append(f"{kernel.name}, line {node.lineno}: the accumulator {name} has no type")
    return complaints


def _names(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _reads_elements(node: ast.AST) -> bool:
    """Whether an element of an array is read: x[i], but not x.shape[0] or strides[d]."""
    subscripts = [inner for inner in ast.walk(node) if isinstance(inner, ast.Subscript)]
    return any(not ast.unparse(inner.value).endswith(("shape", "strides")) for inner in subscripts)


def _from_elements(kernel: ast.FunctionDef) -> set[str]:
    """The variables that are assigned from elements of arrays, as `value = x[i]`."""
    assignments = [node for node in ast.walk(kernel) if isinstance(node, ast.Assign)]
    return {name for node in assignments if _reads_elements(node.value) for name in _stored(node)}


def _is_type(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    return name.endswith(".dtype.type") or name in ("np.float64", "np.float32", "np.int64")


# -------------------------------------------------------------------------------------------------------- sizes
def sizes(source: str) -> list[str]:
    """A kernel has at most 40 lines, a function 60, a file 400 below the docstring that opens it (which is prose)."""
    complaints = []
    lines = source.count("\n") - _opening_lines(source)
    if lines > FILE_LINES:
        complaints.append(f"the file has {lines} lines below its docstring, at most {FILE_LINES} are allowed")
    own_kernels = kernels(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            limit = KERNEL_LINES if node.name in own_kernels else FUNCTION_LINES
            length = node.end_lineno - node.lineno + 1
            if length > limit:
                complaints.append(f"{node.name} has {length} lines, at most {limit} are allowed")
    return complaints


def _opening_lines(source: str) -> int:
    tree = ast.parse(source)
    return tree.body[0].end_lineno if ast.get_docstring(tree) is not None else 0


def imports(source: str) -> set[str]:
    """The top-level names of the packages that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


# --------------------------------------------------------------------------------------------------- docstrings
def headings(docstring: str) -> list[str]:
    return re.findall(r"^## (.+?)\s*$", docstring, re.MULTILINE)


def sections(docstring: str, optional: set[str] = OPTIONAL) -> list[str]:
    """The docstring has the headings of `SECTIONS`, in that order, and an opening before them."""
    found = headings(docstring)
    complaints = [f"unknown section {name!r}" for name in found if name not in SECTIONS]
    complaints += [f"no section {name!r}" for name in SECTIONS if name not in found and name not in optional]
    known = [name for name in found if name in SECTIONS]
    if known != [name for name in SECTIONS if name in known]:
        complaints.append(f"the sections are {known}, but their order should be that of {SECTIONS}")
    opening = docstring.split("##")[0]
    if not opening.strip():
        complaints.append("no opening sentence says what it is")
    if not re.search(r"^Use it when ", opening, re.MULTILINE):
        complaints.append("no line of the opening begins with 'Use it when'")
    return complaints


def questions(docstring: str) -> list[str]:
    """Three to five questions, each with an answer; a computed decimal number in an answer comes from an example, which is run."""
    text = docstring.partition("\n## Questions\n")[2].partition("\n## ")[0]
    _, *parts = re.split(r"^\*\*(.+?)\*\*$", text, flags=re.MULTILINE | re.DOTALL)
    asked, answers = parts[::2], [part.strip() for part in parts[1::2]]
    complaints = [] if 3 <= len(asked) <= 5 else [f"{len(asked)} questions, wanted three to five"]
    for question, answer in zip(asked, answers):
        if not question.endswith("?"):
            complaints.append(f"no question mark: {question!r}")
        if not answer:
            complaints.append(f"no answer: {question!r}")
        computed = re.search(r"(?<!_)[\d)}]\s*(?:=|\\approx)\s*-?\d+\.\d+", answer)
        if computed and ">>> " not in answer:
            complaints.append(f"no example computes {computed[0]!r}: {question!r}")
    return complaints


def _tokens(tex: str) -> list[str]:
    return re.findall(r"\\[A-Za-z]+|\\.|\S", tex)


def formulas(text: str) -> list[list[str]]:
    """The formulas of a Markdown text, as lists of TeX tokens."""
    return [_tokens(a or b) for a, b in re.findall(r"\$\$(.+?)\$\$|\$([^$]+?)\$", text, re.DOTALL)]


def _occurs(part: list[str], whole: list[str]) -> bool:
    return any(whole[i : i + len(part)] == part for i in range(len(whole) - len(part) + 1))


def _split_at_commas(found: list[list[str]]) -> list[list[str]]:
    """`$s_h, s_w$` are two symbols; the commas within `x[n, c]` or `y_{n, c}` separate none."""
    symbols, depth = [], 0
    for formula in found:
        symbols.append([])
        for token in formula:
            depth += (token in "([{") - (token in ")]}")
            if token == "," and depth == 0:
                symbols.append([])
            else:
                symbols[-1].append(token)
    return symbols


def symbol_rows(docstring: str) -> list[list[str]]:
    """The cells of the table below `## Symbols`, without its head."""
    section = docstring.partition("## Symbols")[2].split("\n## ")[0]
    rows = [line.strip() for line in section.splitlines() if line.strip().startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip("|"))] for row in rows[2:]]


def symbols(source: str) -> list[str]:
    """Each row of the symbols table: its symbol occurs in a formula above the table, its variable in a kernel."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    above = formulas(docstring.partition("## Symbols")[0])
    known = set()
    for kernel in kernels(source).values():
        known |= {node.id for node in ast.walk(kernel) if isinstance(node, ast.Name)}
        known |= {node.arg for node in ast.walk(kernel) if isinstance(node, ast.arg)}
    rows = symbol_rows(docstring)
    complaints = [] if rows else ["the table of symbols is empty"]
    for row in rows:
        if len(row) != 4 or not (row[0] and row[1] and row[3]):
            complaints.append(f"row {row}: wanted | symbol | variable | range | meaning |")
            continue
        variables = re.findall(r"`([^`]+)`", row[1])
        if not formulas(row[0]) or not variables:
            complaints.append(f"row {row}: the symbol stands in $...$, the variable in backticks")
        for symbol in _split_at_commas(formulas(row[0])):
            if not any(_occurs(symbol, formula) for formula in above):
                complaints.append(f"symbol {''.join(symbol)} occurs in no formula above the table")
        for variable in variables:
            names = set(re.findall(r"[A-Za-z_]\w*", variable))
            if not names <= known:
                complaints.append(f"variable {variable} occurs in no kernel")
    return complaints
