"""Random states that leave NumPy's global one alone."""

import numpy as np
from sklearn.utils import check_random_state


def private_random_state(random_state):
    """Return a RandomState that is never NumPy's global one.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As scikit-learn's, except that None gives a fresh generator.

    Returns
    -------
    RandomState
        The generator.
    """
    if random_state is None:
        return np.random.RandomState()
    return check_random_state(random_state)
