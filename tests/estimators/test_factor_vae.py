"""FactorVAE, against the closed form of correlated Gaussians and its formulas."""

import copy
import pickle

import numpy as np
import pytest
import torch
from skops import io as skops_io
from torch import nn

from sk_bvae import FactorVAE
from sk_bvae.estimators._factor_vae import build_discriminator, shuffle_latents
from sk_bvae.metrics import gaussian_total_correlation
from sk_bvae.nn import VAE, Batch, Bernoulli, Likelihood, Terms, mlp

FAST = {"n_components": 4, "hidden_layer_sizes": (16,), "random_state": 0}


class SmallFactorVAE(FactorVAE):
    """With a discriminator of two layers of 64 units, for speed."""

    def _make_players(self, n_features):
        discriminator = nn.Sequential(
            nn.Linear(self.n_components, 64),
            nn.LeakyReLU(0.2),
            nn.Linear(64, 64),
            nn.LeakyReLU(0.2),
            nn.Linear(64, 1),
        )
        return {**super()._make_players(n_features), "discriminator": discriminator}


# Shuffling


@pytest.mark.parametrize("shape", [(1, 3), (2, 5), (3, 3), (7, 4), (64, 10)])
def test_shuffling_keeps_the_numbers_of_each_latent(shape):
    z = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    shuffled = shuffle_latents(z)
    assert shuffled.shape == shape
    assert torch.equal(shuffled.sort(dim=0).values, z.sort(dim=0).values)


@pytest.mark.parametrize("shape", [(3, 3), (7, 4), (64, 10)])
def test_shuffling_parts_every_two_latents_of_a_row(shape):
    rows = torch.arange(shape[0]).unsqueeze(1).expand(shape)
    assert all(len(row.unique()) == shape[1] for row in shuffle_latents(rows))


# The objective


class Recording(nn.Module):
    """A VAE whose latents are its noise plus its input, and that notes what it sees."""

    def __init__(self):
        super().__init__()
        self.forwarded, self.drawn = [], []

    def forward(self, x, noise):
        self.forwarded.append(x)
        zero = torch.zeros_like(x)
        return Terms(x.sum(dim=1), x**2, x, zero, x + noise)

    def draw(self, x, noise):
        self.drawn.append(x)
        return x + noise


class Noting(nn.Module):
    """A discriminator that adds up the latents, and notes them."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, z):
        self.seen.append(z)
        return z.sum(dim=1, keepdim=True)


@pytest.fixture
def batch(rng):
    """Two views of 6 rows with 3 features, and noise for 3 latents."""
    x, noise = (torch.from_numpy(rng.normal(size=(2, 6, 3))) for _ in range(2))
    return Batch(x, noise, n_rows=100)


def test_the_losses_are_the_written_formulas(batch):
    players = {"vae": Recording(), "discriminator": Noting()}
    losses = FactorVAE.objective(players, batch, gamma=7.0)
    first, second = batch.x + batch.noise
    odds = first.sum(dim=1)
    expected = batch.x[0].sum(dim=1) + (batch.x[0] ** 2).sum(dim=1) + 7 * odds
    assert losses.players["vae"].item() == pytest.approx(expected.mean().item())
    torch.testing.assert_close(losses.report["correlation"], odds)
    # a classifier that says "joint" with these odds, half the latents being joint
    joint, product = odds.sigmoid(), shuffle_latents(second).sum(dim=1).sigmoid()
    expected = -0.5 * (joint.log() + (1 - product).log()).mean().item()
    assert losses.players["discriminator"].item() == pytest.approx(expected)


def test_the_second_view_is_what_is_shuffled(batch):
    """So that joint and product do not share a row, as in the paper's algorithm."""
    players = {"vae": Recording(), "discriminator": Noting()}
    FactorVAE.objective(players, batch, gamma=7.0)
    (forwarded,), (drawn,) = players["vae"].forwarded, players["vae"].drawn
    assert torch.equal(forwarded, batch.x[0])
    assert torch.equal(drawn, batch.x[1])
    first, second = batch.x + batch.noise
    *joint, product = players["discriminator"].seen
    assert all(torch.equal(z, first) for z in joint)
    assert torch.equal(product, shuffle_latents(second))


