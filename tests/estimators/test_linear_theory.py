"""With affine maps the model is probabilistic PCA, whose answers are known."""

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

from sk_bvae import BetaVAE

LINEAR = {"hidden_layer_sizes": (), "batch_size": 256, "random_state": 0}


def gaussian_rows(eigenvalues, n_rows, rng):
    """Draw rows whose covariance has the given eigenvalues."""
    n_features = len(eigenvalues)
    basis, _ = np.linalg.qr(rng.normal(size=(n_features, n_features)))
    scores = rng.normal(size=(n_rows, n_features)) * np.sqrt(eigenvalues)
    return scores @ basis.T + rng.normal(0, 3, size=n_features)


def test_beta_1_is_probabilistic_pca(rng):
    X = gaussian_rows([9, 5, 3, 1.8] + [0.5] * 8, 6000, rng)
    train, test = X[:4500], X[4500:]
    pca = PCA(4).fit(train)
    vae = BetaVAE(4, beta=1, learning_rate_init=3e-3, max_iter=150, **LINEAR).fit(train)
    assert vae.score(test) == pytest.approx(pca.score(test), rel=0.005)
    assert vae.noise_variance_ == pytest.approx(pca.noise_variance_, rel=0.03)
    columns = vae.inverse_transform(np.eye(4)) - vae.inverse_transform(np.zeros((1, 4)))
    angles = np.degrees(subspace_angles(columns.T, pca.components_.T))
    assert angles.max() < 3


@pytest.mark.parametrize(
    ("beta", "noise_variance", "n_active"),
    [(0.5, 0.1, 6), (4, 0.25, 5), (4, 1.0, 3), (16, 0.1, 4), (16, 0.25, 3)],
)
def test_active_latents_are_eigenvalues_above_beta_times_noise(
    rng, beta, noise_variance, n_active
):
    X = gaussian_rows([30, 12, 6, 2.4, 1.2, 0.6] + [0.02] * 6, 4500, rng)
    eigenvalues = PCA().fit(X).explained_variance_
    assert (eigenvalues[:6] > beta * noise_variance).sum() == n_active
    vae = BetaVAE(
        6,
        beta=beta,
        noise_variance=noise_variance,
        learning_rate_init=3e-3,
        max_iter=100,
        **LINEAR,
    ).fit(X)
    assert vae.n_active_components_ == n_active
    assert vae.noise_variance_ == noise_variance
