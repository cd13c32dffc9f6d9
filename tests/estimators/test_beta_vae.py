import numpy as np
import pytest

from sk_bvae import BetaVAE


@pytest.mark.filterwarnings("ignore:No latent")  # beta=16 is meant to be too much
def test_total_kl_falls_along_beta(digits):
    totals = [
        np.median(
            [
                BetaVAE(beta=beta, max_iter=10, random_state=seed).fit(digits).kl_.sum()
                for seed in range(3)
            ]
        )
        for beta in (0.25, 1, 4, 16)
    ]
    assert (np.diff(totals) < 0).all(), totals


def test_beta_norm(digits):
    vae = BetaVAE(5, beta=4, max_iter=1, random_state=0).fit(digits)
    assert vae.beta_norm_ == pytest.approx(4 * 5 / 64)


def test_reported_terms_add_up_to_the_loss(digits):
    vae = BetaVAE(beta=3, max_iter=3, random_state=0).fit(digits)
    history = vae.history_
    total = history["reconstruction"] + 3 * history["kl"].sum(axis=1)
    np.testing.assert_allclose(history["loss"], total, rtol=1e-6)


def test_dead_latents_are_reported(digits):
    with pytest.warns(UserWarning, match=r"beta=10000\.0 outweighs.*lower beta"):
        vae = BetaVAE(beta=1e4, max_iter=20, random_state=0).fit(digits)
    assert vae.n_active_components_ == 0


def test_beta_can_be_annealed_by_warm_starts(digits):
    vae = BetaVAE(beta=0.1, max_iter=5, warm_start=True, random_state=0).fit(digits)
    before = vae.kl_.sum()
    vae.set_params(beta=3).fit(digits)
    assert vae.kl_.sum() < before
    assert vae.beta_norm_ == pytest.approx(3 * 10 / 64)
