"""Cases and generators that the modes of interpolate share."""

from hypothesis import strategies

from oracle import FunctionCase, distinct

SIZE = {1: (2, 2, 5), 2: (1, 2, 5, 4), 3: (1, 2, 2, 3, 4)}
LARGER = {1: (8,), 2: (7, 5), 3: (3, 5, 4)}
SMALLER = {1: (3,), 2: (2, 3), 3: (1, 2, 3)}


def upsample_cases(mode, n, component, **options):
    """Larger, smaller, by a factor whose size is rounded, the same size, one pixel, an empty batch, and a large input."""

    def case(id, shape=None, **size):
        return FunctionCase(
            "interpolate",
            [distinct(*(shape or SIZE[n]))],
            (),
            {**size, "mode": mode, **options},
            component=component,
            id=id,
            gradcheck=id in ("larger", "smaller"),  # finite differences take long; all others are held against torch
        )

    large = {1: (3, 40, 250), 2: (2, 5, 60, 50), 3: (1, 3, 12, 20, 25)}
    return [
        case("larger", size=LARGER[n]),
        case("smaller", size=SMALLER[n]),
        case("factor", scale_factor=(1.7, 2.7, 1.4)[:n]),
        case("factor below 1", scale_factor=0.6),
        case("recomputed", scale_factor=1.7, recompute_scale_factor=True),
        case("one pixel", shape=(1, 2) + (1,) * n, size=3),
        case("to one pixel", size=1),
        case("empty batch", shape=(0, *SIZE[n][1:]), size=2),
        case("large", shape=large[n], scale_factor=1.9),
    ]


def any_size(mode, n, component, most=8, fewest=1, **choices):
    """A strategy of cases: any extents, and a size or a factor. No extent of the result is below `fewest`."""

    @strategies.composite
    def draw(pick):
        extents = strategies.integers(1, most)
        shape = (1, 2, *(pick(extents) for _ in range(n)))
        options = {name: pick(strategies.sampled_from(values)) for name, values in choices.items()}
        if pick(strategies.booleans()):
            options["size"] = tuple(pick(strategies.integers(fewest, 2 * most)) for _ in range(n))
        else:
            least = fewest / min(shape[2:])
            options["scale_factor"] = max(pick(strategies.sampled_from([0.3, 0.5, 0.77, 1.0, 1.3, 2.0, 3.1])), least)
            options["recompute_scale_factor"] = pick(strategies.sampled_from([None, True]))
        return FunctionCase("interpolate", [distinct(*shape)], (), {"mode": mode, **options}, component=component)

    return draw()
