"""How fitted replicas are judged."""

import inspect
import warnings
from numbers import Number

import numpy as np
import torch
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_consistent_length

from sk_bvae.estimators import BaseVAE
from sk_bvae.metrics import (
    make_disentanglement_scorer,
    unsupervised_disentanglement_ranking,
)
from sk_bvae.metrics._scorer import SCORES, _DisentanglementScorer
from sk_bvae.metrics._validation import _check_continuous_factors, _check_factors
from sk_bvae.model_selection._fit import kept_apart
from sk_bvae.training.rows import Rows
from sk_bvae.utils._warnings import warn

# Rows on which UDR, rate and distortion are estimated; data with more is sampled.
JUDGED_ROWS = 10_000

# What needs no labels.
WITHOUT_LABELS = ("udr", "elbo")

# Metrics that take factors of any values, or look at none.
ANY_FACTORS = {"irs", "n_active_components"} | {
    name for name in SCORES if name.startswith("neg_gaussian")
}


class Judge:
    """Judges replicas that were trained on its ``train`` rows.

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

    sample_weight : ndarray of shape (n_samples,), default=None
        How much each row counts.
    """

    def __init__(self, scoring, X, y, validation_fraction, seed, sample_weight=None):
        self.scoring, self.X, self.y = scoring, X, y
        self.sample_weight = sample_weight
        rows = Rows(X, torch.device("cpu"))
        if sample_weight is not None:
            rows = rows.weigh(sample_weight)
        self.train = None
        if scoring == "elbo":
            train, held_out = _split(len(rows), validation_fraction, seed)
            self.held_out, rows = rows.restrict(held_out), rows.restrict(train)
            self.train = rows.positions
        self.rows = _sample_rows(rows, seed)

    def judge(self, replicas, error_score):
        """Judge the replicas of a candidate, and write it into their ``values``.

        Parameters
        ----------
        replicas : list of Replica
            The replicas, fitted or failed.

        error_score : float or "raise"
            The score of those that failed, or that cannot be scored. "raise" raises.
        """
        raises = error_score == "raise"
        for replica in replicas:
            replica.values["score"] = np.nan if raises else error_score
        fitted = [replica for replica in replicas if replica.fitted]
        for replica in fitted:
            replica.collapse = collapse_of(replica.estimator)
            with kept_apart(replica, raises=raises, name="score_error"):
                replica.values |= describe(replica.estimator, self.rows)
        if self.scoring == "udr" and fitted:
            with kept_apart(*fitted, raises=raises, name="score_error"):
                scores = udr([replica.estimator for replica in fitted], self.rows)
                for replica, score in zip(fitted, scores, strict=True):
                    replica.values["score"] = score
        elif self.scoring != "udr":
            for replica in fitted:
                with kept_apart(replica, raises=raises, name="score_error"):
                    replica.values["score"] = self.score(replica.estimator)

    def score(self, estimator):
        """Score a replica by itself."""
        if self.scoring == "elbo":
            return elbo(estimator, self.held_out)
        score = self.scoring(estimator, self.X, self.y)
        if np.ndim(score) == 0 and hasattr(score, "item"):
            score = score.item()
        if not isinstance(score, Number):
            raise ValueError(
                f"scoring must return a number, got {score!r} ({type(score)}) instead."
            )
        return score


def _split(n_samples, validation_fraction, seed):
    """Hold out rows at random; return the positions of both parts in order."""
    parts = train_test_split(
        np.arange(n_samples), test_size=validation_fraction, random_state=seed
    )
    return [torch.from_numpy(np.sort(part)) for part in parts]


def _sample_rows(rows, seed):
    """Take all rows, or a sample where there are many."""
    if len(rows) <= JUDGED_ROWS:
        return rows
    rng = np.random.RandomState(seed)
    chosen = rng.choice(len(rows), JUDGED_ROWS, replace=False)
    return rows.restrict(torch.from_numpy(np.sort(chosen)))


# What can be checked before anything is trained


def resolve_scoring(scoring):
    """Turn the name of a disentanglement metric into its scorer; check a callable.

    Parameters
    ----------
    scoring : str or callable
        As the search takes it.

    Returns
    -------
    scoring : "udr", "elbo" or callable
        The scorer.
    """
    if callable(scoring):
        _check_call(scoring)
    elif scoring in SCORES:
        return make_disentanglement_scorer(scoring)
    elif scoring not in WITHOUT_LABELS:
        raise ValueError(
            f"Unknown scoring {scoring!r}: it may be a callable scorer(estimator, X, "
            f"y) or any of {[*WITHOUT_LABELS, *sorted(SCORES)]}."
        )
    return scoring