@pytest.mark.parametrize("n_samples", [1, 2])
def test_batches_of_fewer_rows_than_latents(batch, n_samples):
    players = {"vae": Recording(), "discriminator": Noting()}
    few = Batch(batch.x[:, :n_samples], batch.noise[:, :n_samples], 100)
    losses = FactorVAE.objective(players, few, gamma=7.0)
    assert all(loss.isfinite() for loss in losses.players.values())


def test_a_discriminator_that_cannot_tell_pays_log_2(batch):
    class Undecided(nn.Module):
        def forward(self, z):
            return torch.zeros(len(z), 1)

    players = {"vae": Recording(), "discriminator": Undecided()}
    losses = FactorVAE.objective(players, batch, gamma=7.0)
    assert losses.players["discriminator"].item() == pytest.approx(np.log(2))
    assert (losses.report["correlation"] == 0).all()


# Gradients


@pytest.fixture
def players():
    """Small and smooth players in double precision, for 3 features and 3 latents."""
    torch.manual_seed(0)
    encoder, decoder = mlp(3, 3, hidden_layer_sizes=(4,), activation="tanh")
    likelihood = Bernoulli()
    likelihood.bind(3)
    discriminator = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    vae = VAE(encoder, decoder, likelihood, 3)
    return nn.ModuleDict({"vae": vae, "discriminator": discriminator}).double()


def test_the_discriminators_gradient_agrees_with_finite_differences(players, batch):
    def loss(*_):
        losses = FactorVAE.objective(players, batch, gamma=7.0)
        return losses.players["discriminator"]

    parameters = list(players["discriminator"].parameters())
    assert torch.autograd.gradcheck(loss, parameters)


def test_the_discriminators_loss_does_not_reach_the_vae(players, batch):
    """Neighbours let it: encoders that learn to be told apart."""
    losses = FactorVAE.objective(players, batch, gamma=7.0).players
    parameters = list(players["vae"].parameters())
    gradients = torch.autograd.grad(
        losses["discriminator"], parameters, allow_unused=True, retain_graph=True
    )
    assert all(gradient is None or not gradient.any() for gradient in gradients)


def test_the_vae_is_told_by_the_discriminator_where_to_go(players, batch):
    """Only through its own loss; and in the encoder alone."""
    plain, paying = (
        torch.autograd.grad(
            FactorVAE.objective(players, batch, gamma=gamma).players["vae"],
            [players["vae"].encoder[0].weight, players["vae"].decoder[0].weight],
        )
        for gamma in (0.0, 7.0)
    )
    assert not torch.allclose(plain[0], paying[0], rtol=0.01)
    torch.testing.assert_close(plain[1], paying[1])


def test_a_training_step_gives_each_player_its_own_gradient(digits):
    vae = SmallFactorVAE(max_iter=1, **FAST).fit(digits)
    net = vae.net_
    x = torch.tensor(digits[:64]).reshape(2, 32, 64)
    noise = torch.randn(2, 32, 4, generator=torch.Generator().manual_seed(0))
    batch = Batch(x, noise, n_rows=len(digits))
    expected = {}
    for player, module in net.module_.items():
        loss = vae.objective(net.module_, batch, gamma=10.0).players[player]
        expected[player] = torch.autograd.grad(loss, list(module.parameters()))
    net.train_step(batch)  # over what the last step of the fit left behind
    for player, module in net.module_.items():
        for parameter, gradient in zip(
            module.parameters(), expected[player], strict=True
        ):
            torch.testing.assert_close(parameter.grad, gradient)


# The discriminator's estimate


class Given(nn.Module):
    """An encoder that knows the posterior: the row is its mean."""

    def __init__(self, std):
        super().__init__()
        self.log_variance = 2 * np.log(std)

    def forward(self, x):
        return torch.cat([x, torch.full_like(x, self.log_variance)], dim=-1)


