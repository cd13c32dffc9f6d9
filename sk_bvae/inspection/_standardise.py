"""One scale for all columns of a table."""

import numpy as np


def mean_and_std(X):
    """Measure the columns of a table."""
    X = np.asarray(X, dtype=float)
    return X.mean(axis=0), X.std(axis=0)


def standardise(rows, like, mean=None, std=None):
    """Express rows in standard deviations from the mean.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The rows.

    like : ndarray of shape (n_samples, n_features)
        What to measure where no mean or no deviation is given.

    mean : ndarray of shape (n_features,), default=None
        The mean.

    std : ndarray of shape (n_features,), default=None
        The standard deviations.

    Returns
    -------
    standardised : ndarray of shape (n_rows, n_features)
        The rows; constant columns give 0.
    """
    own_mean, own_std = mean_and_std(like)
    mean = own_mean if mean is None else mean
    return in_units(rows - mean, own_std if std is None else std)


def in_units(distances, units):
    """Divide each column by its unit; where that is 0 there is no distance to tell."""
    return np.divide(distances, units, where=units > 0, out=np.zeros_like(distances))
