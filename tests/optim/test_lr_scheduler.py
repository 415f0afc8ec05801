"""Schedules of the learning rate against torch: the rates of twelve steps, saved states, and what is refused."""

import warnings

import pytest

import oracle
import reftorch
from oracle import ErrorCase, ScriptCase

ONE = (1,)


def optimizer_of(torch, name="SGD", rate=0.1, **options):
    """Two groups with rates of their own; none has a gradient, so that a step changes nothing."""
    first, second = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    groups = [{"params": [first]}, {"params": [second], "lr": 0.5}]
    return getattr(torch.optim, name)(groups, lr=rate, **options)


def rates_of(torch, make, optimizer, steps=12, measures=None):
    """The rates and momenta at each step; halfway the state is saved, and another schedule goes on with it."""
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    seen = []
    for step in range(steps):
        seen.append([float(rate) for rate in scheduler.get_last_lr()])
        groups = optimizer.param_groups
        seen.append([group["betas"][0] if "betas" in group else group.get("momentum", 0) for group in groups])
        optimizer.step()
        scheduler.step(*([] if measures is None else [measures[step]]))
        if step == steps // 2:
            state = scheduler.state_dict()
            rates = [group["lr"] for group in groups]
            scheduler = make(torch.optim.lr_scheduler, optimizer)
            for group, rate in zip(groups, rates):
                group["lr"] = rate
            scheduler.load_state_dict(state)
    return seen, sorted(scheduler.state_dict())


def case(id, make, optimizer="SGD", measures=None, **options):
    def run(torch, x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            seen, keys = rates_of(torch, make, optimizer_of(torch, optimizer, **options), measures=measures)
        names = torch.tensor([sum(map(ord, key)) for key in keys], device=x.device)
        return torch.tensor(seen, dtype=torch.float64, device=x.device), names

    return ScriptCase("lr_scheduler", [ONE], run=run, id=id, gradcheck=False)


def joined(s, o):
    return s.SequentialLR(o, [s.LinearLR(o, 0.1, total_iters=4), s.CosineAnnealingLR(o, 3), s.StepLR(o, 2)], [4, 8])


MEASURES = [5.0, 4.0, 4.0, 4.1, 4.2, 3.9999, 3.0, 3.0, 3.1, 3.2, 3.3, 3.4]
CASES = [
    case("LambdaLR", lambda s, o: s.LambdaLR(o, lambda t: 0.9**t)),
    case("LambdaLR, two", lambda s, o: s.LambdaLR(o, [lambda t: 1 / (t + 1), lambda t: t])),
    case("StepLR", lambda s, o: s.StepLR(o, 3, gamma=0.5)),
    case("MultiStepLR", lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9])),
    case("LinearLR", lambda s, o: s.LinearLR(o)),
    case("LinearLR, down", lambda s, o: s.LinearLR(o, 1.0, 0.25, 7)),
    case("CosineAnnealingLR", lambda s, o: s.CosineAnnealingLR(o, 12)),
    case("CosineAnnealingLR, and back", lambda s, o: s.CosineAnnealingLR(o, 4, eta_min=0.01)),
    case("OneCycleLR", lambda s, o: s.OneCycleLR(o, 1.0, 12), momentum=0.9),
    case("OneCycleLR, Adam", lambda s, o: s.OneCycleLR(o, [1.0, 2.0], epochs=6, steps_per_epoch=2), "Adam"),
    case("OneCycleLR, linear", lambda s, o: s.OneCycleLR(o, 1.0, 20, anneal_strategy="linear", cycle_momentum=False)),
    case("OneCycleLR, three", lambda s, o: s.OneCycleLR(o, 1.0, 12, three_phase=True, div_factor=5.0), momentum=0.9),
    *[
        case(f"ReduceLROnPlateau {options}", lambda s, o, p=options: s.ReduceLROnPlateau(o, **p), measures=MEASURES)
        for options in (
            dict(patience=1),
            dict(patience=0, cooldown=2, factor=0.5, min_lr=[0.01, 0.2]),
            dict(mode="max", patience=2, threshold_mode="abs", threshold=0.05),
            dict(mode="max", patience=2, threshold=0.1),
            dict(threshold_mode="abs", patience=1, threshold=0.5, eps=0.02),
        )
    ],
    case("SequentialLR", joined),
]


def make(name, *args, **options):
    return lambda torch: getattr(torch.optim.lr_scheduler, name)(optimizer_of(torch), *args, **options)


