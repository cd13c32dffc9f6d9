"""Linear support vector classifiers on a single feature, all classes at once.

`LinearSVC` on one feature has two unknowns per class, the weight and the intercept,
and the rows that violate its margin are a half-line of the sorted feature. Sums over
a half-line are differences of cumulative sums, so a Newton step costs a binary search
instead of a pass over the rows.
"""

import numpy as np


def _fit_linear_svc(x, classes, n_classes, C):
    """Fit one-vs-rest classifiers with balanced class weights.

    The minimiser of scikit-learn's ``LinearSVC(C=C, class_weight="balanced")``: squared
    hinge loss, and a penalty on the weight and the intercept alike.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        The feature, in ascending order.

    classes : ndarray of int, shape (n_samples,)
        Classes 0 to ``n_classes - 1``, each of them present.

    n_classes : int
        Number of classes, at least 2.

    C : float
        Inverse strength of the penalty.

    Returns
    -------
    weights, intercepts : ndarray of shape (n_classes,)
        The class of a row is the one with the largest ``weight * x + intercept``.
    """
    balanced = C * len(x) / (n_classes * np.bincount(classes, minlength=n_classes))
    # Two classes are one problem, in which both sides carry their weight.
    against = balanced[::-1] if n_classes == 2 else np.full(n_classes, C)
    problem = _OneFeature(x, classes, n_classes, balanced, against)
    return _newton(problem, np.zeros((2, n_classes)))


def _predict_linear_svc(x, weights, intercepts):
    """Predict classes; the first of equals wins, as in scikit-learn."""
    decision = np.multiply.outer(x, weights)
    decision += intercepts
    return decision.argmax(axis=1)


def _newton(problem, params, max_iter=200):
    """Minimise each class's convex, piecewise quadratic objective."""
    value, gradient, hessian = problem.evaluate(params)
    for _ in range(max_iter):
        step = -_solve_2x2(hessian, gradient)
        slope = (step * gradient).sum(axis=0)
        if np.all(-slope <= 1e-14 * value):
            break
        size = np.ones_like(value)
        new = problem.evaluate(params + step)
        for _ in range(30):
            worse = new[0] > value + 1e-4 * size * slope + 1e-14 * value
            if not worse.any():
                break
            size = np.where(worse, size / 2, size)
            new = problem.evaluate(params + size * step)
        params = params + size * step
        value, gradient, hessian = new
    return params


def _solve_2x2(hessian, gradient):
    (a, b), (_, d) = hessian
    g, h = gradient
    return np.array([d * g - b * h, a * h - b * g]) / (a * d - b * b)


class _OneFeature:
    """Objectives of all one-vs-rest problems, from cumulative sums."""

    def __init__(self, x, classes, n_classes, weight_for, weight_against):
        self.x = x
        self.weight_for, self.weight_against = weight_for, weight_against
        powers = np.stack([np.ones_like(x), x, x**2])
        by_class = np.argsort(classes, kind="stable")
        self.sums = _cumulative(powers)
        self.sums_by_class = _cumulative(powers[:, by_class])
        # Sorted keys (class, rank) find how many rows of a class rank below another.
        self.first_key = np.arange(n_classes) * (len(x) + 1)
        self.keys = self.first_key[classes[by_class]] + by_class

    def evaluate(self, params):
        """Values (n_classes,), gradients (2, n_classes) and Hessians (2, 2, ...)."""
        weights, intercepts = params
        own = self._sums_of_class(*self._violators(weights, intercepts))
        span = self._violators(-weights, -intercepts)
        rest = (
            self.sums[:, span[1]] - self.sums[:, span[0]] - self._sums_of_class(*span)
        )
        positive = _squared_hinge(own, weights, intercepts, 1)
        negative = _squared_hinge(rest, weights, intercepts, -1)
        penalty = (params**2).sum(axis=0) / 2, params, np.eye(2)[:, :, None]
        return tuple(
            of_penalty + self.weight_for * up + self.weight_against * down
            for of_penalty, up, down in zip(penalty, positive, negative, strict=True)
        )

    def _violators(self, weights, intercepts):
        """Ranks [low, high) of the rows with weight * x + intercept < 1."""
        slack = 1 - intercepts
        flat = weights == 0
        edge = np.where(
            flat, np.copysign(np.inf, slack), slack / np.where(flat, 1, weights)
        )
        rising = weights >= 0
        low = np.where(rising, 0, np.searchsorted(self.x, edge, side="right"))
        high = np.where(rising, np.searchsorted(self.x, edge, side="left"), len(self.x))
        return low, high

    def _sums_of_class(self, low, high):
        """Sums of 1, x and x^2 over each class's own rows among the ranks."""
        low = np.searchsorted(self.keys, self.first_key + low)
        high = np.searchsorted(self.keys, self.first_key + high)
        return self.sums_by_class[:, high] - self.sums_by_class[:, low]


def _cumulative(powers):
    return np.pad(np.cumsum(powers, axis=1), ((0, 0), (1, 0)))


def _squared_hinge(sums, weights, intercepts, sign):
    """Value, gradient and Hessian of sum (1 - sign (w x + b))^2 over rows."""
    n, x, xx = sums
    slack = 1 - sign * intercepts
    pull = sign * weights
    value = slack**2 * n - 2 * slack * pull * x + pull**2 * xx
    gradient = -2 * sign * np.array([slack * x - pull * xx, slack * n - pull * x])
    return value, gradient, 2 * np.array([[xx, x], [x, n]])
