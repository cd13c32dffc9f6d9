"""The interventional robustness score (IRS)."""

from numbers import Integral

import numpy as np

from sk_bvae.metrics._mutual_info import _bin_codes
from sk_bvae.metrics._sampling import CodesOrTransform, FactorsOrData, _RenderSampler
from sk_bvae.metrics._validation import (
    _check_codes_and_factors,
    _is_constant,
    _varying_factors,
    _warn_undefined,
)
from sk_bvae.utils._random import private_random_state
from sk_bvae.utils._sklearn import Interval, validate_params
from sk_bvae.utils._types import RandomState

# Constants of the published implementation.
N_BINS = 20
PERCENTILE = 99


@validate_params(
    {
        "Z": ["array-like", callable],
        "Y": "no_validation",
        "n_samples": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def interventional_robustness_score(
    Z: CodesOrTransform,
    Y: FactorsOrData,
    *,
    n_samples: int = 10_000,
    random_state: RandomState = None,
) -> float:
    """Interventional robustness score (IRS).

    For each code and factor, how little the code strays from its mean while the
    factor is held at a value: 1 minus the 99th percentile of the deviation, averaged
    over the factor's values, relative to the code's largest deviation over all
    samples. A code scores with its best factor; the result is the mean over codes,
    weighted by their largest deviations [1]_. Constant codes are left out.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes), or callable
        The codes; rows are grouped by the values that they share. Or a callable that
        turns samples into codes, such as a fitted transformer's ``transform``;
        samples are then freshly rendered, and images are passed as rows of pixels.

    Y : array-like of shape (n_samples, n_factors), or a data set
        The factors, discrete or continuous: each is cut into 20 bins of equal width,
        which leaves up to 20 consecutive classes as they are. With a callable Z, an
        object with ``render``, which turns classes of shape (n_samples, n_factors)
        into samples, and with ``factor_sizes``, the number of classes of each factor.

    n_samples : int, default=10_000
        Number of samples to render; does not matter for arrays.

    random_state : int, RandomState instance or None, default=None
        Determines the samples to render; does not matter for arrays. Pass an int for
        reproducible output across multiple function calls.

    Returns
    -------
    float
        Between 0 and 1, best is 1. 0 if all codes are constant, and NaN if no factor
        varies. It comes out too high if a factor's value occurs in a few rows only,
        which lie close to their own mean.

    Raises
    ------
    ValueError
        If arrays are not two-dimensional, have NaN or infinite values, or if their
        lengths differ.
    TypeError
        If Z is a callable and Y is not a data set.

    Warns
    -----
    UndefinedMetricWarning
        If all codes are constant; or if a factor is constant, and it is left out.

    References
    ----------
    .. [1] R. Suter et al., "Robustly Disentangled Causal Mechanisms: Validating Deep
       Representations for Interventional Robustness", ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import interventional_robustness_score
    >>> Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> interventional_robustness_score(Y * [1.0, -2.0], Y)
    1.0
    >>> round(interventional_robustness_score(Y @ [[1.0], [1.0]], Y), 3)
    0.5
    """
    if callable(Z):
        sampler = _RenderSampler(Z, Y)
        Z, Y = sampler.draw_any(n_samples, private_random_state(random_state))
    Z, Y = _check_codes_and_factors(Z, Y, continuous=True)
    Y = Y[:, _varying_factors(Y, "interventional_robustness_score")]
    if Y.shape[1] == 0:
        return np.nan
    Z = Z[:, ~_is_constant(Z)]
    if Z.shape[1] == 0:
        _warn_undefined(
            "interventional_robustness_score: all codes are constant, so the score is "
            "0. Check that the model has not collapsed."
        )
        return 0.0
    largest = np.abs(Z - Z.mean(axis=0)).max(axis=0)
    strays = np.column_stack(
        [_mean_stray(Z, values) for values in _bin_codes(Y, N_BINS).T]
    )
    robustness = 1 - strays / largest[:, None]
    return float(np.average(robustness.max(axis=1), weights=largest))


def _mean_stray(Z, values):
    """How far each code strays from its mean given a value, on average over values."""
    strays = []
    for value in np.unique(values):
        group = Z[values == value]
        deviations = np.abs(group - group.mean(axis=0))
        strays.append(np.percentile(deviations, PERCENTILE, axis=0))
    return np.mean(strays, axis=0)
