"""The modularity of a representation."""

import numpy as np
from numpy.typing import ArrayLike

from sk_bvae.metrics._mutual_info import (
    BINS_CONSTRAINTS,
    _bin_codes,
    _mutual_info_of_bins,
)
from sk_bvae.metrics._validation import _check_codes_and_factors, _varying_factors
from sk_bvae.utils._sklearn import validate_params


@validate_params(
    {"Z": ["array-like"], "Y": ["array-like"], **BINS_CONSTRAINTS},
    prefer_skip_nested_validation=True,
)
def modularity_score(Z: ArrayLike, Y: ArrayLike, *, n_bins: int = 20) -> float:
    """Modularity: does each code know one factor only.

    With M the squared mutual information of codes and K factors, a code's modularity is
    1 - (sum_k M[d, k] - max_k M[d, k]) / ((K - 1) max_k M[d, k]), and the score is the
    mean over the codes [1]_.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes)
        The codes.

    Y : array-like of int, shape (n_samples, n_factors)
        The classes of the factors.

    n_bins : int, default=20
        Number of bins of equal width into which each code is cut.

    Returns
    -------
    float
        Between 0 and 1, best is 1. A dead code, which knows no factor, counts as 0.
        With one factor every other code counts as 1. NaN if no factor varies.

    Raises
    ------
    ValueError
        If Z or Y is not two-dimensional, has NaN or infinite values, if their lengths
        differ, or if Y holds something else than integers.

    Warns
    -----
    UndefinedMetricWarning
        If a factor is constant; it is left out.

    See Also
    --------
    explicitness_score : Its companion: can the factors be read off linearly.
    mutual_info_matrix : The mutual information that is compared.

    References
    ----------
    .. [1] K. Ridgeway and M. C. Mozer, "Learning Deep Disentangled Embeddings With the
       F-Statistic Loss", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import modularity_score
    >>> Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> modularity_score(Y * [1.0, -2.0], Y)
    1.0
    >>> modularity_score(Y @ [[1.0], [1.0]], Y)
    0.0
    """
    Z, Y = _check_codes_and_factors(Z, Y)
    Y = Y[:, _varying_factors(Y, "modularity_score")]
    if Y.shape[1] == 0:
        return np.nan
    return _modularity(_mutual_info_of_bins(_bin_codes(Z, n_bins), Y, n_bins))


def _modularity(mutual_info):
    """Modularity from a matrix of shape (n_codes, n_factors)."""
    squared = mutual_info**2
    best = squared.max(axis=1)
    others = squared.sum(axis=1) - best
    alive = best > 0
    share = np.ones(len(best))
    n_others = max(mutual_info.shape[1] - 1, 1)
    np.divide(others, best * n_others, out=share, where=alive)
    return float(np.mean(1 - share))
