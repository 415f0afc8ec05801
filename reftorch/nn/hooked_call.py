"""One call of a module that has hooks, from the forward pre-hooks to the gradients that reach its inputs.

Forward hooks are plain calls before and after `forward`. Backward hooks need a node in the computation graph that the gradients
pass: a gate. A gate is the identity in forward and in backward, and in backward it calls a listener with the gradients. One gate
is put around all inputs, and one around all outputs:

    args ──▶ gate ──▶ forward ──▶ gate ──▶ result
             ◀── grad_input       ◀── grad_output

so that the hooks see the gradients of the whole module, whatever operations `forward` consists of.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from reftorch.autograd import Function, Node, is_grad_enabled
from reftorch.nn.hooks import BoundHook, Hook, everywhere
from reftorch.tensor import Tensor


class HookedCall:
    """What `module(*args, **kwargs)` does when hooks are registered."""

    def __init__(self, module: Any, args: tuple, kwargs: dict):
        self.module, self.args, self.kwargs = module, args, kwargs
        self.result: Any = None
        self.begun: set[tuple] = set()  # the forward hooks that have been called

    def run(self) -> Any:
        """Run the pre-hooks, `forward` and the hooks. If one of them fails, run the hooks with `always_call`."""
        try:
            return self._steps()
        except Exception:
            self._call_the_always_called()
            raise

    def _steps(self) -> Any:
        module = self.module
        full, legacy, pre = self._backward_hooks()
        self._call_forward_pre_hooks()
        gates = BackwardGates(module, full, pre) if full or pre else None
        if gates:
            self.args = gates.around_inputs(self.args)
        self.result = module.forward(*self.args, **self.kwargs)
        for key, hook, with_kwargs, _ in self._forward_hooks():
            self.begun.add(key)
            self._call_forward_hook(hook, with_kwargs)
        if gates:
            self.result = gates.around_outputs(self.result)
        if legacy:
            attach_legacy_hooks(module, legacy, self.args, self.result)
        return self.result

    # -------------------------------------------------------------------------------------------- which hooks there are
    def _forward_hooks(self) -> Iterator[tuple[tuple, Hook, bool, bool]]:
        """For each hook: its key, the hook, whether it takes kwargs, and whether it is always called. Global hooks come first."""
        e, m = everywhere, self.module
        for where, hooks, with_kwargs, always_called in (
            ("everywhere", e.forward, e.forward_with_kwargs, e.forward_always_called),
            ("here", m._forward_hooks, m._forward_hooks_with_kwargs, m._forward_hooks_always_called),
        ):
            for hook_id, hook in list(hooks.items()):
                yield (where, hook_id), hook, hook_id in with_kwargs, hook_id in always_called

    def _forward_pre_hooks(self) -> Iterator[tuple[Hook, bool]]:
        for hook in list(everywhere.forward_pre.values()):
            yield hook, False
        for hook_id, hook in list(self.module._forward_pre_hooks.items()):
            yield hook, hook_id in self.module._forward_pre_hooks_with_kwargs

    def _backward_hooks(self) -> tuple[list[Hook], list[Hook], list[Hook]]:
        """The full hooks, the legacy hooks and the pre-hooks; global hooks come first."""
        module = self.module
        full: list[Hook] = []
        legacy: list[Hook] = []
        (full if everywhere.is_full_backward else legacy).extend(everywhere.backward.values())
        (full if module._is_full_backward_hook else legacy).extend(module._backward_hooks.values())
        return full, legacy, [*everywhere.backward_pre.values(), *module._backward_pre_hooks.values()]

    # -------------------------------------------------------------------------------------------- calling forward hooks
    def _call_forward_pre_hooks(self) -> None:
        for hook, with_kwargs in self._forward_pre_hooks():
            if with_kwargs:
                answer = hook(self.module, self.args, self.kwargs)
                if answer is None:
                    continue
                if not (isinstance(answer, tuple) and len(answer) == 2):
                    raise RuntimeError(
                        f"forward pre-hook of {self.module._get_name()} must return None or a tuple (args, kwargs), as it "
                        f"was registered with_kwargs=True; it returned {answer!r}"
                    )
                self.args, self.kwargs = answer
            else:
                answer = hook(self.module, self.args)
                if answer is not None:
                    self.args = answer if isinstance(answer, tuple) else (answer,)

    def _call_forward_hook(self, hook: Hook, with_kwargs: bool) -> None:
        if with_kwargs:
            answer = hook(self.module, self.args, self.kwargs, self.result)
        else:
            answer = hook(self.module, self.args, self.result)
        if answer is not None:
            self.result = answer

    def _call_the_always_called(self) -> None:
        """Call the other `always_call` hooks after a failure. Its exception goes to the caller, so theirs become warnings."""
        for key, hook, with_kwargs, always_called in self._forward_hooks():
            if key in self.begun or not always_called:
                continue
            try:
                self._call_forward_hook(hook, with_kwargs)
            except Exception as error:
                warnings.warn(
                    "module forward hook with ``always_call=True`` raised an exception that was silenced as another "
                    f"error was raised in forward: {error}",
                    stacklevel=4,
                )


# ------------------------------------------------------------------------------------------------ full backward hooks
class Gate(Function):
    """The identity. In backward it calls `listener` with the gradients and returns its result."""

    @staticmethod
    def forward(ctx: Any, listener: Callable, materialize: bool, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.listener = listener
        ctx.set_materialize_grads(materialize)
        passed = tuple(x.view_as(x) for x in tensors)  # the same memory, a new node of the graph
        ctx.mark_non_differentiable(*[y for x, y in zip(tensors, passed) if not x.requires_grad])
        return passed

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple:
        return (None, None, *ctx.listener(grads))


class BackwardGates:
    """The gates around one call of a module: they collect `grad_output`, then `grad_input`, and call the hooks."""

    def __init__(self, module: Any, hooks: list[Hook], pre_hooks: list[Hook]):
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.n_inputs = self.n_outputs = 0
        self.inputs: list[int] | None = None  # which inputs are tensors; None: there is no gate around them
        self.outputs: list[int] | None = None
        self.grad_output: Sequence | None = None  # between the two gates of a backward pass

    def around_inputs(self, args: tuple) -> tuple:
        self.n_inputs = len(args)
        self.inputs, args = _through_gate(args, self._at_inputs, materialize=True)
        return args

    def around_outputs(self, result: Any) -> Any:
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but "
                f"{self.module._get_name()} returned a {type(result).__name__}",
                stacklevel=5,
            )
        results = result if isinstance(result, tuple) else (result,)
        self.n_outputs = len(results)
        self.outputs, results = _through_gate(results, self._at_outputs, materialize=False)
        return results if isinstance(result, tuple) else results[0]

    def _at_outputs(self, grads: Sequence) -> list:
        assert self.outputs is not None
        grad_output: Sequence = _spread(grads, self.outputs, self.n_outputs)
        for hook in self.pre_hooks:
            grad_output = _replaced(hook(self.module, grad_output), grad_output, "Backward pre hook", "grad_output")
        if self.inputs is None:
            self._without_inputs(grad_output)
        else:
            self.grad_output = grad_output
        return [grad_output[i] for i in self.outputs]

    def _at_inputs(self, grads: Sequence) -> Sequence:
        if self.inputs is None or self.grad_output is None:
            return grads  # this gradient did not pass the gate at the outputs
        grad_input: Sequence = _spread(grads, self.inputs, self.n_inputs)
        for hook in self.hooks:
            answer = hook(self.module, grad_input, self.grad_output)
            grad_input = _replaced(answer, grad_input, "Backward hook", "grad_input")
        self.grad_output = None
        return [grad_input[i] for i in self.inputs]

    def _without_inputs(self, grad_output: Sequence) -> None:
        """Call the hooks now, because no gradient will reach the inputs."""
        if self.hooks:
            warnings.warn(
                f"Full backward hook of {self.module._get_name()} is firing when gradients are computed with respect to "
                "module outputs since no inputs require gradients",
                stacklevel=2,
            )
        for hook in self.hooks:
            answer = hook(self.module, (None,) * self.n_inputs, grad_output)
            if answer is not None and not (isinstance(answer, tuple) and all(g is None for g in answer)):
                raise RuntimeError(
                    f"Backward hook for {self.module._get_name()}, where no input requires gradient, should always return "
                    f"None or None for all gradients; it returned {answer!r}"
                )


def _through_gate(values: tuple, listener: Callable, materialize: bool) -> tuple[list[int] | None, tuple]:
    """Pass the tensors among `values` through one gate. Returns their positions too, or None if no tensor needs a gradient."""
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    if not (is_grad_enabled() and any(values[i].requires_grad for i in places)):
        return None, values
    passed = list(values)
    for i, tensor in zip(places, Gate.apply(listener, materialize, *[values[i] for i in places])):
        passed[i] = tensor
    return places, tuple(passed) if type(values) is tuple else type(values)(*passed)  # else: a namedtuple


def _spread(grads: Sequence, places: list[int], size: int) -> tuple:
    """`grads` at their places among `size` entries, the others None."""
    spread: list = [None] * size
    for i, grad in zip(places, grads):
        spread[i] = grad
    return tuple(spread)


def _replaced(answer: Any, before: Sequence, kind: str, what: str) -> Sequence:
    """The gradients after a hook: its result, unless it is None."""
    if answer is None:
        return before
    if not isinstance(answer, (tuple, list)):
        error = RuntimeError if isinstance(answer, Tensor) else TypeError
        raise error(
            f"{kind} must return None or a tuple of {what}, got a {type(answer).__name__}: did you forget a comma?"
        )
    if len(answer) != len(before):
        raise RuntimeError(
            f"{kind} returned an invalid number of {what}, got {len(answer)}, but expected {len(before)}"
        )
    for i, (new, old) in enumerate(zip(answer, before)):
        if new is not None and old is not None and tuple(new.shape) != tuple(old.shape):
            raise RuntimeError(
                f"{kind} has changed the size of {what}[{i}]: got {list(new.shape)}, but expected {list(old.shape)}"
            )
    return answer


# ------------------------------------------------------------------------------------------------ legacy backward hooks
def attach_legacy_hooks(module: Any, hooks: list[Hook], inputs: tuple, result: Any) -> None:
    """Register the hooks at the node of the last operation of `forward`: they get the gradients of this operation."""
    first = result
    while not isinstance(first, Tensor):
        first = next(v for v in first.values() if isinstance(v, Tensor)) if isinstance(first, dict) else first[0]
    node = first.grad_fn
    if node is None:
        return
    for hook in hooks:
        node.register_hook(BoundHook(hook, module))
    missing = _missed_by_legacy_hooks(inputs, result, node)
    if missing:
        warnings.warn(
            f"A non-full backward hook of {module._get_name()} sees one operation only and will be missing some "
            f"{missing}. Please use register_full_backward_hook to get the documented behavior.",
            FutureWarning,
            stacklevel=5,
        )


def _missed_by_legacy_hooks(inputs: tuple, result: Any, node: Node) -> str | None:
    """What the gradients of `node`, the last operation, leave out of those of the module."""
    results = result if isinstance(result, tuple) else (result,)
    if not all(isinstance(r, Tensor) for r in results) or {r.grad_fn for r in results} - {None} != {node}:
        return "grad_output"
    if not all(isinstance(x, Tensor) for x in inputs):
        return "grad_input"
    before = {edge[0] for edge in node.next_functions if edge is not None}
    return "grad_input" if before != {x.grad_fn for x in inputs} - {None} else None
