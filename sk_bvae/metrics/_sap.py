"""The separated attribute predictability (SAP) score."""

import numpy as np
from numpy.typing import ArrayLike

from sk_bvae.metrics._linear_svc import _fit_linear_svc, _predict_linear_svc
from sk_bvae.metrics._mutual_info import _lead_of_best
from sk_bvae.metrics._validation import (
    SPLIT_CONSTRAINTS,
    _check_codes_and_factors,
    _learnable_factors,
    _mean_or_nan,
    _split_rows,
    _varying_factors,
)
from sk_bvae.utils._random import private_random_state
from sk_bvae.utils._sklearn import validate_params
from sk_bvae.utils._types import RandomState

# Constants of the published implementation.
C = 0.01
DEAD_VARIANCE = 1e-12


@validate_params(
    {
        "Z": ["array-like"],
        "Y": ["array-like"],
        "continuous_factors": ["boolean"],
        **SPLIT_CONSTRAINTS,
    },
    prefer_skip_nested_validation=True,
)
def sap_score(
    Z: ArrayLike,
    Y: ArrayLike,
    *,
    continuous_factors: bool = False,
    test_size: float = 0.5,
    shuffle: bool = True,
    random_state: RandomState = None,
) -> float:
    """Separated attribute predictability (SAP): does one code predict each factor.

    For each factor, how well the best single code predicts it minus how well the
    second best does; averaged over the factors. A discrete factor is predicted by
    the linear support vector machine ``LinearSVC(C=0.01, class_weight="balanced")``
    on one unscaled code, and measured by accuracy on the test rows. For a continuous
    factor the measure is the squared correlation, cov(z, y)^2 / (var(z) var(y)), and 0
    where var(z) is at most 1e-12 [1]_.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes)
        The codes.

    Y : array-like of shape (n_samples, n_factors)
        The factors: integer classes, or any numbers if `continuous_factors`.

    continuous_factors : bool, default=False
        Whether the factors are continuous. Nothing is trained then: all rows are
        used, and the arguments below do not matter.

    test_size : float, default=0.5
        Share of the rows on which the classifiers are tested; the others train them.

    shuffle : bool, default=True
        Whether to shuffle the rows before splitting. Without it the first rows train
        and the last test, which is right only if the rows are in no order.

    random_state : int, RandomState instance or None, default=None
        Determines the shuffling. Pass an int for reproducible output across multiple
        function calls.

    Returns
    -------
    float
        Between 0 and 1, best is 1 for continuous factors. A discrete factor of many
        classes cannot reach 1, because one code's linear boundaries cannot cut out
        the middle classes. A single code is compared with a dead one. NaN if no
        factor varies.

    Raises
    ------
    ValueError
        If Z or Y is not two-dimensional, has NaN or infinite values, if their lengths
        differ, or if Y holds something else than integers though `continuous_factors`
        is False.

    Warns
    -----
    UndefinedMetricWarning
        If a factor is constant (in the training rows, if discrete); it is left out.

    See Also
    --------
    mutual_info_gap : The same idea with mutual information.

    References
    ----------
    .. [1] A. Kumar, P. Sattigeri and A. Balakrishnan, "Variational Inference of
       Disentangled Latent Concepts from Unlabeled Observations", ICLR 2018, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import sap_score
    >>> Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> Z = Y * [1.0, -2.0]
    >>> sap_score(Z, Y, continuous_factors=True)
    1.0
    """
    Z, Y = _check_codes_and_factors(Z, Y, continuous=continuous_factors)
    if continuous_factors:
        Y = Y[:, _varying_factors(Y, "sap_score")]
        return _mean_or_nan(_lead_of_best(_squared_correlations(Z, Y)))
    rng = private_random_state(random_state)
    Z_train, Z_test, Y_train, Y_test = _split_rows(Z, Y, test_size, shuffle, rng)
    kept = _learnable_factors(Y_train, "sap_score")
    Y_train, Y_test = Y_train[:, kept], Y_test[:, kept]
    accuracies = _svc_accuracies(Z_train, Z_test, Y_train, Y_test)
    nothing = np.zeros((1, 1))
    dead = _svc_accuracies(nothing.repeat(len(Z_train), 0), nothing, Y_train, Y_test)
    return _mean_or_nan(_lead_of_best(accuracies, dead))


def _svc_accuracies(Z_train, Z_test, Y_train, Y_test):
    """Test accuracy of each code alone for each factor, (n_codes, n_factors)."""
    accuracies = np.empty((Z_train.shape[1], Y_train.shape[1]))
    codings = [_encode_small(y) for y in Y_train.T]
    for d, (x_train, x_test) in enumerate(zip(Z_train.T, Z_test.T, strict=True)):
        order = np.argsort(x_train)
        x_train = x_train[order]
        for k, (labels, classes) in enumerate(codings):
            fitted = _fit_linear_svc(x_train, classes[order], len(labels), C)
            predicted = labels[_predict_linear_svc(x_test, *fitted)]
            accuracies[d, k] = np.mean(predicted == Y_test[:, k])
    return accuracies


def _encode_small(y):
    """Number the classes in the smallest integers, which NumPy sorts in linear time."""
    labels, classes = np.unique(y, return_inverse=True)
    return labels, classes.astype(np.min_scalar_type(len(labels)))


def _squared_correlations(Z, Y):
    """Squared correlation of each code and factor; 0 for a dead code."""
    Z, Y = Z - Z.mean(axis=0), Y - Y.mean(axis=0)
    var_z = (Z**2).sum(axis=0) / (len(Z) - 1)
    var_y = (Y**2).sum(axis=0) / (len(Y) - 1)
    covariance = Z.T @ Y / (len(Z) - 1)
    alive = np.broadcast_to((var_z > DEAD_VARIANCE)[:, None], covariance.shape)
    out = np.zeros_like(covariance)
    return np.divide(covariance**2, np.outer(var_z, var_y), out=out, where=alive)
