"""beta-TCVAE, against the closed forms of correlated Gaussians and its formula."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import nn

from sk_bvae import BetaTCVAE, BetaVAE
from sk_bvae.metrics import gaussian_total_correlation
from sk_bvae.nn import Batch, Terms
from sk_bvae.nn._kl_parts import _log_weights, decompose_kl


def white(draws, *others):
    """Make the sample's covariance exactly I, and 0 with all others; means 0."""
    known = np.column_stack([np.ones(len(draws)), *others])
    draws = draws - known @ np.linalg.lstsq(known, draws)[0]
    factor = np.linalg.cholesky(draws.T @ draws / len(draws))
    return np.linalg.solve(factor, draws.T).T


class Gaussians:
    """Posteriors whose mixture is as good as a normal distribution that is known.

    The means are ``loadings`` times normal factors, the posteriors have the ``width``
    of their latent, so q(z) is N(0, S) with S = loadings loadings^T + width^2. Two
    things come between that and what a sample says. The noise of sampling: factors
    and noise are whitened, so that z has the covariance S exactly, and with it the
    mean of any quadratic form, of which log densities are made, is exact. And how
    coarse the mixture is: a row's own posterior is over-represented in it by a share
    of exp(2 I) / n_rows, with I the mutual information of rows and latents. So the
    posteriors have to be wide where the correlation is large: few common factors, and
    no latent much narrower than the spread of its means.
    """

    def __init__(self, loadings, width, n_rows, rng):
        loadings, width = np.asarray(loadings), np.asarray(width)
        n_latents, n_factors = loadings.shape
        factors = white(rng.normal(size=(n_rows, n_factors)))
        noise = white(rng.normal(size=(n_rows, n_latents)), factors)
        self.mean = torch.from_numpy(factors @ loadings.T)
        self.log_variance = torch.from_numpy(2 * np.log(width)).expand(n_rows, -1)
        self.z = self.mean + torch.from_numpy(noise * width)
        S = loadings @ loadings.T + np.diag(width**2)
        variances, log_det = np.diag(S), np.linalg.slogdet(S)[1]
        self.information = 0.5 * (log_det - 2 * np.log(width).sum())
        self.correlation = 0.5 * (np.log(variances).sum() - log_det)
        self.dimension_wise = 0.5 * (variances - 1 - np.log(variances)).sum()

    def __iter__(self):
        return iter((self.z, self.mean, self.log_variance))

    @property
    def truth(self):
        return np.array([self.information, self.correlation, self.dimension_wise])


def three(rng):
    """1,000 rows, 3 latents: 1.20 nats of correlation, exp(2 I) / n_rows = 0.015."""
    return Gaussians([[1.5], [-2.0], [3.0]], [0.8, 1.0, 1.2], 1000, rng)


def ten(rng):
    """1,000 rows, 10 latents: 3.73 nats of correlation, exp(2 I) / n_rows = 0.25."""
    first = [1.2, -0.9, -1.4, 0.9, 1.2, -1.1, 1.4, -1.2, -0.7, -1.4]
    second = [0.7, 1.5, 1.3, -1.0, -0.6, -0.8, -0.6, -1.4, -1.4, 0.5]
    width = np.linspace(0.6, 1.4, 10)
    return Gaussians(np.column_stack([first, second]), width, 1000, rng)


def independent(rng):
    """1,000 rows, 3 latents that carry 1.1 nats and share none."""
    return Gaussians(np.diag([1.0, -0.8, 1.2]), [0.8, 1.0, 1.2], 1000, rng)


def estimate(gaussians, n_rows):
    parts = decompose_kl(*gaussians, n_rows)
    return np.array([part.mean().item() for part in parts])


@pytest.fixture
def posteriors(rng):
    """Draws, means and log variances of 12 rows with 3 latents, all different."""
    return tuple(torch.from_numpy(rng.normal(size=(12, 3))) for _ in range(3))


# The three parts


@pytest.mark.parametrize(("make", "within"), [(three, 0.02), (ten, 0.05)])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_parts_of_correlated_gaussians_are_the_true_ones(make, within, seed):
    """At full batch."""
    gaussians = make(np.random.default_rng(seed))
    np.testing.assert_allclose(
        estimate(gaussians, n_rows=1000), gaussians.truth, rtol=within
    )


