"""The mutual information gap (MIG)."""

from sk_bvae.metrics._gap import _lead_of_best
from sk_bvae.metrics._mutual_information import (
    BINS_CONSTRAINTS,
    _bin_codes,
    _entropies,
    _mutual_info_of_bins,
)
from sk_bvae.metrics._validation import (
    _check_codes_and_factors,
    _mean_or_nan,
    _varying_factors,
)
from sk_bvae.utils._sklearn import validate_params


@validate_params(
    {"Z": ["array-like"], "Y": ["array-like"], **BINS_CONSTRAINTS},
    prefer_skip_nested_validation=True,
)
def mutual_info_gap(Z, Y, *, n_bins=20):
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
        return float("nan")
    mutual_info = _mutual_info_of_bins(_bin_codes(Z, n_bins), Y, n_bins)
    return _mean_or_nan(_lead_of_best(mutual_info) / _entropies(Y))
