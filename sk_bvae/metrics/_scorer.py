"""Metrics as scorers of fitted transformers."""

import inspect
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from sk_bvae.metrics._report import LOWER_IS_BETTER, METRICS, PARTS
from sk_bvae.metrics._validation import _check_continuous_factors
from sk_bvae.utils._labels import is_labelled
from sk_bvae.utils._sklearn import take_rows, validate_params
from sk_bvae.utils._warnings import warn

# No metric is defined for fewer rows.
MIN_LABELLED = 2

# What tells folds that were cut from an ordered grid without shuffling.
MIN_ROWS = 10  # fewer can be in order by chance
CONSECUTIVE = 0.9  # share of the steps; shuffled halves of a grid have 0.5
MARGIN = 0.01  # share of the grid that may lack at either end


@validate_params({"metric": [str, callable]}, prefer_skip_nested_validation=True)
def make_disentanglement_scorer(
    metric: str | Callable[..., float] = "mig", **kwargs: Any
) -> Callable[..., float]:
    """Make a scorer of transformers from a disentanglement metric.

    The scorer transforms the data and compares the codes with the factors, which
    :class:`~sklearn.model_selection.GridSearchCV` and the like take as ``y``. It works
    with anything that is fitted and has ``transform``: a
    :class:`~sklearn.pipeline.Pipeline`, PCA, FastICA or a variational autoencoder.

    Parameters
    ----------
    metric : str or callable, default="mig"
        One of ``"mig"``, ``"modularity"``, ``"explicitness"``,
        ``"dci_disentanglement"``, ``"dci_completeness"``, ``"dci_informativeness"``,
        ``"infomec_modularity"``, ``"infomec_explicitness"``,
        ``"infomec_compactness"``, ``"sap"``, ``"beta_vae"``, ``"factor_vae"``,
        ``"irs"``, ``"neg_gaussian_total_correlation"``,
        ``"neg_gaussian_wasserstein_correlation"`` and ``"n_active_components"``. Or a
        callable ``metric(Z, Y, **kwargs)`` that returns a number; larger is better.

    **kwargs : dict
        Options of the metric. Give ``random_state=0`` to metrics that draw, so that
        all candidates are judged by the same draws.

    Returns
    -------
    callable
        ``scorer(estimator, X, Y)`` returns a float, where larger is better. It can
        be pickled if the metric can.

    Raises
    ------
    ValueError
        If the metric's name is unknown.
    TypeError
        If the metric does not take one of the options.
    ValueError
        By the scorer, if fewer rows are labelled than the metric needs.

    Warns
    -----
    UserWarning
        By the scorer, if the labelled rows that it is given are a stretch of an
        ordered grid of factors, as unshuffled folds are: they lack values of the slow
        factors.

    See Also
    --------
    disentanglement_report : All metrics of one representation.

    Notes
    -----
    Rows of Y that hold nothing but -1 are unlabelled, as for scikit-learn's
    semi-supervised estimators: these train on them, and the scorer leaves them out.

    ``GridSearchCV(..., cv=5)`` does not shuffle. Data in the order of their factors
    need ``cv=KFold(5, shuffle=True, random_state=0)``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA, FastICA
    >>> from sklearn.model_selection import GridSearchCV, KFold
    >>> from sklearn.pipeline import Pipeline
    >>> from sk_bvae.metrics import make_disentanglement_scorer
    >>> rng = np.random.RandomState(0)
    >>> Y = rng.randint(10, size=(1000, 2))
    >>> X = Y @ [[1.0, 2.0, 0.0], [1.0, -1.0, 3.0]]
    >>> search = GridSearchCV(
    ...     Pipeline([("codes", PCA())]),
    ...     {"codes": [PCA(2), FastICA(2, random_state=0)]},
    ...     scoring=make_disentanglement_scorer("mig"),
    ...     cv=KFold(3, shuffle=True, random_state=0),
    ... )
    >>> search.fit(X, Y).best_params_
    {'codes': FastICA(n_components=2, random_state=0)}
    """
    if isinstance(metric, str) and metric not in SCORES:
        raise ValueError(
            f"Unknown metric {metric!r}; it may be a callable metric(Z, Y) or any of "
            f"{sorted(SCORES)}."
        )
    scorer = _DisentanglementScorer(metric, kwargs)
    # Now, and not as a failed fit of a long search.
    inspect.signature(scorer.function).bind(None, None, **kwargs)
    return scorer


