"""Which rows belong together, so that one factor varies among them."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_consistent_length

from sk_bvae.utils._labels import UNLABELLED, is_labelled


def group_by_factors(Y: ArrayLike) -> np.ndarray:
    """Number the groups of rows among which one factor varies.

    Parameters
    ----------
    Y : array-like of shape (n_samples, n_factors) or (n_samples,)
        The value of each factor, numbers of any kind. A row of -1 alone is one whose
        factors are not known.

    Returns
    -------
    groups : ndarray of shape (n_samples, n_factors + 1), dtype int32
        In column j, rows have the same number if they agree in every column of Y but
        j, and -1 if there is no row that differs from them in that one alone. In the
        last column those that agree in all of Y have the same number, so that there
        everything else varies; a row whose factors are not known is alone there.

    Raises
    ------
    ValueError
        If no two rows differ in one factor alone, for some factor.

    See Also
    --------
    BaseGroupedVAE : Whose batches are of such groups.

    Examples
    --------
    >>> from sk_bvae.estimators import group_by_factors
    >>> group_by_factors([[0, 0], [1, 0], [0, 1], [0, 0], [-1, -1]])
    array([[ 0,  0,  0],
           [ 0, -1, -1],
           [-1,  0, -1],
           [ 0,  0,  0],
           [-1, -1,  1]], dtype=int32)
    """
    Y = check_array(
        Y, dtype="numeric", ensure_2d=False, ensure_min_samples=2, input_name="y"
    )
    Y = Y.reshape(len(Y), -1)
    labelled = is_labelled(Y)
    known = [_number(column) for column in Y[labelled].T]
    groups = np.full((len(Y), Y.shape[1] + 1), UNLABELLED, dtype=np.int32)
    for column, values in enumerate(known):
        others = _number_rows(known[:column] + known[column + 1 :], len(values))
        groups[labelled, column] = _keep_varied(others, values)
    check_groups(groups[:, :-1], "y", "agree in all columns but that one")
    n_known = labelled.sum()
    whole = _number_rows(known, n_known)
    groups[labelled, -1] = _keep_varied(whole, np.arange(n_known))
    groups[~labelled, -1] = groups[:, -1].max() + 1 + np.arange(np.sum(~labelled))
    return groups


def group_as_given(groups, n_samples):
    """Number groups that a user gave, each row alone in the last column.

    Parameters
    ----------
    groups : array-like of shape (n_samples,) or (n_samples, n_factors)
        Labels of groups; -1 for a row that is in none.

    n_samples : int
        How many rows there are.

    Returns
    -------
    groups : ndarray of shape (n_samples, n_factors + 1), dtype int32
        Numbers, as `group_by_factors` gives them.
    """
    groups = check_array(groups, dtype=None, ensure_2d=False, input_name="groups")
    check_consistent_length(groups, np.empty(n_samples))
    groups = groups.reshape(n_samples, -1)
    numbers = np.full((n_samples, groups.shape[1] + 1), UNLABELLED, dtype=np.int32)
    for column, labels in enumerate(groups.T):
        there = labels != UNLABELLED
        own = _number(labels[there])
        numbers[there, column] = _keep_varied(own, np.arange(len(own)))
    check_groups(numbers[:, :-1], "groups", "have the same label")
    numbers[:, -1] = np.arange(n_samples)
    return numbers


def check_groups(groups, name, condition):
    """Refuse data in which there is nothing to see some factor vary in."""
    (lacking,) = np.nonzero((groups == UNLABELLED).all(axis=0))
    if len(lacking):
        raise ValueError(
            f"No batch can be made in which the factor of column {lacking[0]} of "
            f"{name} varies alone: of the {len(groups)} samples, no two {condition}. "
            "Pass more rows (for example a whole grid of factors), or drop the column."
        )


def _number(values):
    """Number the distinct values."""
    return np.unique(values, return_inverse=True)[1]


def _number_rows(columns, n_rows):
    """Number the distinct rows of columns of numbers, many times as fast as NumPy."""
    numbers = np.zeros(n_rows, dtype=np.int64)
    for column in columns:  # both are below the number of rows: no product overflows
        numbers = _number(numbers * (column.max(initial=0) + 1) + column)
    return numbers


def _keep_varied(groups, values):
    """Renumber the groups whose values are not all the same; -1 in place of others."""
    if not len(groups):
        return groups
    _, first, groups = np.unique(groups, return_index=True, return_inverse=True)
    varied = np.zeros(len(first), dtype=bool)
    varied[groups[values != values[first[groups]]]] = True
    return np.where(varied, np.cumsum(varied) - 1, UNLABELLED)[groups]
