"""The tensors that the tables about shapes, keys and indices speak of."""

import numpy as np

RNG = np.random.default_rng(0)
LEAVES = {
    "x": RNG.standard_normal((2, 3, 4)),
    "v": RNG.standard_normal(6),
    "s": np.array(1.7),
    "p": RNG.uniform(0.3, 2, (2, 3)),
    "q": RNG.standard_normal((3, 3)),
    "o": np.ones((1, 3, 1)),
    "e": np.zeros((0, 3)),
    "m": np.array([[True, False, True], [False, False, True]]),
    "i": np.array([[3, -2, 0], [1, 7, -5]]),
    "k": np.array([2, 0, 1]),
    "g": np.array([[0, 1, 2], [2, 1, 0]]),
}
