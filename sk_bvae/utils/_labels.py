"""Rows without labels, in scikit-learn's sign."""

import numpy as np

UNLABELLED = -1


def is_labelled(Y):
    """Say of each row whether its factors are known: it is not -1 in every column.

    Parameters
    ----------
    Y : ndarray of shape (n_samples, n_factors)
        Factors.

    Returns
    -------
    labelled : ndarray of bool, shape (n_samples,)
        Whether they are.

    Raises
    ------
    ValueError
        If rows are marked, and classes of others are -1 in some columns only.
    """
    marked = Y == UNLABELLED
    labelled = ~marked.all(axis=1)
    partly = np.argwhere(marked & labelled[:, None])
    if len(partly) and not labelled.all() and (np.floor(Y) == Y).all():
        row, column = partly[0]
        raise ValueError(
            f"Row {row} of y holds -1 in column {column} and something else in others, "
            "while other rows hold nothing but -1, which marks them as unlabelled. "
            "Mark a row in every column or in none, and count classes from 0."
        )
    return labelled
