"""One scale for all columns of a table."""

import numpy as np


def mean_and_std(X):
    """Measure the columns of a table."""
    X = np.asarray(X, dtype=float)
    return X.mean(axis=0), X.std(axis=0)


def standardise(rows, mean, std):
    """Express rows in standard deviations from the mean; constant columns give 0."""
    distances = rows - mean
    return np.divide(distances, std, where=std > 0, out=np.zeros_like(distances))
