"""The importance-weighted bound, on a model whose density is known in closed form."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from sk_bvae.nn import VAE, Gaussian
from sk_bvae.nn._bounds import importance_weighted_bound, importance_weighted_mean

LOADINGS = np.array([[1.0, 0.5], [-0.3, 2.0], [0.7, 0.7]])
NOISE = 0.4


class Encoder(nn.Module):
    """The exact posterior of the linear-Gaussian model, or a worse one."""

    def __init__(self, inflation):
        super().__init__()
        precision = np.eye(2) + LOADINGS.T @ LOADINGS / NOISE
        covariance = np.linalg.inv(precision)
        self.matrix = torch.from_numpy(LOADINGS @ covariance / NOISE)
        # q has independent latents: the best it can do keeps the precisions
        self.log_variance = torch.from_numpy(inflation - np.log(np.diag(precision)))

    def forward(self, x):
        mean = x @ self.matrix
        return torch.cat([mean, self.log_variance.expand_as(mean)], dim=1)


def model(inflation=0.0, has_gaps=False):
    decoder = nn.Linear(2, 3, bias=False).double()
    decoder.weight.data.copy_(torch.from_numpy(LOADINGS))
    likelihood = Gaussian(NOISE)
    likelihood.bind(3)
    vae = VAE(Encoder(inflation), decoder, likelihood.double(), 2)
    vae.has_gaps = has_gaps
    return vae


@pytest.fixture
def x(rng):
    covariance = LOADINGS @ LOADINGS.T + NOISE * np.eye(3)
    return rng.multivariate_normal(np.zeros(3), covariance, size=50)


def bound(x, n_draws, inflation=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (len(x), n_draws, 2)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        return importance_weighted_bound(
            model(inflation), torch.from_numpy(x), noise
        ).numpy()


@pytest.mark.parametrize("inflation", [0.0, 1.0])
def test_many_draws_give_the_density(x, inflation):
    covariance = LOADINGS @ LOADINGS.T + NOISE * np.eye(3)
    exact = stats.multivariate_normal(np.zeros(3), covariance).logpdf(x)
    np.testing.assert_allclose(bound(x, 20_000, inflation), exact, atol=0.1)
    assert bound(x, 20_000, inflation).mean() == pytest.approx(exact.mean(), abs=0.01)


def test_one_draw_is_the_elbo_on_average(x):
    vae = model(inflation=1.0)
    elbo = np.mean([bound(x, 1, 1.0, seed).mean() for seed in range(2000)])
    nll, kl = [], None
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _ in range(2000):
            noise = torch.randn(len(x), 2, generator=generator, dtype=torch.float64)
            terms = vae(torch.from_numpy(x), noise)
            nll.append(terms[0].mean().item())
            kl = terms[1].sum(dim=1).mean().item()
    assert elbo == pytest.approx(-np.mean(nll) - kl, abs=0.03)


def test_more_draws_come_closer():
    x = np.random.default_rng(1).normal(size=(2000, 3))
    bounds = [bound(x, n_draws, inflation=1.0).mean() for n_draws in (1, 5, 50)]
    assert bounds == sorted(bounds)
    assert bounds[2] - bounds[0] > 0.1


def test_with_gaps_the_density_is_that_of_what_is_observed(x):
    covariance = LOADINGS @ LOADINGS.T + NOISE * np.eye(3)
    exact = stats.multivariate_normal(np.zeros(2), covariance[:2, :2]).logpdf(x[:, :2])
    x[:, 2] = np.nan
    noise = torch.randn(50, 20_000, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = importance_weighted_bound(
            model(1.0, has_gaps=True), torch.from_numpy(x), noise.double()
        )
    np.testing.assert_allclose(found, exact, atol=0.1)


@pytest.mark.parametrize(("n_rounds", "n_draws"), [(1, 20_000), (4, 2000)])
def test_the_mean_is_the_conditional_one(x, n_rounds, n_draws):
    covariance = LOADINGS @ LOADINGS.T + NOISE * np.eye(3)
    exact = x[:, :2] @ np.linalg.solve(covariance[:2, :2], covariance[:2, 2])
    x[:, 2] = np.nan
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(50, n_rounds, n_draws, 2, generator=generator)
    with torch.no_grad():
        vae = model(1.0, has_gaps=True)
        found = importance_weighted_mean(vae, torch.from_numpy(x), noise.double())
    assert np.abs(found[:, 2].numpy() - exact).max() < 0.1


def test_rounds_find_what_the_encoder_misses(x):
    """Where its draws are far too narrow."""
    covariance = LOADINGS @ LOADINGS.T + NOISE * np.eye(3)
    exact = x[:, :1] @ covariance[:1, 1:] / covariance[0, 0]
    x[:, 1:] = np.nan
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(50, 4, 256, 2, generator=generator).double()
    vae = model(-1.0, has_gaps=True)
    with torch.no_grad():
        one, four = (
            importance_weighted_mean(vae, torch.from_numpy(x), some)[:, 1:].numpy()
            for some in (noise.reshape(50, 1, 1024, 2), noise)
        )
    assert np.square(four - exact).mean() < 0.5 * np.square(one - exact).mean()