@pytest.mark.parametrize(("make", "within"), [(three, 0.02), (ten, 0.05)])
def test_a_batch_of_many_rows_is_not_off_by_a_constant(rng, make, within):
    """Disentanglement_lib leaves out the logarithm of the weights.

    Then the correlation is log(n_rows batch_size), here 18 nats, too small for each
    latent after the first.
    """
    gaussians = make(rng)
    np.testing.assert_allclose(
        estimate(gaussians, n_rows=100_000), gaussians.truth, rtol=within
    )


@pytest.mark.parametrize("n_rows", [1000, 100_000])
def test_independent_latents_have_no_correlation(rng, n_rows):
    """Neither more nor less: the estimate is not negative by a constant."""
    information, correlation, _ = estimate(independent(rng), n_rows)
    assert information > 1
    assert abs(correlation) < 0.02


@pytest.mark.parametrize(
    ("n_samples", "n_rows"), [(12, 12), (12, 13), (12, 5000), (1, 1), (1, 5000)]
)
def test_the_parts_add_up_to_the_kl_row_by_row(posteriors, n_samples, n_rows):
    z, mean, log_variance = (term[:n_samples] for term in posteriors)
    parts = decompose_kl(z, mean, log_variance, n_rows)
    log_posterior = norm.logpdf(z, mean, (log_variance / 2).exp()).sum(axis=1)
    expected = log_posterior - norm.logpdf(z).sum(axis=1)
    assert all(part.shape == (n_samples,) for part in parts)
    np.testing.assert_allclose(sum(parts), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_rows", [1, 5000])
def test_one_row_alone_says_nothing_of_the_others(posteriors, n_rows):
    information, correlation, _ = decompose_kl(*(t[:1] for t in posteriors), n_rows)
    assert information.item() == correlation.item() == 0


@pytest.mark.parametrize("n_rows", [12, 13, 5000])
def test_the_parts_are_the_written_formulas(posteriors, n_rows):
    """In plain loops: the batch's rows, a draw's own counting 1 / n_rows."""
    parts = torch.stack(decompose_kl(*posteriors, n_rows), dim=1)
    z, mean, log_variance = (term.numpy() for term in posteriors)
    for i, row in enumerate(z):
        weights = np.full(12, (1 - 1 / n_rows) / 11)
        weights[i] = 1 / n_rows
        density = norm.pdf(row, mean, np.exp(log_variance / 2))
        joint = weights @ density.prod(axis=1)
        product = (weights @ density).prod()
        own, prior = density[i].prod(), norm.pdf(row).prod()
        expected = np.log([own / joint, joint / product, product / prior])
        np.testing.assert_allclose(parts[i], expected, atol=1e-6)


@pytest.mark.parametrize("n_rows", [12, 5000])
def test_the_order_of_the_rows_does_not_matter(posteriors, rng, n_rows):
    """It does where a column, not the diagonal, is what counts 1 / n_rows."""
    order = torch.from_numpy(rng.permutation(12))
    moved = decompose_kl(*(term[order] for term in posteriors), n_rows)
    for ours, part in zip(moved, decompose_kl(*posteriors, n_rows), strict=True):
        torch.testing.assert_close(ours, part[order], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("n_samples", "n_rows"), [(1, 1), (1, 9), (5, 5), (5, 5000)])
def test_weights_are_shares_and_a_rows_own_is_one_of_all(n_samples, n_rows):
    weights = _log_weights(n_samples, n_rows).exp()
    np.testing.assert_allclose(weights.sum(dim=1), 1, atol=1e-6)
    assert torch.equal(weights, weights.T)
    if n_samples > 1:
        np.testing.assert_allclose(weights.diagonal(), 1 / n_rows, rtol=1e-6)


# The objective


class Fixed(nn.Module):
    """Gives the same terms whatever it sees."""

    def __init__(self, terms):
        super().__init__()
        self.terms = terms

    def forward(self, x, noise):
        return self.terms


def losses_of(posteriors, n_rows, **weights):
    z, mean, log_variance = posteriors
    nll = torch.arange(12.0, dtype=torch.float64)
    kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance)
    players = {"vae": Fixed(Terms(nll, kl, mean, log_variance, z))}
    nothing = torch.zeros(1, 1, 1)
    batch = Batch(nothing, nothing, n_rows)
    return BetaTCVAE.objective(players, batch, **weights)


