"""Signals that come at a chosen step of a training."""

import os

from reftorch import optim


def signals_at(monkeypatch, step, *numbers, optimizer=optim.SGD):
    """Send signals to this process in the middle of step `step` of the optimizer, counted from 1."""
    plain_step, calls = optimizer.step, []

    def step_and_signal(self, *arguments):
        calls.append(1)
        if len(calls) == step:
            for number in numbers:
                os.kill(os.getpid(), number)
        return plain_step(self, *arguments)

    monkeypatch.setattr(optimizer, "step", step_and_signal)
