"""Likelihoods by columns: from what a user writes to what a net is built of."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any, Literal, TypeAlias

import numpy as np

from sk_bvae.nn import Bernoulli, Categorical, Gaussian, Likelihood, Mixed, Poisson
from sk_bvae.nn._mixed import check_each_once, list_some, parts_of
from sk_bvae.utils._sklearn import column_positions

Kind: TypeAlias = Literal["bernoulli", "categorical", "gaussian", "poisson"]
Entries: TypeAlias = Sequence[tuple[Any, Any]] | Mapping[Any, Any]
KINDS = {
    "bernoulli": Bernoulli,
    "categorical": Categorical,
    "gaussian": Gaussian,
    "poisson": Poisson,
}

# How far the shares of one-hot columns may be from adding up to 1.
SHARE_TOLERANCE = 1e-6


def place(likelihood, X):
    """Replace the columns that a likelihood lists by their positions.

    Parameters
    ----------
    likelihood : str, Likelihood, list or mapping
        The parameter.

    X : array-like of shape (n_samples, n_features)
        Data, as the user passed it.

    Returns
    -------
    likelihood : str, Likelihood or list
        A list has pairs of a kind, or a `Likelihood`, and positions; any other
        likelihood is as it was.
    """
    if not isinstance(likelihood, list | Mapping):
        return likelihood
    if hasattr(X, "columns"):
        names = list(X.columns)
    else:
        names = range(np.shape(X)[1])
        X = np.empty((0, len(names)))
    placed = [
        (kind, _positions(columns, X, name))
        for name, kind, columns in _entries(likelihood)
    ]
    check_each_once([positions for _, positions in placed], names)
    return [(kind, positions) for kind, positions in placed if positions]


def _entries(likelihood):
    """Yield what to call each entry, its kind and what chooses its columns."""
    if isinstance(likelihood, Mapping):
        for columns, kind in likelihood.items():
            name = f"likelihood[{columns!r}]"
            _check_kind(kind, name)
            yield name, kind, list(columns) if isinstance(columns, tuple) else columns
        return
    for number, entry in enumerate(likelihood):
        name = f"likelihood[{number}]"
        if not isinstance(entry, tuple | list) or len(entry) != 2:
            raise ValueError(f"{name}={entry!r} must be a pair (likelihood, columns).")
        _check_kind(entry[0], name)
        yield name, *entry


def _check_kind(kind, name):
    known = isinstance(kind, str) and kind in KINDS
    if not known and not isinstance(kind, Likelihood):
        raise ValueError(
            f"{name} is of the kind {kind!r}, which is neither a Likelihood nor one of "
            f"{list_some(sorted(KINDS))}."
        )


def _positions(columns, X, name):
    by_name = _are_names(columns)
    if (by_name or callable(columns)) and not hasattr(X, "columns"):
        raise ValueError(
            f"{name} chooses columns by name, but X has none: pass a DataFrame (in a "
            'Pipeline, set_output(transform="pandas") on the step before), or choose '
            "by position."
        )
    if isinstance(columns, slice) and not by_name:
        return list(range(X.shape[1])[columns])
    try:
        return column_positions(X, columns(X) if callable(columns) else columns)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _are_names(columns):
    if isinstance(columns, slice):
        columns = columns.start, columns.stop
    return any(isinstance(column, str) for column in np.atleast_1d(columns))


def build_likelihood(likelihood, noise_variance):
    """Turn the parameters of that name into a likelihood of the net's own."""
    if isinstance(likelihood, str) and likelihood == "gaussian":
        return Gaussian(noise_variance)
    if noise_variance is not None:
        raise ValueError(
            f"noise_variance={noise_variance} is for likelihood='gaussian' only, "
            f"got likelihood={likelihood!r}. For some columns, or a likelihood of your "
            f"own, pass sk_bvae.nn.Gaussian({noise_variance}) there."
        )
    if isinstance(likelihood, list):
        return _build_mixed(likelihood)
    if isinstance(likelihood, Likelihood):
        return deepcopy(likelihood)
    return KINDS[likelihood]()


def _build_mixed(placed):
    """Build one likelihood for all columns of a kind, but for Gaussians.

    Each of those has a scale and a noise variance; of the others, one computes what
    fifty would.
    """
    parts, together = [], {}
    for kind, positions in placed:
        if kind == "gaussian" or isinstance(kind, Likelihood):
            parts.append((build_likelihood(kind, None), positions))
        else:
            together.setdefault(kind, []).append(positions)
    for kind, groups in together.items():
        sizes = [[len(group) for group in groups]] if kind == "categorical" else []
        parts.append((KINDS[kind](*sizes), list(chain.from_iterable(groups))))
    return Mixed(parts)


def may_shift(likelihood, n_features):
    """Say of each column whether its likelihood is as good for data that is shifted."""
    shifts = np.zeros(n_features, dtype=bool)
    for part, columns in parts_of(likelihood, n_features):
        shifts[columns] = part.location_scale
    return shifts


def check_support(likelihood, rows, names):
    """Refuse rows that the likelihood cannot produce; read them only if need be."""
    for part, columns in parts_of(likelihood, rows.array.shape[1]):
        if part.support == Likelihood.support:
            continue
        low, high = rows.range
        if part is likelihood:
            ends = np.fmin.reduce(low), np.fmax.reduce(high)
            part.check_range(*map(float, ends))
            continue
        for column in columns:
            try:
                part.check_range(float(low[column]), float(high[column]))
            except ValueError as error:
                raise ValueError(f"Column {names[column]!r}: {error}") from error


def check_columns(mean, names):
    """Refuse columns that have no mean, as nothing in them is observed."""
    empty = [name for name, unknown in zip(names, mean.isnan(), strict=True) if unknown]
    if empty:
        raise ValueError(
            f"Nothing is observed in the columns {list_some(empty)}: drop them before "
            "the fit."
        )


def check_one_hot(likelihood, rows, names):
    """Refuse columns of a category that leave out one of its values."""
    for part, columns in parts_of(likelihood, rows.array.shape[1]):
        if isinstance(part, Categorical):
            mean, _ = rows.moments
            for group in np.split(np.array(columns), np.cumsum(part.sizes)[:-1]):
                if abs(mean[group].sum() - 1) > SHARE_TOLERANCE:
                    raise ValueError(
                        f"The columns {list_some([names[c] for c in group])} are no "
                        "one-hot code: in each row one of them must be 1 and the "
                        f"others 0, but their means add up to {mean[group].sum():.3g}. "
                        "Encode categories by OneHotEncoder(drop=None); a single "
                        "yes-no column is 'bernoulli'."
                    )


def check_by_feature(likelihood, n_features):
    """Refuse a likelihood that says no more than the sum over the features."""
    for part, _ in parts_of(likelihood, n_features):
        if type(part).nll_by_feature is Likelihood.nll_by_feature:
            raise TypeError(
                f"{type(part).__name__} gives the negative log density of whole rows "
                "only: write nll_by_feature(output, x), of which nll is then the sum."
            )