class Nothing(Likelihood):
    """Says nothing of the data."""

    def nll(self, output, x):
        return 0 * output.sum(dim=-1)

    def mean(self, output):
        return output

    def draw(self, output, generator):
        return output


def trained_estimate(Estimator, n_epochs, batch_size, learning_rate, seed=0):
    """Train a discriminator on three Gaussian latents, correlated by 0.8.

    Returns the mean log odds of fresh draws, and the true total correlation. An epoch
    has ten steps, and the mean is over the last ten epochs, too: the log odds of all
    draws go up and down together, by a tenth of a nat and more, as the discriminator
    is moved by one batch after the other.
    """
    rng = np.random.default_rng(seed)
    std, S = 0.3, np.full((3, 3), 0.8) + 0.2 * np.eye(3)
    white = rng.normal(size=(10 * batch_size, 3))
    white = np.linalg.qr(white - white.mean(axis=0))[0] * np.sqrt(10 * batch_size)
    # so that q(z) has the covariance S exactly
    means = white @ np.linalg.cholesky(S - std**2 * np.eye(3)).T
    vae = Estimator(
        3,
        network=lambda n_features, n_components: (Given(std), nn.Linear(3, 3)),
        likelihood=Nothing(),
        batch_size=batch_size,
        net_params={"discriminator_optimizer__lr": learning_rate},
        random_state=seed,
    )
    estimates = []
    for _ in range(n_epochs):
        vae.partial_fit(means)
        if vae.n_iter_ > n_epochs - 10:
            fresh = torch.tensor(rng.multivariate_normal(np.zeros(3), S, size=4000))
            with torch.no_grad():
                odds = vae.net_.module_["discriminator"](fresh.float())
            estimates.append(odds.mean().item())
    return np.mean(estimates), -0.5 * np.linalg.slogdet(S)[1]


def test_a_trained_discriminator_knows_the_total_correlation():
    """A small one, at 30 times the paper's learning rate: 2 to 5 % too low."""
    estimate, truth = trained_estimate(
        SmallFactorVAE, n_epochs=90, batch_size=1024, learning_rate=3e-3
    )
    assert estimate == pytest.approx(truth, rel=0.1)


@pytest.mark.slow
def test_the_papers_discriminator_knows_the_total_correlation():
    """After 250 steps, at three times the paper's learning rate."""
    estimate, truth = trained_estimate(
        FactorVAE, n_epochs=25, batch_size=256, learning_rate=3e-4
    )
    assert estimate == pytest.approx(truth, rel=0.1)


def test_the_papers_discriminator():
    """Six layers of 1,000 units."""
    layers = list(build_discriminator(10))
    assert {m.negative_slope for m in layers if isinstance(m, nn.LeakyReLU)} == {0.2}
    linear = [m for m in layers if isinstance(m, nn.Linear)]
    widths = [(layer.in_features, layer.out_features) for layer in linear]
    assert widths == [(10, 1000), *[(1000, 1000)] * 5, (1000, 1)]


# The estimator


def test_reported_terms_add_up_to_the_loss(digits):
    vae = SmallFactorVAE(gamma=3.0, max_iter=3, **FAST).fit(digits)
    history = vae.history_
    total = history["reconstruction"] + history["kl"].sum(axis=1)
    total += 3 * history["correlation"]
    np.testing.assert_allclose(history["loss"], total, rtol=1e-6)
    assert (history["discriminator_loss"] < np.log(2) + 0.05).all()


def test_validation_terms_are_in_the_history(digits):
    vae = SmallFactorVAE(early_stopping=True, max_iter=3, **FAST).fit(digits)
    history = vae.history_
    terms = {"loss", "reconstruction", "kl", "correlation", "discriminator_loss"}
    assert history.keys() == terms | {f"validation_{term}" for term in terms}
    for term in terms:
        assert history[f"validation_{term}"].shape == history[term].shape
    total = history["validation_reconstruction"]
    total = total + history["validation_kl"].sum(axis=1)
    total += 10 * history["validation_correlation"]
    np.testing.assert_allclose(history["validation_loss"], total, rtol=1e-6)


