"""The explicitness of a representation."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from sk_bvae.metrics._validation import (
    SPLIT_CONSTRAINTS,
    _check_codes_and_factors,
    _is_constant,
    _keep_defined,
    _mean_or_nan,
    _split_rows,
)
from sk_bvae.utils._random import private_random_state
from sk_bvae.utils._sklearn import validate_params
from sk_bvae.utils._types import RandomState


@validate_params(
    {"Z": ["array-like"], "Y": ["array-like"], **SPLIT_CONSTRAINTS},
    prefer_skip_nested_validation=True,
)
def explicitness_score(
    Z: ArrayLike,
    Y: ArrayLike,
    *,
    test_size: float = 0.5,
    shuffle: bool = True,
    random_state: RandomState = None,
) -> float:
    """Explicitness: can each factor be read off the codes by a linear classifier.

    For each factor, a multinomial logistic regression on the standardised codes is
    fitted to the training rows; its score is the area under the ROC curve of its
    probabilities on the test rows, each class against the rest, averaged over the
    classes. The result is the mean over the factors [1]_.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes)
        The codes.

    Y : array-like of int, shape (n_samples, n_factors)
        The classes of the factors.

    test_size : float, default=0.5
        Share of the rows on which the classifier is tested; the others train it.

    shuffle : bool, default=True
        Whether to shuffle the rows before splitting. Without it the first rows train
        and the last test, which is right only if the rows are in no order.

    random_state : int, RandomState instance or None, default=None
        Determines the shuffling. Pass an int for reproducible output across multiple
        function calls.

    Returns
    -------
    float
        Between 0 and 1; best is 1, and 0.5 is chance. NaN if no factor can be scored.

    Raises
    ------
    ValueError
        If Z or Y is not two-dimensional, has NaN or infinite values, if their lengths
        differ, or if Y holds something else than integers.

    Warns
    -----
    UndefinedMetricWarning
        If a factor is constant, or one of its classes occurs in the training or in
        the test rows only; the factor is left out.

    See Also
    --------
    modularity_score : Its companion: does each code know one factor only.

    References
    ----------
    .. [1] K. Ridgeway and M. C. Mozer, "Learning Deep Disentangled Embeddings With the
       F-Statistic Loss", NeurIPS 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import explicitness_score
    >>> Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 10)
    >>> explicitness_score(Y * [1.0, -2.0], Y, random_state=0)
    1.0
    """
    Z, Y = _check_codes_and_factors(Z, Y)
    rng = private_random_state(random_state)
    Z_train, Z_test, Y_train, Y_test = _split_rows(Z, Y, test_size, shuffle, rng)
    pairs = zip(Y_train.T, Y_test.T, strict=True)
    defined = ~_is_constant(Y_train) & [_have_same_classes(*pair) for pair in pairs]
    why = "are constant, or have classes in the training or the test rows only"
    kept = _keep_defined(defined, "explicitness_score", why)
    Y_train, Y_test = Y_train[:, kept], Y_test[:, kept]
    return _mean_or_nan(_areas_under_roc(Z_train, Z_test, Y_train, Y_test))


def _have_same_classes(y_train, y_test):
    return np.setxor1d(y_train, y_test).size == 0


def _areas_under_roc(Z_train, Z_test, Y_train, Y_test):
    """Area under the ROC curve on the test rows, one value per factor."""
    scaler = StandardScaler().fit(Z_train)
    Z_train, Z_test = scaler.transform(Z_train), scaler.transform(Z_test)
    areas = []
    for y_train, y_test in zip(Y_train.T, Y_test.T, strict=True):
        classifier = LogisticRegression(max_iter=1000).fit(Z_train, y_train)
        is_class = y_test[:, None] == classifier.classes_
        areas.append(roc_auc_score(is_class, classifier.predict_proba(Z_test)))
    return np.array(areas)
