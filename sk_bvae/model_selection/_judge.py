"""What is measured of fitted replicas."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection import train_test_split

from sk_bvae.metrics import (
    make_disentanglement_scorer,
    unsupervised_disentanglement_ranking,
)

# Rows on which UDR, rate and distortion are estimated; data with more is sampled.
JUDGED_ROWS = 10_000


class Judge:
    """Measures replicas that were trained on its ``train`` rows.

    Parameters
    ----------
    scoring : "udr", "elbo" or callable
        What to rank by, as `resolve_scoring` gives it.

    X : ndarray of shape (n_samples, n_features)
        The data.

    y : array-like or None
        The factors.

    validation_fraction : float
        The share to hold out, for "elbo".

    seed : int
        Draws which rows to hold out, and which to judge by where there are many.
    """

    def __init__(self, scoring, X, y, validation_fraction, seed):
        self.scoring = scoring
        self.train, self.held_out, self.y = X, None, y
        if self.scoring == "elbo":
            self.train, self.held_out = train_test_split(
                X, test_size=validation_fraction, random_state=seed
            )
        self.rows = _sample_rows(self.train, seed)

    def measure(self, replicas, error_score):
        """Measure every replica that did not fail.

        Parameters
        ----------
        replicas : ndarray of shape (n_candidates, n_replicas)
            A `Replica` in each place.

        error_score : float
            The score of those that failed.

        Returns
        -------
        measured : dict of ndarray of shape (n_candidates, n_replicas)
            "score", "reconstruction", "kl" and "n_active_components".
        """
        names = ("score", "kl", "reconstruction", "n_active_components")
        measured = {name: np.full(replicas.shape, np.nan) for name in names}
        for row, candidate in enumerate(replicas):
            failed = np.array([one.fit_error is not None for one in candidate])
            fitted = np.flatnonzero(~failed)
            estimators = [candidate[place].estimator for place in fitted]
            if failed.any():
                measured["score"][row, failed] = error_score
            if estimators:
                measured["score"][row, fitted] = self.score(estimators)
            for place, estimator in zip(fitted, estimators, strict=True):
                kl, reconstruction = estimator._rate_and_distortion(self.rows)
                measured["kl"][row, place] = kl
                measured["reconstruction"][row, place] = reconstruction
                active = estimator.n_active_components_
                measured["n_active_components"][row, place] = active
        return measured

    def score(self, estimators):
        """Score the replicas of one candidate."""
        if self.scoring == "udr":
            return udr(estimators, self.rows)
        if self.scoring == "elbo":
            return [elbo(estimator, self.held_out) for estimator in estimators]
        return [self.scoring(estimator, self.train, self.y) for estimator in estimators]


def _sample_rows(X, seed):
    """Take all rows, or a sample where there are many."""
    if len(X) <= JUDGED_ROWS:
        return X
    chosen = np.random.RandomState(seed).choice(len(X), JUDGED_ROWS, replace=False)
    return X[np.sort(chosen)]


def resolve_scoring(scoring):
    """Turn the name of a disentanglement metric into its scorer."""
    named = isinstance(scoring, str) and scoring not in {"udr", "elbo"}
    return make_disentanglement_scorer(scoring) if named else scoring


def elbo(estimator, X):
    """Estimate the mean evidence lower bound, in nats per row."""
    return float(estimator.score_samples(X, n_draws=1).mean(dtype=np.float64))


def udr(estimators, X):
    """Rank replicas of one candidate against each other, without labels.

    Parameters
    ----------
    estimators : list of BaseModel
        The fitted replicas.

    X : ndarray of shape (n_samples, n_features)
        The rows that they encode.

    Returns
    -------
    scores : ndarray of shape (n_replicas,)
        Their UDR, or NaN where there is nobody to compare with.
    """
    if len(estimators) < 2:
        warnings.warn(
            "UDR compares replicas of a candidate with each other, and fewer than two "
            "were fitted: their scores are NaN.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
        return np.full(len(estimators), np.nan)
    codes = [estimator.transform(X) for estimator in estimators]
    kl = [estimator.kl_ for estimator in estimators]
    return unsupervised_disentanglement_ranking(codes, kl=kl)
