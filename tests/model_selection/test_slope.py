"""beta is the slope of the rate-distortion curve (Higgins et al., A.7)."""

import numpy as np
import pytest

from sk_bvae import BetaVAE
from sk_bvae.model_selection import ReplicaGridSearch


def slopes(results):
    """Central differences of reconstruction over KL, at the inner candidates."""
    kl, reconstruction = results["mean_kl"], results["mean_reconstruction"]
    return -(reconstruction[2:] - reconstruction[:-2]) / (kl[2:] - kl[:-2])


def test_on_linear_gaussian_data(rng):
    loadings = np.linalg.qr(rng.normal(size=(8, 3)))[0] * [3.0, 2.0, 1.5]
    noise = 0.5 * rng.normal(size=(4000, 8))
    X = rng.normal(size=(4000, 3)) @ loadings.T + noise
    betas = [2.0, 2.8, 4.0, 5.6]
    vae = BetaVAE(
        n_components=3,
        hidden_layer_sizes=(),
        noise_variance=0.25,
        learning_rate_init=1e-2,
        batch_size=1000,
        max_iter=200,
    )
    search = ReplicaGridSearch(
        vae,
        {"beta": betas},
        n_replicas=5,
        scoring="elbo",
        refit=False,
        random_state=0,
    ).fit(X)
    assert slopes(search.cv_results_) == pytest.approx(betas[1:-1], rel=0.05)


def test_on_digits(digits):
    betas = [0.5, 1.0, 2.0, 4.0]
    search = ReplicaGridSearch(
        BetaVAE(hidden_layer_sizes=(64,), max_iter=40),
        {"beta": betas},
        n_replicas=3,
        refit=False,
        random_state=0,
    ).fit(digits)
    ratio = slopes(search.cv_results_) / betas[1:-1]
    assert (ratio > 1 / 1.5).all()
    assert (ratio < 1.5).all()
