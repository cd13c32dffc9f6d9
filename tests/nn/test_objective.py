"""The two objectives, against their formulas."""

import math

import pytest
import torch

from sk_bvae._beta_vae import beta_elbo
from sk_bvae._capacity_vae import capacity_elbo
from sk_bvae.nn import VAE, Bernoulli, Gaussian, Terms, linear_ramp, mlp


@pytest.fixture
def terms():
    generator = torch.Generator().manual_seed(0)
    nll = torch.randn(6, generator=generator, dtype=torch.float64)
    kl = torch.rand(6, 3, generator=generator, dtype=torch.float64)
    return Terms(nll, kl)


def small_vae(likelihood):
    torch.manual_seed(0)
    encoder, decoder = mlp(4, 2, hidden_layer_sizes=(3,), activation="tanh")
    likelihood.bind(4)
    return VAE(encoder, decoder, likelihood, 2).double()


def twice(terms):
    return Terms(*(torch.cat([term, term]) for term in terms))


def test_beta_elbo_is_the_written_formula(terms):
    rows = [
        nll + 4 * sum(kl)
        for nll, kl in zip(terms.nll.tolist(), terms.kl.tolist(), strict=True)
    ]
    assert beta_elbo(terms, 4).item() == pytest.approx(sum(rows) / 6, abs=1e-6)


def test_capacity_elbo_is_the_written_formula(terms):
    nll = sum(terms.nll.tolist()) / 6
    kl = sum(map(sum, terms.kl.tolist())) / 6
    for capacity in (0.0, kl + 1, 25.0):
        expected = nll + 1000 * abs(kl - capacity)
        loss = capacity_elbo(terms, capacity, 1000).item()
        assert loss == pytest.approx(expected, abs=1e-6)


def test_capacity_is_compared_with_the_mean_of_the_batch_not_row_by_row():
    terms = Terms(torch.zeros(2), torch.tensor([[0.0], [10.0]]))
    assert capacity_elbo(terms, 5.0, 1000.0).item() == 0


def test_duplicating_a_batch_changes_nothing(terms):
    assert beta_elbo(twice(terms), 4).item() == pytest.approx(
        beta_elbo(terms, 4).item()
    )
    once = capacity_elbo(terms, 3, 10).item()
    assert capacity_elbo(twice(terms), 3, 10).item() == pytest.approx(once)


def test_derivative_by_beta_is_the_kl(terms):
    beta = torch.tensor(4.0, dtype=torch.float64, requires_grad=True)
    beta_elbo(terms, beta).backward()
    assert beta.grad.item() == pytest.approx(
        terms.kl.sum(dim=1).mean().item(), abs=1e-12
    )


@pytest.mark.parametrize("likelihood", [Gaussian(), Bernoulli()])
@pytest.mark.parametrize(
    "objective",
    [
        lambda terms: beta_elbo(terms, 4.0),
        lambda terms: capacity_elbo(terms, 3.0, 1000.0),
    ],
)
def test_gradients_agree_with_finite_differences(rng, likelihood, objective):
    vae = small_vae(likelihood)
    x = torch.from_numpy(rng.uniform(size=(5, 4)))
    noise = torch.from_numpy(rng.normal(size=(5, 2)))
    weights = list(vae.parameters())

    def loss(*_):
        return objective(Terms(*vae(x, noise)))

    assert torch.autograd.gradcheck(loss, weights)


@pytest.mark.parametrize(
    ("progress", "share", "height"),
    [
        (0, 0.5, 0),
        (0.25, 0.5, 0.5),
        (0.5, 0.5, 1),
        (3, 0.5, 1),
        (0, 0, 1),
        (0.3, 1, 0.3),
    ],
)
def test_linear_ramp(progress, share, height):
    assert math.isclose(linear_ramp(progress, share), height)