class _DisentanglementScorer:
    """What `make_disentanglement_scorer` returns."""

    def __init__(self, metric, kwargs):
        self.metric, self.kwargs = metric, kwargs

    @property
    def function(self):
        """The metric itself; named ones are looked up, not pickled."""
        return SCORES[self.metric] if isinstance(self.metric, str) else self.metric

    def __call__(self, estimator, X, y=None):
        if y is None:
            raise ValueError(
                "A disentanglement scorer needs the factors: pass the integer matrix "
                "of shape (n_samples, n_factors) as y."
            )
        if not hasattr(estimator, "transform"):
            raise TypeError(
                "A disentanglement scorer needs an estimator with transform; "
                f"{type(estimator).__name__} has none."
            )
        checked = _check_continuous_factors(y)
        labelled = is_labelled(checked)
        _warn_of_ordered_folds(checked[labelled])
        if labelled.all():
            return float(self.function(estimator.transform(X), y, **self.kwargs))
        self._check_count(labelled)
        X, known = (take_rows(each, np.flatnonzero(labelled)) for each in (X, y))
        score = float(self.function(estimator.transform(X), known, **self.kwargs))
        if np.isnan(score):  # by want of labels, or of codes
            self.check_labels(y)
        return score

    def check_labels(self, y):
        """Refuse factors of which too few are known.

        Parameters
        ----------
        y : array-like of shape (n_samples, n_factors)
            The factors.

        Raises
        ------
        ValueError
            If the metric is not defined for the labelled rows, whatever the codes.
        """
        labelled = is_labelled(_check_continuous_factors(y))
        if labelled.all():
            return
        self._check_count(labelled)
        if callable(self.metric):  # it may ask for codes of some kind
            return
        known = take_rows(y, np.flatnonzero(labelled))
        noise = np.random.RandomState(0).standard_normal((len(known), 2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            score = self.function(noise, known, **self.kwargs)
        if np.isnan(score):
            raise self._too_few(labelled)

    def _check_count(self, labelled):
        if labelled.sum() < MIN_LABELLED:
            raise self._too_few(labelled)

    def _too_few(self, labelled):
        return ValueError(
            f"{labelled.sum()} of {len(labelled)} rows of y are labelled (the others "
            f"hold nothing but -1), which is fewer than {self!r} needs: label more, "
            "with several values of each factor."
        )

    def __repr__(self):
        name = self.metric if isinstance(self.metric, str) else self.metric.__name__
        options = "".join(f", {key}={value!r}" for key, value in self.kwargs.items())
        return f"make_disentanglement_scorer({name!r}{options})"


def _warn_of_ordered_folds(Y):
    """Warn if rows are a stretch of an ordered grid that lacks values of factors."""
    columns = _find_cut_factors(Y)
    if len(columns):
        named = ", ".join(str(column) for column in columns)
        warn(
            "The rows to be scored look like an unshuffled fold of an ordered grid: "
            "almost every row is the combination of factors that follows the one "
            f"before, and the factors in columns {named} of Y show a part of their "
            "values only. Shuffle the folds, for example with cv=KFold(5, "
            "shuffle=True, random_state=0)."
        )


def _find_cut_factors(Y):
    """List the columns whose values a stretch of an ordered grid shows in part only.

    Rows are held to be a stretch of a grid if, read as digits of a number with the
    slowest factor first, they never fall and almost always rise by one or stay. That
    alone is no harm: it is also true of a whole grid. But a stretch that starts after
    the first combination or ends before the last lacks values of the factors that
    never start over; and one that is a whole grid by itself lacks values of a factor
    that is constant or whose classes start above 1.
    """
    if len(Y) < MIN_ROWS or (np.floor(Y) != Y).any():
        return []
    digits = Y - Y.min(axis=0)
    sizes = digits.max(axis=0) + 1
    slowest_first = np.argsort(
        (np.diff(digits, axis=0) != 0).sum(axis=0), kind="stable"
    )
    place = _place_in_grid(digits[:, slowest_first], sizes[slowest_first])
    if not _is_stretch(place):
        return []
    margin = max(1, MARGIN * sizes.prod(dtype=float))
    whole = place[0] <= margin and place[-1] >= sizes.prod(dtype=float) - 1 - margin
    if whole:
        return np.flatnonzero((sizes == 1) | (Y.min(axis=0) > 1))
    return np.flatnonzero((np.diff(digits, axis=0) >= 0).all(axis=0))


def _place_in_grid(digits, sizes):
    # Floats hold grids beyond 2^63 combinations, if not every single step in them.
    strides = np.append(np.cumprod(sizes[:0:-1], dtype=float)[::-1], 1)
    return digits @ strides


def _is_stretch(place):
    steps = np.diff(place)
    return steps.min() >= 0 and np.mean(steps <= 1) >= CONSECUTIVE


def _part_of(function, part):
    @wraps(function)
    def score(Z, Y, **kwargs):
        return function(Z, Y, **kwargs)[part]

    return score


def _negative(function):
    @wraps(function)
    def score(Z, Y, **kwargs):
        return -function(Z, Y, **kwargs)

    return score


SCORES = {
    **{name: METRICS[name] for name in METRICS.keys() - LOWER_IS_BETTER - PARTS.keys()},
    **{f"neg_{name}": _negative(METRICS[name]) for name in LOWER_IS_BETTER},
    **{
        f"{name}_{part}": _part_of(METRICS[name], part)
        for name, parts in PARTS.items()
        for part in parts
    },
}
