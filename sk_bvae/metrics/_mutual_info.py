"""Mutual information between binned codes and factors, and its gap (MIG)."""

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from sk_bvae.metrics._validation import (
    _check_codes_and_factors,
    _encode,
    _mean_or_nan,
    _varying_factors,
)
from sk_bvae.utils._sklearn import Interval, validate_params

# Sums of n log n that cancel leave a few units in the last place of log n behind.
ROUNDING = 1e-13

BINS_CONSTRAINTS = {"n_bins": [Interval(Integral, 2, None, closed="left")]}


@validate_params(
    {"Z": ["array-like"], "Y": ["array-like"], **BINS_CONSTRAINTS},
    prefer_skip_nested_validation=True,
)
def mutual_info_matrix(Z: ArrayLike, Y: ArrayLike, *, n_bins: int = 20) -> np.ndarray:
    """Mutual information between every code and every factor.

    Each code is cut into `n_bins` bins of equal width between its minimum and its
    maximum. The factors are taken as they are: their values are never merged. Then
    I(z; y) = sum p(z, y) log(p(z, y) / (p(z) p(y))) over the bins and the classes, with
    the frequencies in the samples as probabilities [1]_.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes)
        The codes, for example what a transformer's ``transform`` returns.

    Y : array-like of int, shape (n_samples, n_factors)
        The classes of the factors that generated the samples.

    n_bins : int, default=20
        Number of bins of each code.

    Returns
    -------
    ndarray of shape (n_codes, n_factors)
        Mutual information in nats, at least 0. It is 0 for a constant code and for a
        constant factor.

    Raises
    ------
    ValueError
        If Z or Y is not two-dimensional, has NaN or infinite values, if their lengths
        differ, or if Y holds something else than integers.

    See Also
    --------
    mutual_info_gap : How far one code stands out for each factor.
    modularity_score : How far one factor stands out for each code.

    References
    ----------
    .. [1] F. Locatello et al., "Challenging Common Assumptions in the Unsupervised
       Learning of Disentangled Representations", ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import mutual_info_matrix
    >>> Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> Z = Y * [1.0, -2.0]
    >>> mutual_info_matrix(Z, Y).round(3)
    array([[0.693, 0.   ],
           [0.   , 0.693]])
    """
    Z, Y = _check_codes_and_factors(Z, Y)
    return _mutual_info_of_bins(_bin_codes(Z, n_bins), Y, n_bins)


@validate_params(
    {"Z": ["array-like"], "Y": ["array-like"], **BINS_CONSTRAINTS},
    prefer_skip_nested_validation=True,
)
def mutual_info_gap(Z: ArrayLike, Y: ArrayLike, *, n_bins: int = 20) -> float:
    """Mutual information gap (MIG): does one code alone know each factor.

    MIG = mean over factors k of (I(z_a; y_k) - I(z_b; y_k)) / H(y_k), where a and b are
    the codes with the largest and the second largest mutual information, and H is the
    entropy [1]_.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes)
        The codes.

    Y : array-like of int, shape (n_samples, n_factors)
        The classes of the factors.

    n_bins : int, default=20
        Number of bins of equal width into which each code is cut. The factors are
        never binned.

    Returns
    -------
    float
        Between 0 and 1, best is 1. Two copies of one code leave no gap, and score 0.
        A single code is compared with a dead one. NaN if no factor varies.

    Raises
    ------
    ValueError
        If Z or Y is not two-dimensional, has NaN or infinite values, if their lengths
        differ, or if Y holds something else than integers.

    Warns
    -----
    UndefinedMetricWarning
        If a factor is constant: its entropy is 0, and it is left out.

    See Also
    --------
    mutual_info_matrix : The mutual information from which the gap is taken.
    sap_score : The same idea with prediction accuracy.

    References
    ----------
    .. [1] R. T. Q. Chen et al., "Isolating Sources of Disentanglement in Variational
       Autoencoders", NeurIPS 2018, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import mutual_info_gap
    >>> Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> mutual_info_gap(Y * [1.0, -2.0], Y)
    1.0
    >>> mutual_info_gap(Y @ [[1.0, 1.0], [1.0, -1.0]], Y)
    0.0
    """
    Z, Y = _check_codes_and_factors(Z, Y)
    Y = Y[:, _varying_factors(Y, "mutual_info_gap")]
    if Y.shape[1] == 0:
        return np.nan
    mutual_info = _mutual_info_of_bins(_bin_codes(Z, n_bins), Y, n_bins)
    return _mean_or_nan(_lead_of_best(mutual_info) / _entropies(Y))


def _bin_codes(Z, n_bins):
    """Cut each code into bins of equal width, numbered from 0."""
    bins = np.empty(Z.shape, dtype=np.intp)
    for code in range(Z.shape[1]):
        edges = np.histogram_bin_edges(Z[:, code], n_bins)
        # The inner edges only: the maximum belongs to the last bin.
        bins[:, code] = np.searchsorted(edges[1:-1], Z[:, code], side="right")
    return bins


def _mutual_info_of_bins(bins, Y, n_bins):
    """Mutual information of binned codes and factors, shape (n_codes, n_factors)."""
    shifted = bins + n_bins * np.arange(bins.shape[1])
    columns = [_mutual_info_with_factor(shifted, y, n_bins) for y in Y.T]
    return np.column_stack(columns)


def _mutual_info_with_factor(shifted, y, n_bins):
    """One factor and all codes at once: a single count of the joint bins."""
    n_samples, n_codes = shifted.shape
    classes, n_classes = _encode(y)
    cells = shifted * n_classes + classes[:, None]
    counts = np.bincount(cells.ravel(), minlength=n_codes * n_bins * n_classes)
    counts = counts.reshape(n_codes, n_bins, n_classes)
    joint = _sum_n_log_n(counts, axis=(1, 2))
    of_code = _sum_n_log_n(counts.sum(axis=2), axis=1)
    of_factor = _sum_n_log_n(counts[0].sum(axis=0), axis=0)
    mutual_info = np.log(n_samples) + (joint - of_code - of_factor) / n_samples
    return np.where(mutual_info < ROUNDING, 0.0, mutual_info)


def _entropies(Y):
    """Entropy of each factor in nats."""
    counts = [np.unique(y, return_counts=True)[1] for y in Y.T]
    return np.array([np.log(len(Y)) - _sum_n_log_n(n, 0) / len(Y) for n in counts])


def _sum_n_log_n(counts, axis):
    return xlogy(counts, counts).sum(axis=axis)


def _lead_of_best(S, dead=0.0):
    """Subtract from each column's largest value the second largest.

    With one code only there is no second; a dead code, whose values are `dead`, then
    takes its place, so that adding a dead code to a representation changes nothing.
    """
    if len(S) == 1:
        S = np.vstack([S, np.broadcast_to(dead, S.shape)])
    second, first = np.partition(S, -2, axis=0)[-2:]
    return first - second
