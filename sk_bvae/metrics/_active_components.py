"""Which codes a representation uses."""

from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_bvae.metrics._validation import _check_codes
from sk_bvae.utils._sklearn import Interval, validate_params

ACTIVE_STD = 0.05


@validate_params(
    {"Z": ["array-like"], "threshold": [Interval(Real, 0, None, closed="left")]},
    prefer_skip_nested_validation=True,
)
def active_components(
    Z: ArrayLike, *, threshold: float = ACTIVE_STD
) -> NDArray[np.bool_]:
    """Tell which codes vary over the data.

    A variational autoencoder that ignores a latent leaves its posterior mean near 0
    for every sample, and counts as collapsed [1]_.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes)
        The codes.

    threshold : float, default=0.05
        A code is active if its standard deviation is at least this, in the units of
        the code. The default suits codes with a standard normal prior. A constant
        code is never active.

    Returns
    -------
    ndarray of bool, shape (n_codes,)
        True for the active codes; ``active.sum()`` is their number.

    Raises
    ------
    ValueError
        If Z is not two-dimensional or has NaN or infinite values.

    References
    ----------
    .. [1] H. Kim and A. Mnih, "Disentangling by Factorising", ICML 2018, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import active_components
    >>> Z = np.array([[0.5, 0.01, 3.0], [-1.0, -0.01, 3.0], [0.7, 0.0, 3.0]])
    >>> active_components(Z)
    array([ True, False, False])
    """
    return _is_active(np.var(_check_codes(Z), axis=0, ddof=1), threshold)


def _is_active(variances, threshold):
    """Tell which variances, each of one code, are large enough."""
    return (np.sqrt(variances) >= threshold) & (variances > 0)
