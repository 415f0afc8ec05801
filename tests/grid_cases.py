"""Cases and generators that the kinds of grid_sample share."""

import numpy as np
from hypothesis import strategies

from oracle import FunctionCase, Spec, distinct

PADDINGS = ("zeros", "border", "reflection")
IMAGE, VOLUME = (2, 2, 3, 4), (1, 2, 2, 3, 4)


def places(*shape, far=1.9, grad=True):
    """Coordinates inside and outside, none of them near a place where a result jumps or bends."""
    size = int(np.prod(shape))
    spaced = (np.arange(size) + 0.37) * 2 * far / max(size, 1) - far
    return Spec(lambda rng: rng.permutation(spaced).reshape(shape), grad)


def grid_cases(mode, shape, places_shape, component="grid_sample"):
    """All paddings and both kinds of corners; one gradient alone; an empty batch; a large input."""
    n = len(shape) - 2

    def case(id, x, grid, **options):
        return FunctionCase("grid_sample", [x, grid], (mode,), options, component=component, id=f"{mode} {id}")

    cases = [
        case(
            f"{padding} {aligned}", distinct(*shape), places(*places_shape), padding_mode=padding, align_corners=aligned
        )
        for padding in PADDINGS
        for aligned in (False, True)
    ]
    one = (1, 1) + (1,) * n
    few = (1, *places_shape[1:])
    large = {2: (2, 3, 40, 30), 3: (1, 2, 8, 20, 15)}[n]
    return [
        *cases,
        case("grid alone", distinct(*shape, grad=False), places(*places_shape), align_corners=False),
        case("input alone", distinct(*shape), places(*places_shape, grad=False), align_corners=False),
        case("empty batch", distinct(0, *shape[1:]), places(0, *places_shape[1:]), align_corners=False),
        *[case(f"one pixel, {p}", distinct(*one), places(*few), padding_mode=p, align_corners=True) for p in PADDINGS],
        case(
            "large", distinct(*large), places(large[0], *large[2:], n), padding_mode="reflection", align_corners=False
        ),
    ]


def any_grid(modes, n, most=5):
    """A strategy of cases: any extents, any places, all options."""

    @strategies.composite
    def draw(pick):
        extents = strategies.integers(1, most)
        batch = pick(strategies.integers(1, 2))
        shape = (batch, 2, *(pick(extents) for _ in range(n)))
        grid = places(batch, *(pick(extents) for _ in range(n)), n, far=pick(strategies.sampled_from([0.9, 1.5, 4.0])))
        options = {
            "padding_mode": pick(strategies.sampled_from(PADDINGS)),
            "align_corners": pick(strategies.booleans()),
        }
        return FunctionCase("grid_sample", [distinct(*shape), grid], (pick(strategies.sampled_from(modes)),), options)

    return draw()
