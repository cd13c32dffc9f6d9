"""How dependent the codes are on each other, if they were Gaussian."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import UndefinedMetricWarning

from sk_bvae.metrics._validation import _check_codes, _is_constant
from sk_bvae.utils._sklearn import validate_params
from sk_bvae.utils._warnings import warn


@validate_params({"Z": ["array-like"]}, prefer_skip_nested_validation=True)
def gaussian_total_correlation(Z: ArrayLike) -> float:
    """Total correlation of the codes under a Gaussian fitted to them.

    TC = (sum_d log S[d, d] - log det S) / 2 with S the covariance of the codes: the
    divergence of the fitted Gaussian from the product of its marginals [1]_. It needs
    no factors, and says how far the codes are from uncorrelated, not what they mean.
    Constant codes are left out.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes)
        The codes.

    Returns
    -------
    float
        In nats, at least 0, and 0 if no two codes are correlated. The scale of the
        codes does not matter. Infinite if a code is a linear function of others.

    Raises
    ------
    ValueError
        If Z is not two-dimensional or has NaN or infinite values.

    Warns
    -----
    UndefinedMetricWarning
        If the codes are linearly dependent, for example duplicated, or if there are
        no more samples than codes.

    See Also
    --------
    gaussian_wasserstein_correlation : A distance that stays finite.

    References
    ----------
    .. [1] F. Locatello et al., "Challenging Common Assumptions in the Unsupervised
       Learning of Disentangled Representations", ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import gaussian_total_correlation
    >>> Z = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> round(gaussian_total_correlation(Z), 6)
    0.0
    >>> round(gaussian_total_correlation(Z @ [[1.0, 0.0], [0.5, 1.0]]), 3)
    0.112
    """
    S = _covariance_of_varying(Z)
    scale = np.sqrt(np.diag(S))
    spectrum = np.linalg.eigvalsh(S / np.outer(scale, scale))
    if spectrum.size and spectrum[0] <= spectrum.size * np.finfo(np.float64).eps:
        warn(
            "gaussian_total_correlation: the codes are linearly dependent (for "
            "example duplicated, or not fewer than the samples), so their total "
            "correlation is infinite. Remove the redundant codes, or score more "
            "samples.",
            UndefinedMetricWarning,
        )
        return float("inf")
    return max(0.0, -0.5 * float(np.log(spectrum).sum()))


@validate_params(
    {"Z": ["array-like"], "normalize": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def gaussian_wasserstein_correlation(Z: ArrayLike, *, normalize: bool = False) -> float:
    """Wasserstein distance of the codes from independent ones, if Gaussian.

    The squared 2-Wasserstein distance between a Gaussian fitted to the codes and the
    product of its marginals, 2 tr S - 2 tr (D^1/2 S D^1/2)^1/2 with S the covariance of
    the codes and D its diagonal [1]_. It needs no factors. Constant codes are left out.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes)
        The codes.

    normalize : bool, default=False
        Whether to divide by the sum of the variances, which makes the result
        independent of a common scale of the codes.

    Returns
    -------
    float
        At least 0, and 0 if no two codes are correlated. In squared units of the
        codes unless normalised.

    Raises
    ------
    ValueError
        If Z is not two-dimensional or has NaN or infinite values.

    See Also
    --------
    gaussian_total_correlation : The same with the Kullback-Leibler divergence.

    References
    ----------
    .. [1] P. K. Rubenstein, B. Schoelkopf and I. Tolstikhin, "Learning Disentangled
       Representations with Wasserstein Auto-Encoders", ICLR 2018 workshop.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import gaussian_wasserstein_correlation
    >>> Z = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> round(gaussian_wasserstein_correlation(Z), 6)
    0.0
    >>> Z = Z @ [[1.0, 0.0], [0.5, 1.0]]
    >>> round(gaussian_wasserstein_correlation(Z, normalize=True), 3)
    0.053
    """
    S = _covariance_of_varying(Z)
    variances = np.diag(S)
    scale = np.sqrt(variances)
    spectrum = np.linalg.eigvalsh(S * np.outer(scale, scale))
    distance = 2 * variances.sum() - 2 * np.sqrt(spectrum.clip(0)).sum()
    if normalize and variances.size:
        distance /= variances.sum()
    return max(0.0, float(distance))


def _covariance_of_varying(Z):
    Z = _check_codes(Z)
    # A constant code's variance need not come out as exactly 0, so look at the values.
    Z = Z[:, ~_is_constant(Z)]
    return np.atleast_2d(np.cov(Z, rowvar=False)) if Z.shape[1] else np.empty((0, 0))
