"""How far each column moves with each code of a fitted transformer."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sk_bvae.inspection._codes import IDLE_STEPS, describe_codes, find_model
from sk_bvae.inspection._decoded import find_feature_names
from sk_bvae.utils._sklearn import Interval

# How many columns a display may be asked to show.
N_COLUMNS = {"n_columns": [Interval(Integral, 1, None, closed="left")]}


@dataclass(frozen=True)
class Loadings:
    """What each column gains as a code grows by one standard deviation.

    Attributes
    ----------
    values : ndarray of shape (n_codes, n_features)
        In the units of what the model was fitted to.

    codes : Codes
        What the codes are called, and which come first.

    feature_names : list of str
        What the columns are called where the model sees them.
    """

    values: np.ndarray
    codes: object
    feature_names: list


def find_loadings(transformer, X=None, feature_names=None):
    """Find the loadings of a fitted transformer.

    Parameters
    ----------
    transformer : estimator
        A fitted transformer whose model has ``components_``.

    X : array-like of shape (n_samples, n_features), default=None
        Data, needed where nothing else says how far the codes spread.

    feature_names : sequence of str, default=None
        What the user calls the columns.

    Returns
    -------
    loadings : Loadings
        In the codes' own order.
    """
    check_is_fitted(transformer)
    model = find_model(transformer)
    if not hasattr(model, "components_"):
        raise TypeError(
            f"{type(model).__name__} has no components_ that say how its codes move "
            "the columns."
        )
    codes = describe_codes(transformer, X)
    values = _scale(model, codes)
    if feature_names is None:
        feature_names = _names_of_inputs(transformer)
    names = find_feature_names(feature_names, values.shape[1])
    return Loadings(values, codes, names)


def longest_first(loadings, n_columns):
    """List the columns of the largest loadings, those of a single code or of several.

    Parameters
    ----------
    loadings : ndarray of shape (n_codes, n_features)
        The loadings.

    n_columns : int
        How many columns to list.

    Returns
    -------
    columns : ndarray of int
        The columns, the longest first.
    """
    lengths = np.linalg.norm(loadings, axis=0)
    return np.argsort(-lengths, kind="stable")[:n_columns]


def _scale(model, codes):
    """Bring what a model's components mean to one standard deviation of its codes."""
    if hasattr(model, "kl_"):
        return model.components_
    if isinstance(model, (PCA, IncrementalPCA)):  # with whitened codes or without
        return np.sqrt(model.explained_variance_)[:, None] * model.components_
    # the components of FastICA make codes of columns; what makes columns is beside them
    slopes = model.mixing_.T if hasattr(model, "mixing_") else model.components_
    return codes.scale[:, None] * slopes


def _names_of_inputs(transformer):
    """Name the columns as the model sees them, behind a Pipeline's other steps."""
    if hasattr(transformer, "best_estimator_"):
        return _names_of_inputs(transformer.best_estimator_)
    own = getattr(find_model(transformer), "feature_names_in_", None)
    if own is not None or not isinstance(transformer, Pipeline):
        return own
    active = [
        place
        for place, (_, step) in enumerate(transformer.steps)
        if step not in IDLE_STEPS
    ]
    before = [transformer[place] for place in active[:-1]]
    if not before or not all(hasattr(one, "get_feature_names_out") for one in before):
        return getattr(transformer, "feature_names_in_", None)
    return transformer[: active[-1]].get_feature_names_out()