@pytest.mark.parametrize("n_rows", [12, 5000])
@pytest.mark.parametrize(
    ("alpha", "beta", "gamma"), [(1, 6, 1), (0.5, 3, 2), (0, 0, 0), (1, 1, 1)]
)
def test_the_loss_is_the_written_formula(posteriors, n_rows, alpha, beta, gamma):
    """The dimension-wise part is what the KL in closed form leaves to the others."""
    losses = losses_of(posteriors, n_rows, alpha=alpha, beta=beta, gamma=gamma)
    information, correlation, _ = decompose_kl(*posteriors, n_rows)
    kl = losses.report["kl"].sum(dim=1)
    rest = kl - information - correlation
    row = losses.report["reconstruction"] + alpha * information + beta * correlation
    expected = (row + gamma * rest).mean().item()
    assert losses.players["vae"].item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("weight", "part"), [("alpha", "information"), ("beta", "correlation")]
)
def test_the_derivative_by_a_weight_is_its_part(posteriors, weight, part):
    value = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    weights = {"alpha": 1, "beta": 6, "gamma": 1, weight: value}
    losses = losses_of(posteriors, 5000, **weights)
    losses.players["vae"].backward()
    expected = losses.report[part].mean().item()
    assert value.grad.item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.filterwarnings("ignore:No latent")
@pytest.mark.parametrize("weight", [1, 3])
def test_equal_weights_make_a_beta_vae(digits, weight):
    params = {"hidden_layer_sizes": (16,), "max_iter": 2, "random_state": 0}
    params |= {"init": "random", "early_stopping": False}  # of losses that differ
    weights = dict.fromkeys(("alpha", "beta", "gamma"), weight)
    tcvae = BetaTCVAE(4, **weights, **params).fit(digits)
    vae = BetaVAE(4, beta=weight, **params).fit(digits)
    np.testing.assert_allclose(
        tcvae.transform(digits), vae.transform(digits), atol=1e-5
    )
    np.testing.assert_allclose(tcvae.loss_curve_, vae.loss_curve_, rtol=1e-6)


def test_reported_terms_add_up(digits):
    """To the loss, and the parts, up to the draw of z, to the KL."""
    vae = BetaTCVAE(4, alpha=0.5, beta=3, gamma=2, max_iter=3, random_state=0)
    history = vae.fit(digits).history_
    kl = history["kl"].sum(axis=1)
    total = history["reconstruction"] + 2 * kl
    total += (0.5 - 2) * history["information"] + (3 - 2) * history["correlation"]
    np.testing.assert_allclose(history["loss"], total, rtol=1e-6)
    parts = sum(
        history[part] for part in ("information", "correlation", "dimension_wise")
    )
    np.testing.assert_allclose(parts, kl, atol=0.2)  # four deviations of the mean


# What comes of it


def test_a_larger_beta_makes_latents_less_correlated(digits):
    """Median of three seeds; beta=1 is a variational autoencoder."""
    params = {"hidden_layer_sizes": (16,), "learning_rate_init": 2e-3, "max_iter": 15}
    without, dear = (
        np.median(
            [
                gaussian_total_correlation(
                    BetaTCVAE(4, beta=beta, random_state=seed, **params).fit_transform(
                        digits
                    )
                )
                for seed in range(3)
            ]
        )
        for beta in (1, 6)
    )
    assert dear < without / 2


def test_dead_latents_are_reported(digits):
    vae = BetaTCVAE(alpha=1e4, beta=1e4, gamma=1e4, max_iter=20, random_state=0)
    with pytest.warns(UserWarning, match=r"alpha=10000\.0, beta=.*lower them"):
        vae.fit(digits)


@pytest.mark.parametrize("weight", ["alpha", "beta", "gamma"])
def test_negative_weights_are_refused(digits, weight):
    with pytest.raises(ValueError, match=f"'{weight}' parameter of BetaTCVAE"):
        BetaTCVAE(**{weight: -1.0}).fit(digits)
