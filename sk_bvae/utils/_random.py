"""Random numbers that depend on nothing but a seed (and, for rows, their content)."""

import numpy as np
from scipy.special import ndtri
from sklearn.utils import check_random_state

# Multipliers of the SplitMix64 generator (Steele, Lea and Flood 2014).
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)

# The bits that stand for NaN.
MISSING = np.uint64(0x7FC00000)


def private_random_state(random_state):
    """Make a generator that is never NumPy's global one.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        As scikit-learn's, except that None gives fresh entropy, so that every global
        random state stays as it was.

    Returns
    -------
    rng : RandomState
        The generator.
    """
    if random_state is None:
        return np.random.RandomState()
    return check_random_state(random_state)


def draw_seeds(random_state, n_seeds):
    """Draw independent integer seeds from ``random_state``."""
    rng = private_random_state(random_state)
    return [int(seed) for seed in rng.randint(np.iinfo(np.int32).max, size=n_seeds)]


def normal_by_row(X, n_draws, seed):
    """Draw standard normal numbers that are a function of each row and the seed.

    A row gets the same numbers wherever it stands and whatever stands beside it,
    and different rows get independent ones. So an estimate that needs noise can be
    unbiased on average over rows, and yet the same at every call.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The rows; equal rows get equal numbers, and any NaN equals any other.

    n_draws : int
        How many numbers a row gets.

    seed : int
        Another seed gives other numbers.

    Returns
    -------
    noise : ndarray of shape (n_samples, n_draws), dtype float32
        The draws.
    """
    keys = _hash_rows(np.ascontiguousarray(X, dtype=np.float32), seed)
    counters = np.arange(1, n_draws + 1, dtype=np.uint64) * GOLDEN
    bits = _mix(keys[:, None] + counters)
    # 53 bits, centred in their cells: never 0 or 1, where the quantile is infinite
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    return ndtri(uniform).astype(np.float32)


def _hash_rows(X, seed):
    """Hash each row to 64 bits by a random linear form over its bit patterns."""
    bits = (X + np.float32(0)).view(np.uint32).astype(np.uint64)  # -0.0 becomes 0.0
    bits[np.isnan(X)] = MISSING  # of which there are many patterns
    rng = np.random.RandomState(seed)
    shape = (bits.shape[1] + 1, 2)
    halves = rng.randint(2**32, size=shape, dtype=np.uint64)
    weights = (halves[:, 0] << np.uint64(32)) | halves[:, 1]
    return _mix(bits @ (weights[:-1] | np.uint64(1)) + weights[-1])


def _mix(bits):
    """Scramble 64-bit integers so that close inputs give unrelated outputs."""
    bits = (bits ^ (bits >> np.uint64(30))) * MIX_1
    bits = (bits ^ (bits >> np.uint64(27))) * MIX_2
    return bits ^ (bits >> np.uint64(31))
