"""The linear classifier of the beta-VAE paper."""

import numpy as np
from scipy.special import softmax

LEARNING_RATE = 1e-2
EPSILON = 1e-10  # keeps the first step finite where a gradient is exactly 0


def _fit_softmax(X, y, n_classes, max_iter):
    """Fit a linear softmax classifier by full-batch Adagrad, from zero weights.

    Not to be replaced by a better optimizer: the scores depend on how far Adagrad
    gets along directions in which the unscaled features are small.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The features.

    y : ndarray of int, shape (n_samples,)
        Classes from 0 to ``n_classes - 1``.

    n_classes : int
        Number of classes.

    max_iter : int
        Number of steps.

    Returns
    -------
    ndarray of shape (n_features + 1, n_classes)
        The weights; the last row is the intercept.
    """
    X = _with_ones(X)
    targets = np.eye(n_classes)[y]
    weights = np.zeros((X.shape[1], n_classes))
    squares = np.zeros_like(weights)
    for _ in range(max_iter):
        gradient = X.T @ (softmax(X @ weights, axis=1) - targets) / len(X)
        squares += gradient**2
        weights -= LEARNING_RATE * gradient / (np.sqrt(squares) + EPSILON)
    return weights


def _predict_softmax(X, weights):
    """Predict the most probable class of each row."""
    return np.argmax(_with_ones(X) @ weights, axis=1)


def _with_ones(X):
    return np.hstack([X, np.ones((len(X), 1))])
