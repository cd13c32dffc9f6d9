import numpy as np

from sk_bvae.utils._random import private_random_state


def test_none_gives_a_fresh_generator():
    first, second = private_random_state(None), private_random_state(None)
    assert first is not np.random.mtrand._rand
    assert (first.randint(2**31, size=4) != second.randint(2**31, size=4)).any()


def test_seeds_and_generators():
    rng = np.random.RandomState(3)
    assert private_random_state(rng) is rng
    assert private_random_state(3).randint(100) == rng.randint(100)