def _check_call(scoring):
    try:
        signature = inspect.signature(scoring)
    except ValueError:  # some built-in callables do not tell
        return
    try:
        signature.bind(None, None, None)
    except TypeError as error:
        raise TypeError(
            f"scoring must be callable as scorer(estimator, X, y), but {scoring!r} "
            f"takes {signature}: {error}."
        ) from error


def check_factors(scoring, name, X, y, trained_by=False):
    """Check that the factors are there and fit, where the scoring needs them.

    Parameters
    ----------
    scoring : "udr", "elbo" or callable
        As `resolve_scoring` gives it.

    name : str or callable
        As the search takes it.

    X : ndarray of shape (n_samples, n_features)
        The data.

    y : array-like or None
        The factors.

    trained_by : bool, default=False
        Whether the estimator looks at them.

    Raises
    ------
    ValueError
        If there are no factors, if they do not suit the metric, or if fewer rows are
        labelled than it needs.

    Warns
    -----
    UserWarning
        If there are factors and nobody looks at them.
    """
    if scoring in WITHOUT_LABELS and y is not None and not trained_by:
        warn(
            f"y is not used: scoring={name!r} needs no labels. To rank by known "
            'factors, name a metric, as in scoring="mig".'
        )
    elif isinstance(scoring, _DisentanglementScorer):
        if y is None:
            raise ValueError(
                f"scoring={name!r} compares latents with known factors: pass them as "
                "y, an integer matrix of shape (n_samples, n_factors)."
            )
        any_values = callable(scoring.metric) or scoring.metric in ANY_FACTORS
        any_values = any_values or scoring.kwargs.get("continuous_factors", False)
        check = _check_continuous_factors if any_values else _check_factors
        check_consistent_length(X, check(y))
        scoring.check_labels(y)
    elif y is not None:
        check_consistent_length(X, y)


# What is said of a replica


def describe(estimator, rows):
    """Count the latents that tell anything; measure what a VAE has beside them.

    Parameters
    ----------
    estimator : BaseModel
        The fitted replica.

    rows : Rows
        What it encodes.

    Returns
    -------
    values : dict of float
        "n_active_components", and of a VAE "kl" and "reconstruction".
    """
    values = {"n_active_components": estimator.n_active_components_}
    if not isinstance(estimator, BaseVAE):
        return values
    total = sum(
        estimator._rate_and_distortion(block, weight)
        * (len(block) if weight is None else weight.sum())
        for block, weight in _weighted_blocks(rows)
    )
    kl, reconstruction = total / len(rows)
    return {**values, "kl": kl, "reconstruction": reconstruction}


def collapse_of(estimator):
    """Return what an estimator warns of at the end of a fit by itself, if at all."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator._warn_of_collapse()
    return str(caught[0].message) if caught else None


def elbo(estimator, rows):
    """Estimate the mean evidence lower bound, in nats per row."""
    total = 0.0
    for block, weight in _weighted_blocks(rows):
        bounds = estimator.score_samples(block, n_draws=1).astype(np.float64)
        total += bounds.sum() if weight is None else weight @ bounds
    return float(total / len(rows))


def _weighted_blocks(rows):
    """Yield rows a block at a time, and how much each counts; None if all alike."""
    for block, weight in zip(rows.raw_blocks(), rows.weight_blocks(), strict=False):
        yield block, None if weight is None else weight.numpy()


def udr(estimators, rows):
    """Rank replicas of one candidate against each other, without labels.

    Parameters
    ----------
    estimators : list of BaseModel
        The fitted replicas.

    rows : Rows
        The rows that they encode.

    Returns
    -------
    scores : ndarray of shape (n_replicas,)
        Their UDR, or NaN where there is nobody to compare with.
    """
    if len(estimators) < 2:
        warn(
            "UDR compares replicas of a candidate with each other, and fewer than two "
            "were fitted: their scores are NaN.",
            UndefinedMetricWarning,
        )
        return np.full(len(estimators), np.nan)
    codes = [
        np.concatenate([estimator.transform(block) for block in rows.raw_blocks()])
        for estimator in estimators
    ]
    nats = [getattr(estimator, estimator.nats) for estimator in estimators]
    return unsupervised_disentanglement_ranking(codes, kl=nats)
