"""Cases of batch and instance normalization layers: weights and statistics that are not those of the beginning."""

from oracle import ModuleCase, normal, uniform

LEARNT = dict(weight=uniform(-2, 2, 3), bias=normal(3))
SEEN = dict(running_mean=normal(3), running_var=uniform(0.5, 2, 3))


def layers(name):
    """A function that makes cases of the layer `name`, of 3 channels."""

    def layer(id, *shape, state=None, args=(3,), train=True, **kwargs):
        known = {**LEARNT, **SEEN} if state is None else state
        return ModuleCase(name, [shape], args=args, kwargs=kwargs, state=known, train=train, id=id)

    return layer