def sequence(milestones, schedulers=2, plateau=False, other=False):
    def run(torch):
        s, optimizer = torch.optim.lr_scheduler, optimizer_of(torch)
        chosen = [s.StepLR(optimizer_of(torch) if other else optimizer, 3) for _ in range(schedulers)]
        return s.SequentialLR(optimizer, chosen + [s.ReduceLROnPlateau(optimizer)] * plateau, milestones)

    return run


def too_many(torch):
    optimizer = optimizer_of(torch, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.0, 2)
    for _ in range(4):
        optimizer.step()
        scheduler.step()


ERRORS = [
    ErrorCase(lambda torch: torch.optim.lr_scheduler.StepLR([1], 3), ["list", "Optimizer"], id="no optimizer"),
    ErrorCase(make("StepLR", 3, last_epoch=4), ["initial_lr"], id="resumed without a state"),
    ErrorCase(make("LambdaLR", [abs]), ["2", "1"], id="one function for two groups"),
    ErrorCase(make("LinearLR", 0.0), ["greater than 0", "0.0"], id="factor of zero"),
    ErrorCase(make("LinearLR", 0.5, 1.5), ["between 0 and 1", "1.5"], id="factor above one"),
    ErrorCase(make("OneCycleLR", 1.0), ["total_steps"], id="no steps"),
    ErrorCase(make("OneCycleLR", 1.0, 0), ["positive", "0"], id="zero steps"),
    ErrorCase(make("OneCycleLR", 1.0, epochs=2, steps_per_epoch=2.5), ["steps_per_epoch", "2.5"], id="half a step"),
    ErrorCase(make("OneCycleLR", 1.0, 5, pct_start=2.0), ["pct_start", "2.0"], id="pct_start"),
    ErrorCase(
        make("OneCycleLR", 1.0, 10, pct_start=0.1, cycle_momentum=False),
        ["pct_start * total_steps", "10"],
        id="no rise",
    ),
    ErrorCase(make("OneCycleLR", 1.0, 5, anneal_strategy="exp"), ["exp", "cos"], id="strategy"),
    ErrorCase(make("OneCycleLR", [1.0], 5), ["max_lr", "1", "2"], id="one rate for two groups"),
    ErrorCase(
        lambda torch: torch.optim.lr_scheduler.OneCycleLR(optimizer_of(torch, "Adagrad"), 1.0, 5),
        ["cycle_momentum"],
        id="no momentum",
    ),
    ErrorCase(too_many, ["3", "total steps is 2"], id="too many steps"),
    ErrorCase(make("ReduceLROnPlateau", factor=1.0), ["< 1.0"], id="factor of one"),
    ErrorCase(make("ReduceLROnPlateau", "less"), ["less"], id="mode"),
    ErrorCase(make("ReduceLROnPlateau", threshold_mode="percent"), ["percent"], id="threshold mode"),
    ErrorCase(make("ReduceLROnPlateau", min_lr=[0.1]), ["2", "1"], id="min_lr"),
    ErrorCase(sequence([], 0), ["at least one"], id="no schedule"),
    ErrorCase(sequence([1, 2]), ["2", "milestones"], id="milestones"),
    ErrorCase(sequence([1], 1, plateau=True), ["ReduceLROnPlateau", "1"], id="plateau in a sequence"),
    ErrorCase(sequence([1], other=True), ["same optimizer", "0"], id="another optimizer"),
]

test_matches_torch, _, _, test_errors = oracle.tests_of(__file__, CASES, ERRORS)[:4]


def test_a_step_of_the_schedule_before_one_of_the_optimizer_warns():
    optimizer = optimizer_of(reftorch)
    scheduler = reftorch.optim.lr_scheduler.StepLR(optimizer, 3)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        scheduler.step()
    with pytest.warns(UserWarning, match="get_last_lr"):
        scheduler.get_lr()
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(6)
    assert scheduler.get_last_lr() == [0.1 * 0.1**2, 0.5 * 0.1**2]


def test_a_rate_that_is_a_tensor_is_changed_in_place():
    rate = reftorch.tensor(0.5)
    optimizer = reftorch.optim.SGD([reftorch.zeros(1, requires_grad=True)], lr=rate)
    scheduler = reftorch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 0.5**t)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is rate and rate.item() == 0.25
    assert scheduler.base_lrs[0].item() == 0.5