def test_a_larger_gamma_makes_latents_less_correlated(digits):
    """Median of three seeds; gamma=0 is a variational autoencoder."""
    params = {
        "hidden_layer_sizes": (64,),
        "learning_rate_init": 2e-3,
        "max_iter": 15,
        "init": "random",
        "net_params": {"discriminator_optimizer__lr": 1e-3},
    }
    without, dear = (
        np.median(
            [
                gaussian_total_correlation(
                    SmallFactorVAE(
                        5, gamma=gamma, random_state=seed, **params
                    ).fit_transform(digits)
                )
                for seed in range(3)
            ]
        )
        for gamma in (0, 10)
    )
    assert dear < without / 2


def test_the_discriminator_has_the_papers_optimizer(digits):
    net = FactorVAE(max_iter=1, **FAST).fit(digits[:64]).net_
    group = net.optimizer_of("discriminator").param_groups[0]
    assert (group["lr"], group["betas"]) == (1e-4, (0.5, 0.9))
    assert net.optimizer_of("vae").param_groups[0]["lr"] == 1e-3
    updated = set(net.optimizer_of("discriminator").state)
    assert updated == set(net.module_["discriminator"].parameters())


def test_net_params_reach_the_discriminators_optimizer(digits):
    options = {
        "discriminator_optimizer__lr": 1e-3,
        "discriminator_optimizer__betas": (0.8, 0.99),
    }
    vae = SmallFactorVAE(max_iter=1, net_params=options, **FAST).fit(digits)
    group = vae.net_.optimizer_of("discriminator").param_groups[0]
    assert (group["lr"], group["betas"]) == (1e-3, (0.8, 0.99))
    assert vae.net_.optimizer_of("vae").param_groups[0]["lr"] == 1e-3
    # the first step of Adam is as long as its learning rate
    slow = SmallFactorVAE(max_iter=1, batch_size=2000, **FAST)
    quick = SmallFactorVAE(max_iter=1, batch_size=2000, net_params=options, **FAST)
    states = [vae.fit(digits).net_.module_["discriminator"] for vae in (slow, quick)]
    difference = states[1][0].weight - states[0][0].weight
    assert difference.abs().max().item() == pytest.approx(9e-4, rel=0.01)


def test_a_new_learning_rate_leaves_the_discriminators_alone(digits):
    vae = SmallFactorVAE(max_iter=1, warm_start=True, **FAST).fit(digits)
    net = vae.set_params(learning_rate_init=5e-3).fit(digits).net_
    rates = [net.optimizer_of(p).param_groups[0]["lr"] for p in net.module_]
    assert rates == [5e-3, 1e-4]


def through_skops(estimator):
    data = skops_io.dumps(estimator)
    unknown = skops_io.get_untrusted_types(data=data)
    assert unknown == ["sk_bvae.estimators._factor_vae.FactorVAE"]
    return skops_io.loads(data, trusted=unknown)


ROUND_TRIPS = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "skops": through_skops,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_a_loaded_estimator_goes_on_to_the_same_bits(digits, trip):
    """With the discriminator, and what its optimizer remembers of the past."""
    X = digits[:128]
    vae = FactorVAE(max_iter=1, **FAST).fit(X)
    loaded = trip(vae)
    for one in (vae, loaded):
        one.partial_fit(X)
    states = [one.net_.module_.state_dict() for one in (vae, loaded)]
    assert states[0].keys() == states[1].keys()
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
    for name, curve in vae.history_.items():
        np.testing.assert_array_equal(loaded.history_[name], curve)


def test_a_negative_gamma_is_refused(digits):
    with pytest.raises(ValueError, match="'gamma' parameter of FactorVAE"):
        FactorVAE(gamma=-1.0).fit(digits)
