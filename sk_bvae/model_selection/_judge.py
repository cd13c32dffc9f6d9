"""What is measured of fitted replicas."""

import warnings

import numpy as np
import torch
from sklearn.exceptions import UndefinedMetricWarning

from sk_bvae.metrics import (
    make_disentanglement_scorer,
    unsupervised_disentanglement_ranking,
)
from sk_bvae.utils._random import normal_by_row


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
    estimators : list of BaseVAE
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


def rate_and_distortion(estimator, X):
    """Estimate the two terms of the objective on the same rows, in nats per row.

    Parameters
    ----------
    estimator : BaseVAE
        A fitted estimator.

    X : ndarray of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    kl : float
        The rate, summed over the latents.

    reconstruction : float
        The distortion, the negative log-likelihood.
    """
    n_latents, seed = len(estimator.kl_), estimator.net_.recipe_["seeds"][2]

    def terms(vae, x):
        noise = torch.from_numpy(normal_by_row(x.cpu().numpy(), n_latents, seed))
        nll, kl = vae(x, noise.to(x.device))
        return torch.stack([kl.sum(dim=-1), nll], dim=-1)

    kl, reconstruction = estimator._by_block(X, terms).mean(axis=0, dtype=np.float64)
    return float(kl), float(reconstruction)
