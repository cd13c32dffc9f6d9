"""Bugs of neighbouring libraries, each shown to be absent here.

What each neighbour does wrong is in the test's docstring. Bugs of objectives and
metrics that have a page of tests of their own are tested there: weights in the wrong
column and constants left out in ``test_beta_tcvae.py``, a discriminator's loss that
leaks into the encoder in ``test_factor_vae.py``, one number added to every covariance
in ``test_dip_vae.py``.
"""

import random

import numpy as np
import pytest
import torch
from sklearn.base import clone

from sk_bvae import BetaTCVAE, BetaVAE, CapacityVAE
from sk_bvae.nn import Batch

pytestmark = pytest.mark.filterwarnings("ignore:No latent")  # a few steps make none

# Rows for every model: as few as show the bug, for a discriminator is slow.
FEW = slice(200)

QUICK = {"hidden_layer_sizes": (16,), "max_iter": 3, "random_state": 0}
FAST = {**QUICK, "init": "random", "early_stopping": False}


def gradients(vae, digits, beta):
    """Compute the gradient of the loss of one batch at the first weights."""
    players = vae.net_.module_
    players.zero_grad()
    noise = torch.randn(1, 64, 10, generator=torch.Generator().manual_seed(0))
    batch = Batch(torch.tensor(digits[None, :64]), noise, n_rows=len(digits))
    vae.objective(players, batch, beta=beta).players["vae"].backward()
    return players["vae"].encoder[-1].weight.grad.clone()


def test_beta_is_not_dead(digits):
    """PyOD clamps the KL to [0, 0]: its gradient vanishes at any beta."""
    vae = BetaVAE(**FAST).fit(digits)
    assert not torch.allclose(gradients(vae, digits, 1), gradients(vae, digits, 4))
    weak, strong = (BetaVAE(**FAST, beta=b).fit(digits).kl_.sum() for b in (0.1, 50))
    assert strong < weak / 2


def test_terms_are_sums_over_features_and_latents(digits):
    """Disent averages over pixels and latents, so that its beta=0.003 is our 4."""
    wide = np.hstack([digits, digits])
    likelihood = {"likelihood": "bernoulli"}
    one = BetaVAE(**FAST, **likelihood, beta=0).fit(digits)
    two = BetaVAE(**FAST, **likelihood, beta=0).fit(wide)
    ratio = two.history_["reconstruction"][0] / one.history_["reconstruction"][0]
    assert ratio == pytest.approx(2, rel=0.05)
    assert one.history_["kl"].shape == (3, 10)


def test_encoding_is_deterministic(digits, Estimator):
    """Pythae's embed draws from the posterior: two calls differ."""
    vae = Estimator(**QUICK).fit(digits[FEW])
    np.testing.assert_array_equal(
        vae.transform(digits[FEW]), vae.transform(digits[FEW])
    )


def test_float64_fits(digits, Estimator):
    """Pythae raises on float64."""
    X = digits[FEW].astype(np.float64)
    vae = Estimator(**QUICK).fit(X)
    np.testing.assert_array_equal(vae.transform(X), vae.transform(digits[FEW]))


def test_clone_works(digits, Estimator):
    """Pythae's models cannot be cloned."""
    vae = Estimator(**QUICK).fit(digits[FEW])
    copy = clone(vae)
    assert copy.get_params() == vae.get_params()
    assert not hasattr(copy, "net_")


def test_output_is_not_squeezed_into_0_1(digits):
    """Pythae's decoders end in a sigmoid whatever the data."""
    X = digits * 30 - 10
    vae = BetaVAE(beta=0.1, max_iter=10, random_state=0).fit(X)
    decoded = vae.inverse_transform(vae.transform(X))
    assert decoded.min() < -5
    assert decoded.max() > 5


def test_capacity_is_compared_with_the_batch_mean(digits):
    """Pythae takes |KL - C| row by row, which forbids rows to differ in KL."""
    vae = CapacityVAE(capacity=10, max_iter=30, random_state=0).fit(digits)
    mean, std = vae.posterior(digits)
    kl = (0.5 * (mean**2 + std**2 - 1) - np.log(std)).sum(axis=1)
    assert abs(kl.mean() - 10) < 1
    assert kl.std() > 0.5


def test_the_ramp_counts_steps_not_epochs(digits):
    """Pythae's capacity jumps once an epoch, by an amount that ignores max_iter."""
    vae = CapacityVAE(capacity=6, capacity_ramp=1, **FAST).fit(digits)
    np.testing.assert_allclose(vae.history_["capacity"], [2, 4, 6])
    one = CapacityVAE(capacity=6, capacity_ramp=1, **{**FAST, "max_iter": 1})
    assert one.fit(digits).history_["capacity"] == [6]


def test_evaluation_does_not_advance_the_capacity(digits):
    """Capacity counters elsewhere advance in validation."""
    plain = CapacityVAE(**FAST).fit(digits)
    watched = CapacityVAE(**{**FAST, "early_stopping": True}).fit(digits)
    for vae in (plain, watched):
        vae.score(digits)
    np.testing.assert_allclose(watched.history_["capacity"], plain.history_["capacity"])


def test_the_total_correlation_is_in_nats(digits):
    """Disentanglement_lib leaves constants out: its estimate is below -37 here."""
    history = BetaTCVAE(beta=1, **FAST).fit(digits).history_
    correlation = history["correlation"]
    assert (correlation > -0.1).all()
    assert (correlation < history["kl"].sum(axis=1)).all()


def test_no_global_seed_is_set(digits, Estimator):
    """Pythae and PyOD seed torch, NumPy and random as a side effect."""

    def draws():
        return torch.rand(2).tolist(), random.random(), np.random.rand()  # noqa: NPY002

    seeds = torch.manual_seed, random.seed, np.random.seed
    for seed in seeds:
        seed(5)
    expected = draws()
    for seed in seeds:
        seed(5)
    Estimator(**QUICK).fit(digits[FEW]).transform(digits[FEW])
    assert draws() == expected


def test_fewer_rows_than_a_batch_fit(digits, Estimator):
    """PyOD crashes when there are fewer rows than a batch."""
    vae = Estimator(**QUICK, batch_size=64).fit(digits[:10])
    assert vae.transform(digits[:10]).shape == (10, vae.n_components)
