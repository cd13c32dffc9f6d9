"""Modularity, explicitness and compactness by information (InfoMEC)."""

import warnings

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler
from sklearn.utils import Bunch

from sk_bvae.metrics._mutual_info import _entropies
from sk_bvae.metrics._validation import (
    _check_codes_and_factors,
    _is_constant,
    _keep_defined,
    _mean_or_nan,
)
from sk_bvae.utils._random import private_random_state
from sk_bvae.utils._sklearn import validate_params
from sk_bvae.utils._types import RandomState

# A constant of the published implementation.
ACTIVE_RANGE = 1 / 8


@validate_params(
    {"Z": ["array-like"], "Y": ["array-like"], "random_state": ["random_state"]},
    prefer_skip_nested_validation=True,
)
def infomec_score(
    Z: ArrayLike, Y: ArrayLike, *, random_state: RandomState = None
) -> Bunch:
    """Modularity, explicitness and compactness by information (InfoMEC).

    R[d, k] = I(z_d; y_k) / H(y_k) tells which share of factor k's entropy code d
    knows. Codes are not binned: their mutual information with the classes is estimated
    from nearest neighbours. A code is active if its range exceeds an eighth of the
    largest, and R is 0 for the others. InfoM, the modularity, is the largest share of
    R[d] / sum R[d], averaged over the codes that know something and rescaled so that
    0 is an even spread over the factors. InfoC, the compactness, is the same over the
    columns, where 0 is an even spread over the active codes. InfoE, the explicitness,
    is 1 - L / log(n_classes), averaged over the factors, with L the mean log loss in
    nats of an unpenalised, balanced logistic regression on the standardised codes
    [1]_.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes)
        The codes.

    Y : array-like of int, shape (n_samples, n_factors)
        The classes of the factors.

    random_state : int, RandomState instance or None, default=None
        Determines the noise, 1e-10 of a code's size, that tells equal codes apart.
        Pass an int for reproducible output across multiple function calls.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        modularity : float
            InfoM, between 0 and 1, best is 1: does each code know one factor only.
            Codes that know nothing are left out; if none is left, it is 0.
        explicitness : float
            InfoE, best is 1: can each factor be read off linearly. 0 is chance, and
            less is worse than that.
        compactness : float
            InfoC, between 0 and 1, best is 1: is each factor known by one code only.
            A factor that no active code knows counts as 0; with a single active
            code, any other factor counts as 1.
        information : ndarray of shape (n_codes, n_factors)
            The matrix R, at least 0. NaN for a factor that was left out.
        active : ndarray of bool, shape (n_codes,)
            The active codes.

    Raises
    ------
    ValueError
        If Z or Y is not two-dimensional, has NaN or infinite values, if their lengths
        differ, or if Y holds something else than integers.

    Warns
    -----
    UndefinedMetricWarning
        If a factor is constant, or none of its values occurs twice; it is left out.

    See Also
    --------
    dci_score : The same three questions, put to the importances of trees.
    mutual_info_matrix : Mutual information by bins.

    Notes
    -----
    Modularity and compactness are not those of :func:`modularity_score` and of
    DCI's completeness. What is active depends on the codes' units: codes in units of
    their own want standardising first.

    References
    ----------
    .. [1] K. Hsu et al., "Disentanglement via Latent Quantization", NeurIPS 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import infomec_score
    >>> rng = np.random.RandomState(0)
    >>> Y = rng.randint(4, size=(1000, 2))
    >>> Z = np.column_stack([Y * [1.0, -2.0], 0.1 * rng.random_sample(1000)])
    >>> result = infomec_score(Z, Y, random_state=0)
    >>> for part in ("modularity", "explicitness", "compactness"):
    ...     print(f"{part:12} {result[part]:.1f}")
    modularity   1.0
    explicitness 1.0
    compactness  1.0
    >>> result.active
    array([ True,  True, False])
    """
    Z, Y = _check_codes_and_factors(Z, Y)
    rng = private_random_state(random_state)
    why = "hold a single value, or none of their values twice"
    kept = _keep_defined(~_is_constant(Y) & _have_repeats(Y), "infomec_score", why)
    ranges = np.ptp(Z, axis=0)
    active = ranges > ACTIVE_RANGE * ranges.max()
    information = np.full((Z.shape[1], Y.shape[1]), np.nan)
    information[:, kept] = 0
    information[np.ix_(active, kept)] = _known_shares(Z[:, active], Y[:, kept], rng)
    R = information[:, kept]
    know_something = R.any(axis=1) | ~R.any()
    return Bunch(
        modularity=_concentration(R[know_something], len(kept)),
        explicitness=_mean_or_nan(_gains_in_log_loss(Z, Y[:, kept])),
        compactness=_concentration(R.T, active.sum()),
        information=information,
        active=active,
    )


def _have_repeats(Y):
    """Tell in which columns a value occurs twice: a row alone has no neighbours."""
    return np.array([len(np.unique(y)) < len(y) for y in Y.T])


def _known_shares(Z, Y, rng):
    """Mutual information in units of the factor's entropy, (n_codes, n_factors)."""
    if 0 in Z.shape + Y.shape:
        return np.zeros((Z.shape[1], Y.shape[1]))
    information = [mutual_info_classif(Z, y, random_state=rng) for y in Y.T]
    return np.column_stack(information) / _entropies(Y)


def _concentration(R, n_places):
    """How far each row's weight lies on one of the places, averaged over the rows.

    0 is an even spread, or no weight at all; 1 is a single place.
    """
    if R.size == 0:
        return np.nan
    weights = R.sum(axis=1)
    spread = np.ones(len(R))
    np.divide(
        n_places * (weights - R.max(axis=1)),
        max(n_places - 1, 1) * weights,
        out=spread,
        where=weights > 0,
    )
    return float(np.mean(1 - spread))


def _gains_in_log_loss(Z, Y):
    """How much lower the log loss is than without codes, one share per factor."""
    Z = StandardScaler().fit_transform(Z)
    # A balanced regression on nothing gives every class the same probability.
    return [1 - _log_loss(Z, y) / np.log(len(np.unique(y))) for y in Y.T]


def _log_loss(Z, y):
    """Mean log loss in nats of a logistic regression on its own training rows."""
    with warnings.catch_warnings():
        # The definition stops at 100 steps, which codes that separate classes exceed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier = LogisticRegression(C=np.inf, class_weight="balanced").fit(Z, y)
    return log_loss(y, classifier.predict_proba(Z), labels=classifier.classes_)
