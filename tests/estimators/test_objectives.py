"""Every objective, against its formula and against finite differences."""

import math

import pytest
import torch
from torch import nn

from sk_bvae import BetaVAE, CapacityVAE
from sk_bvae.nn import VAE, Batch, Bernoulli, Gaussian, Terms, linear_ramp, mlp


class Fixed(nn.Module):
    """Gives the same terms whatever it sees."""

    def __init__(self, nll, kl):
        super().__init__()
        self.terms = Terms(nll, kl, kl, kl, kl)

    def forward(self, x, noise):
        return self.terms


@pytest.fixture
def terms():
    generator = torch.Generator().manual_seed(0)
    nll = torch.randn(6, generator=generator, dtype=torch.float64)
    kl = torch.rand(6, 3, generator=generator, dtype=torch.float64)
    return nll, kl


def loss_of(Estimator, terms, **weights):
    nothing = torch.zeros(1, 1, 1)
    batch = Batch(nothing, nothing, n_rows=1)
    return Estimator.objective({"vae": Fixed(*terms)}, batch, **weights).players["vae"]


def twice(terms):
    return tuple(torch.cat([term, term]) for term in terms)


def test_beta_elbo_is_the_written_formula(terms):
    rows = [
        nll + 4 * sum(kl) for nll, kl in zip(*(t.tolist() for t in terms), strict=True)
    ]
    loss = loss_of(BetaVAE, terms, beta=4).item()
    assert loss == pytest.approx(sum(rows) / 6, abs=1e-6)


def test_capacity_elbo_is_the_written_formula(terms):
    nll, kl = (term.sum().item() / 6 for term in terms)
    for capacity in (0.0, kl + 1, 25.0):
        expected = nll + 1000 * abs(kl - capacity)
        loss = loss_of(CapacityVAE, terms, capacity=capacity, gamma=1000).item()
        assert loss == pytest.approx(expected, abs=1e-6)


def test_capacity_is_compared_with_the_mean_of_the_batch_not_row_by_row():
    terms = torch.zeros(2), torch.tensor([[0.0], [10.0]])
    assert loss_of(CapacityVAE, terms, capacity=5.0, gamma=1000.0).item() == 0


@pytest.mark.parametrize(
    ("Estimator", "weights"),
    [(BetaVAE, {"beta": 4}), (CapacityVAE, {"capacity": 3, "gamma": 10})],
)
def test_duplicating_a_batch_changes_nothing(terms, Estimator, weights):
    once = loss_of(Estimator, terms, **weights).item()
    assert loss_of(Estimator, twice(terms), **weights).item() == pytest.approx(once)


def test_derivative_by_beta_is_the_kl(terms):
    beta = torch.tensor(4.0, dtype=torch.float64, requires_grad=True)
    loss_of(BetaVAE, terms, beta=beta).backward()
    kl = terms[1].sum(dim=1).mean().item()
    assert beta.grad.item() == pytest.approx(kl, abs=1e-12)


def small_players(Estimator, likelihood):
    """Make an estimator's players, the networks small and smooth."""
    torch.manual_seed(0)
    encoder, decoder = mlp(4, 2, hidden_layer_sizes=(3,), activation="tanh")
    likelihood.bind(4)
    players = Estimator(2)._make_players(4)
    players["vae"] = VAE(encoder, decoder, likelihood, 2)
    return nn.ModuleDict(players).double()


@pytest.mark.parametrize("likelihood", [Gaussian(), Bernoulli()])
def test_gradients_agree_with_finite_differences(rng, likelihood, AnyVAE):
    players = small_players(AnyVAE, likelihood)
    n_views = AnyVAE.n_views
    batch = Batch(
        torch.from_numpy(rng.uniform(size=(n_views, 5, 4))),
        torch.from_numpy(rng.normal(size=(n_views, 5, 2))),
        n_rows=20,
    )
    weights = AnyVAE()._weights()

    def loss(*_):
        losses = AnyVAE().objective(players, batch, **weights)
        return losses.players["vae"]

    assert torch.autograd.gradcheck(loss, list(players["vae"].parameters()))


@pytest.mark.parametrize("likelihood", [Gaussian(), Bernoulli()])
def test_reports_are_of_the_batch_of_rows_or_of_their_latents(likelihood, AnyVAE):
    players = small_players(AnyVAE, likelihood).float()
    n_views = AnyVAE.n_views
    batch = Batch(torch.rand(n_views, 5, 4), torch.randn(n_views, 5, 2), n_rows=20)
    losses = AnyVAE().objective(players, batch, **AnyVAE()._weights())
    assert list(losses.players) == list(players)
    assert all(loss.shape == () for loss in losses.players.values())
    assert {"reconstruction", "kl"} <= set(losses.report)
    assert losses.report["kl"].shape == (5, 2)
    assert {term.shape for term in losses.report.values()} <= {(), (5,), (5, 2)}


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
