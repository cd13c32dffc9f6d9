"""The importance-weighted bound, on a model whose density is known in closed form."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from sk_bvae.nn import VAE, Gaussian
from sk_bvae.nn._bounds import importance_weighted_bound

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


def model(inflation=0.0):
    decoder = nn.Linear(2, 3, bias=False).double()
    decoder.weight.data.copy_(torch.from_numpy(LOADINGS))
    likelihood = Gaussian(NOISE)
    likelihood.bind(3)
    return VAE(Encoder(inflation), decoder, likelihood.double(), 2)


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
