"""What is recorded, and what is not: grad modes, detaching, leaves. Each expectation is checked on PyTorch too."""

import threading

import pytest

from both import both
from functions import leaf


# ------------------------------------------------------------------------------------------------ recording
@both
def test_no_grad_as_context_and_decorator(torch):
    x = leaf(torch, 1.0)

    @torch.no_grad()
    def inside():
        return x * 2, torch.is_grad_enabled()

    @torch.no_grad
    def bare(a, b=1):
        """Documented."""
        return torch.is_grad_enabled(), a, b

    assert inside()[0].requires_grad is False and inside()[1] is False
    assert bare(5, b=6) == (False, 5, 6) and bare.__name__ == "bare" and bare.__doc__ == "Documented."
    with torch.no_grad():
        assert not (x * 2).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad

            @torch.enable_grad()
            def nested():
                return torch.is_grad_enabled()

        assert not torch.is_grad_enabled() and nested()
        assert (torch.ones(1, requires_grad=True)).requires_grad  # a leaf is made as asked for
    assert torch.is_grad_enabled()


@both
def test_recursive_and_reused(torch):
    @torch.no_grad()
    def down(n):
        return torch.is_grad_enabled() or (n > 0 and down(n - 1))

    assert down(3) is False and torch.is_grad_enabled()
    off = torch.no_grad()
    with off:
        pass
    with off:
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


@both
def test_exceptions_restore_the_mode(torch):
    for block in (torch.no_grad, lambda: torch.set_grad_enabled(False), torch.inference_mode):
        with pytest.raises(ValueError):
            with block():
                raise ValueError
        assert torch.is_grad_enabled()


@both
def test_set_grad_enabled(torch):
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
        with torch.set_grad_enabled(True):
            assert torch.is_grad_enabled()
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)

    @torch.set_grad_enabled(False)
    def off():
        return torch.is_grad_enabled()

    assert torch.is_grad_enabled() and not off() and torch.is_grad_enabled()


@both
def test_inference_mode(torch):
    x = leaf(torch, 1.0)
    with torch.inference_mode():
        assert not (x * 2).requires_grad
    with torch.inference_mode(False):
        assert (x * 2).requires_grad

    @torch.inference_mode()
    def off():
        return torch.is_grad_enabled()

    assert not off()


@both
def test_generators_switch_only_while_they_run(torch):
    @torch.no_grad()
    def numbers():
        for _ in range(2):
            yield torch.is_grad_enabled()

    seen = [(inside, torch.is_grad_enabled()) for inside in numbers()]
    assert seen == [(False, True)] * 2


@both
def test_threads_have_their_own_mode(torch):
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


@both
def test_backward_in_threads(torch):
    def work(x, steps):
        for _ in range(steps):
            (x * x).sum().backward()

    leaves = [leaf(torch, float(i), 1.0) for i in range(4)]
    threads = [threading.Thread(target=work, args=(x, 50)) for x in leaves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [x.grad.tolist() for x in leaves] == [[100.0 * i, 100.0] for i in range(4)]


@both
def test_backward_within_backward(torch):
    """A step that is computed again in the backward pass, to save memory."""

    class Again(torch.autograd.Function):
        @staticmethod
        def forward(ctx, f, x):
            ctx.f = f
            ctx.save_for_backward(x)
            return f(x)

        @staticmethod
        def backward(ctx, grad_y):
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with torch.enable_grad():
                y = ctx.f(x)
            y.backward(grad_y)
            return None, x.grad

    x = leaf(torch, 2.0, 3.0)
    y = Again.apply(lambda t: t * t * t, x * 1)
    y.sum().backward()
    assert x.grad.tolist() == [12, 27]


# ------------------------------------------------------------------------------------------------ flags
@both
def test_requires_grad_flags(torch):
    x = torch.ones(2)
    assert x.requires_grad_() is x and x.requires_grad and x.is_leaf
    x.requires_grad = False
    assert not (x * 2).requires_grad
    x.requires_grad_(True)
    y = x * 2
    y.requires_grad_(True)
    with pytest.raises(RuntimeError, match="leaf variables"):
        y.requires_grad_(False)
    with pytest.raises(RuntimeError, match="leaf variables"):
        y.requires_grad = False
    with pytest.raises(RuntimeError, match="floating point"):
        torch.ones(2, dtype=torch.int64).requires_grad_()
    torch.ones(2, dtype=torch.int64).requires_grad_(False)
    with pytest.raises((TypeError, RuntimeError)):
        x.requires_grad_("yes")


@both
def test_detach(torch):
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    z = y.detach()
    assert not z.requires_grad and z.is_leaf and z.data_ptr() == y.data_ptr()
    z[0] = 7
    assert y.tolist() == [7, 4] and y._version == z._version == 1
    y.detach_()
    assert y.grad_fn is None and not y.requires_grad
    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        (x * 2)[0].detach_()


@both
def test_data(torch):
    x = leaf(torch, 1.0, 2.0)
    assert not x.data.requires_grad and x.data.data_ptr() == x.data_ptr()
    x.data[0] = 5
    assert x.tolist() == [5, 2] and x._version == 0
    x.data = torch.zeros(3)
    assert x.requires_grad and x.tolist() == [0, 0, 0]
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]
    with pytest.raises(TypeError):
        x.data = [1.0]


@both
def test_assigning_a_gradient(torch):
    x = leaf(torch, 1.0, 2.0)
    x.grad = torch.tensor([5.0, 6.0])
    (x * 1).sum().backward()
    assert x.grad.tolist() == [6, 7]
    x.grad = None
    for wrong in (torch.ones(3), torch.ones(2, dtype=torch.float64)):
        with pytest.raises(RuntimeError, match="assign"):
            x.grad = wrong
    with pytest.raises(TypeError):
        x.grad = 5


@both
def test_leaves_and_their_flags(torch):
    x = leaf(torch, 1.0)
    assert x.is_leaf and x.grad_fn is None and x.output_nr == 0
    assert not (x * 2).is_leaf and (x * 2).detach().is_leaf
    assert (torch.ones(1) * 2).is_leaf and (x > 0).is_leaf and x.clone().is_leaf is False


@both
def test_a_generator_under_no_grad_works_as_without(torch):
    log = []

    @torch.no_grad()
    def numbers():
        try:
            got = yield torch.is_grad_enabled()
            while True:
                try:
                    got = yield got, torch.is_grad_enabled()
                except KeyError:
                    got = "caught", torch.is_grad_enabled()
        finally:
            log.append(torch.is_grad_enabled())

    running = numbers()
    assert next(running) is False and torch.is_grad_enabled()
    assert running.send("a") == ("a", False) and torch.is_grad_enabled()
    assert running.throw(KeyError()) == (("caught", False), False) and torch.is_grad_enabled()
    running.close()
    assert log == [False] and torch.is_grad_enabled()
    running = numbers()
    next(running)
    with pytest.raises(ZeroDivisionError):
        running.throw(ZeroDivisionError())
    assert log == [False, False] and torch.is_grad_enabled()
    del running
    running = numbers()
    next(running)
    del running  # closes it
    assert log == [False, False, False] and torch.is_grad_enabled()


@both
def test_what_a_generator_under_no_grad_returns(torch):
    @torch.set_grad_enabled(False)
    def inner():
        got = yield 1
        return got

    def outer():
        return (yield from inner())

    running = outer()
    assert next(running) == 1
    with pytest.raises(StopIteration) as end:
        running.send(5)
    assert end.value.value == 5 and torch.is_grad_enabled()
    assert list(inner()) == [1]
