"""The linear classifier of the beta-VAE paper."""

import numpy as np
from scipy.special import softmax

LEARNING_RATE = 1e-2
EPSILON = 1e-10  # keeps the first step finite where a gradient is exactly 0


def _fit_softmax(X, y, weights, max_iter):
    """Fit a linear softmax classifier by full-batch Adagrad.

    Not to be replaced by a better optimizer: the scores depend on how far Adagrad
    gets along directions in which the unscaled features are small.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The features.

    y : ndarray of int, shape (n_samples,)
        Classes from 0 to ``n_classes - 1``.

    weights : ndarray of shape (n_features + 1, n_classes)
        Where to start; the last row is the intercept.

    max_iter : int
        Number of steps.

    Returns
    -------
    ndarray of shape (n_features + 1, n_classes)
        The fitted weights.
    """
    X = _with_ones(X)
    targets = np.eye(weights.shape[1])[y]
    weights, squares = weights.copy(), np.zeros_like(weights)
    for _ in range(max_iter):
        gradient = X.T @ (softmax(X @ weights, axis=1) - targets) / len(X)
        squares += gradient**2
        weights -= LEARNING_RATE * gradient / (np.sqrt(squares) + EPSILON)
    return weights


def _zero_weights(n_features, n_classes, rng):
    return np.zeros((n_features + 1, n_classes))


def _random_weights(n_features, n_classes, rng):
    """Draw weights as deep learning libraries do for a linear layer."""
    bound = n_features**-0.5
    return rng.uniform(-bound, bound, size=(n_features + 1, n_classes))


INITIAL_WEIGHTS = {"zero": _zero_weights, "random": _random_weights}


def _predict_softmax(X, weights):
    """Predict the most probable class of each row."""
    return np.argmax(_with_ones(X) @ weights, axis=1)


def _with_ones(X):
    return np.hstack([X, np.ones((len(X), 1))])
