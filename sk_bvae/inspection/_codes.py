"""What the codes of a fitted transformer are measured in, and which come first."""

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

PRIOR_UNITS = "prior units"
STANDARD_DEVIATIONS = "standard deviations"

# By what orders the latents: the unit in which -3 to 3 is the whole prior, or nearly,
# of a VAE's normal latents and of the codes of InfoGAN, uniform on (-1, 1).
UNITS_OF_PRIORS = {"kl_": 1.0, "information_": 1 / 3}

# Variances that agree to so many digits are one and the same: FastICA's, all of them
# 1, are not to be shuffled by rounding.
VARIANCE_DIGITS = 4

# A Pipeline's steps that do nothing.
IDLE_STEPS = (None, "passthrough")


@dataclass(frozen=True)
class Codes:
    """The middle and the spread of each code, and how to speak of it.

    Attributes
    ----------
    center : ndarray of shape (n_codes,)
        The middle of each code.

    scale : ndarray of shape (n_codes,)
        What one step of a traversal is.

    unit : str
        What a step is called.

    order : ndarray of shape (n_codes,)
        The codes' columns, the most important first.

    names : list of str
        A name for each column, with what is known of its importance.
    """

    center: np.ndarray
    scale: np.ndarray
    unit: str
    order: np.ndarray
    names: list


def describe_codes(transformer, X=None, Z=None):
    """Find out what the codes of a fitted transformer are measured in.

    Parameters
    ----------
    transformer : estimator
        A fitted transformer.

    X : array-like of shape (n_samples, n_features), default=None
        Data, needed where neither a prior nor an explained variance is known.

    Z : ndarray of shape (n_samples, n_codes), default=None
        Their codes, where they have been computed already.

    Returns
    -------
    codes : Codes
        Their description.
    """
    model = find_model(transformer)
    for name, unit in UNITS_OF_PRIORS.items():
        if hasattr(model, name):
            nats = getattr(model, name)
            notes = [f"{value:.2f} nats" for value in nats]
            return _in_their_order(np.full(len(nats), unit), PRIOR_UNITS, notes)
    if isinstance(model, (PCA, IncrementalPCA)):
        variances = model.explained_variance_
        scale = np.ones(len(variances)) if model.whiten else np.sqrt(variances)
        notes = [f"{100 * share:.2g}%" for share in model.explained_variance_ratio_]
        return _in_their_order(scale, STANDARD_DEVIATIONS, notes)
    if Z is not None:
        return _measure(Z)
    if X is None:
        raise ValueError(
            f"How far the codes of {type(model).__name__} spread is known from data "
            "only: pass X."
        )
    return _measure(np.asarray(transformer.transform(X)))


def find_model(transformer):
    """Find what makes the codes: a search's best estimator, a Pipeline's last step."""
    if hasattr(transformer, "best_estimator_"):
        return find_model(transformer.best_estimator_)
    if isinstance(transformer, Pipeline):
        active = [step for _, step in transformer.steps if step not in IDLE_STEPS]
        return find_model(active[-1]) if active else transformer
    return transformer


def check_decoder(transformer):
    """Refuse a transformer that cannot decode, or is not fitted."""
    if not hasattr(transformer, "inverse_transform"):
        raise TypeError(
            f"{type(transformer).__name__} has no inverse_transform, so its codes "
            f"cannot be turned into data.{_advise(transformer)}"
        )
    check_is_fitted(transformer)


def _advise(transformer):
    """Say what to pass in place of a Pipeline whose last step alone can decode."""
    if not isinstance(transformer, Pipeline):
        return ""
    *steps, last = [step for _, step in transformer.steps if step not in IDLE_STEPS]
    lacking = [step for step in steps if not hasattr(step, "inverse_transform")]
    if not lacking or not hasattr(last, "inverse_transform"):
        return ""
    return (
        f" Its step {type(lacking[0]).__name__} has none. Pass the last step and what "
        "it was fitted on: pipeline[-1] and pipeline[:-1].transform(X)."
    )


def decode(transformer, Z):
    """Turn codes of any leading shape into rows of data."""
    rows = np.asarray(transformer.inverse_transform(Z.reshape(-1, Z.shape[-1])))
    return rows.reshape(*Z.shape[:-1], -1)


def choose_latents(latents, codes):
    """List the columns to show.

    Parameters
    ----------
    latents : int, array-like of int or None
        How many of the most important codes, or which columns, or all.

    codes : Codes
        What there is to choose from.

    Returns
    -------
    columns : ndarray of int
        The columns, in the order to show them.
    """
    n_codes = len(codes.order)
    if latents is None:
        return codes.order
    if isinstance(latents, Integral):
        if not 1 <= latents <= n_codes:
            raise ValueError(f"latents={latents}, but there are {n_codes} latents.")
        return codes.order[:latents]
    columns = np.asarray(latents)
    if columns.ndim != 1 or columns.dtype.kind not in "iu" or not columns.size:
        raise ValueError(f"latents must list columns of the codes; got {latents!r}.")
    if columns.min() < 0 or columns.max() >= n_codes:
        raise ValueError(
            f"latents={columns.tolist()}, but the codes have the columns 0 to "
            f"{n_codes - 1}."
        )
    return columns


def _in_their_order(scale, unit, notes):
    names = [f"z{column}  {note}" for column, note in enumerate(notes)]
    return Codes(np.zeros(len(scale)), scale, unit, np.arange(len(scale)), names)


def _measure(Z):
    std = Z.std(axis=0)
    largest = std.max() or 1.0
    variances = ((std / largest) ** 2).round(VARIANCE_DIGITS)
    return Codes(
        center=Z.mean(axis=0),
        scale=std,
        unit=STANDARD_DEVIATIONS,
        order=np.argsort(-variances, kind="stable"),
        names=[f"z{column}" for column in range(len(std))],
    )
