"""The disentanglement score of the FactorVAE paper."""

from numbers import Integral, Real

import numpy as np

from sk_bvae.metrics._active_components import ACTIVE_STD, _is_active
from sk_bvae.metrics._sampling import (
    CodesOrTransform,
    FactorsOrData,
    _batches_of_groups,
    _make_samplers,
    _nothing_to_tell_apart,
    _usable_factors,
)
from sk_bvae.metrics._validation import _warn_undefined
from sk_bvae.utils._random import private_random_state
from sk_bvae.utils._sklearn import Interval, validate_params
from sk_bvae.utils._types import RandomState

POINTS_FOR_VARIANCE = 10_000


@validate_params(
    {
        "Z": ["array-like", callable],
        "Y": "no_validation",
        "group_size": [Interval(Integral, 2, None, closed="left")],
        "n_train": [Interval(Integral, 1, None, closed="left")],
        "n_test": [Interval(Integral, 1, None, closed="left")],
        "active_threshold": [Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def factor_vae_score(
    Z: CodesOrTransform,
    Y: FactorsOrData,
    *,
    group_size: int = 64,
    n_train: int = 10_000,
    n_test: int = 5_000,
    active_threshold: float = ACTIVE_STD,
    random_state: RandomState = None,
) -> float:
    """Disentanglement score of the FactorVAE paper.

    A vote is made by drawing a factor and `group_size` samples that agree in it, and
    naming the code that varies least among them, relative to its variance over all
    samples. Each code then stands for the factor that it was named for most often,
    and the score is how often that is right for other votes [1]_.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes), or callable
        The codes. Groups are then drawn among the rows that share a value; a random
        half of the rows makes the training votes, and the other half the test votes.
        Or a callable that turns samples into codes, such as a fitted transformer's
        ``transform``; groups are then freshly rendered, as in the paper, and images
        are passed as rows of pixels.

    Y : array-like of int, shape (n_samples, n_factors), or a data set
        The classes of the factors. With a callable Z, an object with ``render``,
        which turns classes of shape (n_samples, n_factors) into samples, and with
        ``factor_sizes``, the number of classes of each factor.

    group_size : int, default=64
        Number of samples in a group.

    n_train : int, default=10_000
        Number of votes that decide which factor a code stands for.

    n_test : int, default=5_000
        Number of votes that are scored.

    active_threshold : float, default=0.05
        Only codes with at least this standard deviation over all samples are named;
        see :func:`active_components`.

    random_state : int, RandomState instance or None, default=None
        Determines what is drawn. Pass an int for reproducible output across multiple
        function calls.

    Returns
    -------
    float
        Accuracy between 0 and 1. Chance is 1 over the number of factors. 0 if no
        code is active, and NaN if fewer than two factors can be told apart.

    Raises
    ------
    ValueError
        If arrays are not two-dimensional, have NaN or infinite values, if their
        lengths differ, or if Y holds something else than integers.
    TypeError
        If Z is a callable and Y is not a data set.

    Warns
    -----
    UndefinedMetricWarning
        If no code is active; or if a factor is constant, or hardly any two rows
        share a value of it, and it is left out.

    See Also
    --------
    beta_vae_score : The score that this one was made to improve on.

    References
    ----------
    .. [1] H. Kim and A. Mnih, "Disentangling by Factorising", ICML 2018, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import factor_vae_score
    >>> Y = np.random.RandomState(0).randint(8, size=(1000, 3))
    >>> factor_vae_score(Y / 8, Y, random_state=0)
    1.0
    """
    rng = private_random_state(random_state)
    train, test, whole = _make_samplers(Z, Y, rng)
    columns = np.arange(whole.n_factors)
    usable = _usable_factors((train, test), columns, "factor_vae_score")
    if len(usable) < 2:
        return _nothing_to_tell_apart("factor_vae_score")
    variances = np.var(whole.draw_any(POINTS_FOR_VARIANCE, rng)[0], axis=0, ddof=1)
    active = _is_active(variances, active_threshold)
    if not active.any():
        _warn_undefined(
            "factor_vae_score: no code has a standard deviation of at least "
            f"{active_threshold}, so the score is 0. If the codes are of another "
            "scale, lower active_threshold."
        )
        return 0.0
    variances = np.where(active, variances, np.nan)
    learned, held_out = (
        _count_votes(sampler, usable, variances, (n_votes, group_size), rng)
        for sampler, n_votes in ((train, n_train), (test, n_test))
    )
    stands_for = learned.argmax(axis=1)
    right = held_out[np.arange(len(held_out)), stands_for].sum()
    return float(right / held_out.sum())


def _count_votes(sampler, factors, variances, shape, rng):
    """Count how often each code is named for each factor, (n_codes, n_factors)."""
    n_votes, group_size = shape
    y = rng.randint(len(factors), size=n_votes)
    votes = np.zeros((len(variances), len(factors)), dtype=np.int64)
    for batch in _batches_of_groups(sampler, n_votes, group_size):
        groups = sampler.draw_sharing(factors[y[batch]], group_size, rng)
        spread = groups.var(axis=1, ddof=1) / variances
        # Inactive codes are NaN: they cannot be the one that varies least.
        np.add.at(votes, (np.nanargmin(spread, axis=1), y[batch]), 1)
    return votes
