"""Disentanglement, completeness and informativeness (DCI)."""

from numbers import Integral

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from scipy.special import xlogy
from sklearn.base import ClassifierMixin, clone, is_classifier
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.utils import Bunch

from sk_bvae.metrics._validation import (
    SPLIT_CONSTRAINTS,
    _check_codes_and_factors,
    _learnable_factors,
    _mean_or_nan,
    _split_rows,
)
from sk_bvae.utils._random import draw_seeds, private_random_state
from sk_bvae.utils._sklearn import HasMethods, print_elapsed_time, validate_params
from sk_bvae.utils._types import RandomState


@validate_params(
    {
        "Z": ["array-like"],
        "Y": ["array-like"],
        "estimator": [HasMethods(["fit", "score"]), None],
        **SPLIT_CONSTRAINTS,
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
def dci_score(
    Z: ArrayLike,
    Y: ArrayLike,
    *,
    estimator: ClassifierMixin | None = None,
    test_size: float = 0.5,
    shuffle: bool = True,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> Bunch:
    """Disentanglement, completeness and informativeness (DCI).

    A classifier predicts each factor from all codes. The importance R[d, k] that it
    gives to code d for factor k tells which code serves which factor. Disentanglement
    is sum_d w_d (1 - H(R[d] / sum R[d])), where H is the entropy to the base of the
    number of factors, and w_d the share of code d in all importance. Completeness is
    the same over the columns, with the entropy to the base of the number of codes [1]_.

    Parameters
    ----------
    Z : array-like of shape (n_samples, n_codes)
        The codes.

    Y : array-like of int, shape (n_samples, n_factors)
        The classes of the factors.

    estimator : classifier, default=None
        What predicts the factors: any classifier that has ``feature_importances_``
        once it is fitted. None is a
        :class:`~sklearn.ensemble.GradientBoostingClassifier`, as in
        disentanglement_lib. The paper's random forest is several times as fast; see
        the notes. Each factor gets a copy, with a seed of its own if the estimator's
        `random_state` is None.

    test_size : float, default=0.5
        Share of the rows on which the classifiers are tested; the others train them.

    shuffle : bool, default=True
        Whether to shuffle the rows before splitting. Without it the first rows train
        and the last test, which is right only if the rows are in no order.

    random_state : int, RandomState instance or None, default=None
        Determines the shuffling and what the classifiers draw, by default the choice
        between equal splits. Pass an int for reproducible output across multiple
        function calls.

    n_jobs : int or None, default=None
        Number of factors to fit at the same time, as in :class:`joblib.Parallel`. None
        means 1, and -1 all processors. The result does not depend on it.

    verbose : int, default=0
        Whether to print a line for each factor that is done, with the time it took.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the following attributes.

        disentanglement : float
            Between 0 and 1, best is 1: does each code serve one factor.
        completeness : float
            Between 0 and 1, best is 1: is each factor served by one code.
        informativeness : float
            Mean accuracy of the classifiers on the test rows.
        importances : ndarray of shape (n_codes, n_factors)
            The matrix R. Each column sums to 1, or to 0 if no code is of use. NaN for
            a factor that was left out.

    Raises
    ------
    ValueError
        If Z or Y is not two-dimensional, has NaN or infinite values, if their lengths
        differ, or if Y holds something else than integers.
    TypeError
        If `estimator` is no classifier, or has no ``feature_importances_``.

    Warns
    -----
    UndefinedMetricWarning
        If a factor is constant in the training rows; it is left out.

    Notes
    -----
    The default has 100 trees for each class of a factor, so this is by far the slowest
    metric: minutes for factors of 40 classes on 10,000 rows. With `n_jobs` the factor
    of most classes is what one waits for.

    A :class:`~sklearn.ensemble.RandomForestClassifier` shows each split a few codes,
    and so spreads importance over codes that know nothing; with ``max_features=None``
    it shows all of them. The scores of different classifiers do not compare.

    References
    ----------
    .. [1] C. Eastwood and C. K. I. Williams, "A Framework for the Quantitative
       Evaluation of Disentangled Representations", ICLR 2018, section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import dci_score
    >>> Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 10)
    >>> result = dci_score(Y * [1.0, -2.0], Y, random_state=0)
    >>> result.importances
    array([[1., 0.],
           [0., 1.]])
    >>> result.disentanglement, result.completeness, result.informativeness
    (1.0, 1.0, 1.0)

    By a random forest:

    >>> from sklearn.ensemble import RandomForestClassifier
    >>> forest = RandomForestClassifier(max_features=None)
    >>> result = dci_score(Y * [1.0, -2.0], Y, estimator=forest, random_state=0)
    >>> result.importances
    array([[1., 0.],
           [0., 1.]])
    """
    Z, Y = _check_codes_and_factors(Z, Y)
    rng = private_random_state(random_state)
    Z_train, Z_test, Y_train, Y_test = _split_rows(Z, Y, test_size, shuffle, rng)
    kept = _learnable_factors(Y_train, "dci_score")
    seeds = dict(zip(kept, draw_seeds(rng, len(kept)), strict=True))

    def fit(k):
        classifier = _make_classifier(estimator, seeds[k])
        message = f"factor in column {k} of Y" if verbose else None
        with print_elapsed_time("dci_score", message):
            classifier.fit(Z_train, Y_train[:, k])
        return _importances(classifier), classifier.score(Z_test, Y_test[:, k])

    fits = _side_by_side(fit, kept, Y_train, n_jobs)
    importances = np.full((Z.shape[1], Y.shape[1]), np.nan)
    for k, (importance, _) in zip(kept, fits, strict=True):
        importances[:, k] = importance
    R = importances[:, kept]
    return Bunch(
        disentanglement=_concentration(R),
        completeness=_concentration(R.T),
        informativeness=_mean_or_nan([accuracy for _, accuracy in fits]),
        importances=importances,
    )


def _make_classifier(estimator, seed):
    """Copy the classifier for one factor, and seed what it leaves to chance."""
    if estimator is None:
        return GradientBoostingClassifier(random_state=seed)
    if not is_classifier(estimator):
        raise TypeError(
            f"dci_score needs a classifier; {type(estimator).__name__} is none."
        )
    classifier = clone(estimator)
    if classifier.get_params(deep=False).get("random_state", seed) is None:
        classifier.set_params(random_state=seed)
    return classifier


def _side_by_side(function, factors, Y, n_jobs):
    """Call a function of each factor; return the results in the factors' order."""
    # The factor of most classes takes longest: started last, it would end alone.
    n_classes = [len(np.unique(y)) for y in Y[:, factors].T]
    longest_first = factors[np.argsort(n_classes)[::-1]]
    # Not in threads: scikit-learn's checks of data set Python's warning filters for a
    # moment, and threads that do so at once leave them changed.
    results = Parallel(n_jobs=n_jobs)(delayed(function)(k) for k in longest_first)
    by_factor = dict(zip(longest_first, results, strict=True))
    return [by_factor[k] for k in factors]


def _importances(classifier):
    """Importances that sum to 1, or are all 0."""
    if not hasattr(classifier, "feature_importances_"):
        raise TypeError(
            "dci_score needs a classifier with feature_importances_, such as "
            f"RandomForestClassifier; {type(classifier).__name__} has none."
        )
    # Rounding can leave an importance of -1e-17, whose logarithm would be NaN.
    importances = classifier.feature_importances_.clip(0)
    return importances / (importances.sum() or 1)


def _concentration(R):
    """How far each row's weight lies on one column, averaged by the rows' weights."""
    if R.size == 0:
        return np.nan
    weights = R.sum(axis=1)
    if weights.sum() == 0:  # nothing is predicted by anything
        return 0.0
    used = R[weights > 0]
    shares = used / used.sum(axis=1, keepdims=True)
    # With one column all weight lies on it: the entropy is 0 to any base.
    entropy = -xlogy(shares, shares).sum(axis=1) / np.log(max(R.shape[1], 2))
    return float(np.average(1 - entropy, weights=weights[weights > 0]))
