"""DIP-VAE, against its formulas."""

import numpy as np
import pytest
import torch

from sk_bvae import DIPVAE
from sk_bvae.estimators._dip_vae import covariance
from sk_bvae.metrics import gaussian_total_correlation
from sk_bvae.nn import Batch, Terms

BATCH = Batch(torch.zeros(1, 50, 1), torch.zeros(1, 50, 3), n_rows=1000)


@pytest.fixture
def posteriors(rng):
    """Means and log variances of 50 rows with 3 latents."""
    mean = torch.from_numpy(rng.normal(size=(50, 3)) @ rng.normal(size=(3, 3)) + 2)
    return mean, torch.from_numpy(rng.normal(size=(50, 3)))


def test_covariance_of_the_means(posteriors):
    expected = np.cov(posteriors[0].T, ddof=0)
    np.testing.assert_allclose(covariance(BATCH, *posteriors, "i"), expected, atol=1e-6)


def test_covariance_of_the_aggregate_posterior(posteriors, rng):
    """By the law of total variance; against draws, too."""
    mean, log_variance = posteriors
    expected = np.cov(mean.T, ddof=0) + np.diag(log_variance.exp().mean(dim=0))
    ours = covariance(BATCH, mean, log_variance, "ii")
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    noise = rng.normal(size=(20_000, *mean.shape))
    z = (mean + (log_variance / 2).exp() * torch.from_numpy(noise)).reshape(-1, 3)
    np.testing.assert_allclose(ours, np.cov(z.T), rtol=0.02, atol=0.02)


def test_kind_ii_adds_to_the_diagonal_alone(posteriors):
    """Neighbours add one number to every entry."""
    difference = covariance(BATCH, *posteriors, "ii") - covariance(
        BATCH, *posteriors, "i"
    )
    assert torch.equal(difference, difference.diagonal().diag_embed())
    assert len(difference.diagonal().unique()) == 3


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_the_loss_is_the_written_formula(posteriors, rng, kind):
    mean, log_variance = posteriors
    nll, kl = (torch.from_numpy(rng.normal(size=shape)) for shape in (50, (50, 3)))
    terms = Terms(nll, kl, mean, log_variance, mean)
    losses = DIPVAE(kind=kind).objective(
        {"vae": lambda x, noise: terms}, BATCH, lambda_off_diagonal=2, lambda_diagonal=7
    )
    matrix = np.cov(mean.T, ddof=0)
    if kind == "ii":
        matrix += np.diag(log_variance.exp().mean(dim=0))
    off_diagonal, diagonal = 0, 0
    for i in range(3):
        for j in range(3):
            if i == j:
                diagonal += (matrix[i, j] - 1) ** 2
            else:
                off_diagonal += matrix[i, j] ** 2
    expected = (nll + kl.sum(dim=1)).mean() + 2 * off_diagonal + 7 * diagonal
    assert losses.players["vae"].item() == pytest.approx(expected.item(), rel=1e-9)
    assert losses.report["off_diagonal"].item() == pytest.approx(off_diagonal)
    assert losses.report["diagonal"].item() == pytest.approx(diagonal)


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_one_row_has_no_covariance_of_means(posteriors, kind):
    mean, log_variance = (term[:1] for term in posteriors)
    expected = torch.zeros(3, 3, dtype=mean.dtype)
    if kind == "ii":
        expected = log_variance[0].exp().diag_embed()
    torch.testing.assert_close(covariance(BATCH, mean, log_variance, kind), expected)


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_the_terms_make_the_loss(digits, kind):
    vae = DIPVAE(
        3,
        kind=kind,
        lambda_off_diagonal=2.0,
        lambda_diagonal=7.0,
        max_iter=2,
        random_state=0,
    ).fit(digits)
    history = vae.history_
    total = history["reconstruction"] + history["kl"].sum(axis=1)
    total += 2 * history["off_diagonal"] + 7 * history["diagonal"]
    np.testing.assert_allclose(history["loss"], total, rtol=1e-5)


@pytest.mark.parametrize(("kind", "expected"), [("i", 30.0), ("ii", 3.0)])
def test_the_diagonal_has_the_papers_weight_by_default(kind, expected):
    weights = DIPVAE(kind=kind, lambda_off_diagonal=3.0)._weights()
    assert weights == {"lambda_off_diagonal": 3.0, "lambda_diagonal": expected}


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_latents_are_drawn_to_unit_covariance(digits, kind):
    """At full batch, where the penalty is on the covariance of all rows."""
    params = {"batch_size": 2000, "max_iter": 300, "learning_rate_init": 3e-3}
    vae = DIPVAE(3, kind=kind, lambda_off_diagonal=100, random_state=0, **params)
    mean, std = vae.fit(digits).posterior(digits)
    matrix = np.cov(mean.T, ddof=0)
    if kind == "ii":
        matrix += np.diag((std**2).mean(axis=0))
    np.testing.assert_allclose(matrix, np.eye(3), atol=0.1)


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_a_larger_weight_makes_latents_less_correlated(digits, kind):
    """Median of three seeds; without weights it is a variational autoencoder."""
    params = {"hidden_layer_sizes": (16,), "learning_rate_init": 2e-3, "max_iter": 15}
    without, dear = (
        np.median(
            [
                gaussian_total_correlation(
                    DIPVAE(
                        4,
                        kind=kind,
                        lambda_off_diagonal=weight,
                        random_state=seed,
                        **params,
                    ).fit_transform(digits)
                )
                for seed in range(3)
            ]
        )
        for weight in (0, 10)
    )
    assert dear < without / 2


def test_an_unknown_kind_is_refused(digits):
    with pytest.raises(ValueError, match="'kind' parameter of DIPVAE"):
        DIPVAE(kind="iii").fit(digits)
