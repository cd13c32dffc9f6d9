"""The affine model's optimum against a numerical one."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from sk_bvae.nn._closed_form import Spectrum, linear_optimum, price_of

EIGENVALUES = np.array([5.0, 2.0, 1.2, 0.7, 0.3, 0.3, 0.2, 0.1])
LARGEST = Spectrum(EIGENVALUES[:5], EIGENVALUES.sum(), len(EIGENVALUES))


def objective(log_noise, beta):
    """The best loss of affine maps whose noise is given."""
    noise = np.exp(log_noise)
    alive = EIGENVALUES[:5] > beta * noise
    errors = (
        np.where(alive, beta * noise, EIGENVALUES[:5]).sum() + EIGENVALUES[5:].sum()
    )
    kl = 0.5 * np.log(EIGENVALUES[:5][alive] / (beta * noise)).sum()
    return (
        len(EIGENVALUES) / 2 * (np.log(2 * np.pi) + log_noise)
        + errors / noise / 2
        + (beta * kl)
    )


@pytest.mark.parametrize("beta", [0.05, 0.5, 1.0, 1.5, 2.0, 4.0])
def test_the_noise_is_the_best(beta):
    optimum = linear_optimum(LARGEST, beta)
    grid = np.linspace(-6, 2, 400)
    start = grid[np.argmin([objective(at, beta) for at in grid])]
    best = minimize_scalar(objective, bracket=(start - 0.1, start + 0.1), args=(beta,))
    assert optimum.noise_variance == pytest.approx(np.exp(best.x), rel=1e-5)


@pytest.mark.parametrize("beta", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("noise_variance", [None, 0.2])
def test_each_latent_minimises_its_share_of_the_loss(beta, noise_variance):
    """Of E[(x - w z)^2] / 2 s + beta KL, for z of mean g x and variance v."""
    optimum = linear_optimum(LARGEST._replace(noise_variance=noise_variance), beta)
    noise = optimum.noise_variance

    def loss(eigenvalue, length, gain, variance):
        error = eigenvalue * (1 - length * gain) ** 2 + length**2 * variance
        kl = 0.5 * (variance + gain**2 * eigenvalue - 1 - np.log(variance))
        return error / (2 * noise) + beta * kl

    for eigenvalue, *latent in zip(EIGENVALUES, *optimum[1:], strict=False):
        least = loss(eigenvalue, *latent)
        for place in range(3):
            for factor in (0.99, 1.01):
                moved = np.array(latent)
                moved[place] = moved[place] * factor + (latent[0] == 0) * 0.01
                assert loss(eigenvalue, *moved) >= least


def test_beta_1_is_probabilistic_pca():
    optimum = linear_optimum(LARGEST, 1.0)
    assert optimum.noise_variance == pytest.approx(EIGENVALUES[5:].mean())


def test_dead_latents_stand_at_the_prior():
    optimum = linear_optimum(LARGEST._replace(noise_variance=1.0), 1.0)
    assert (optimum.lengths > 0).tolist() == [True, True, True, False, False]
    assert (optimum.variances[3:] == 1).all()
    assert (optimum.kl[3:] == 0).all()


def test_what_the_latents_say_whole_leaves_a_little_noise():
    optimum = linear_optimum(Spectrum(np.array([2.0, 1.0]), 3.0, 2), 0.5)
    assert 0 < optimum.noise_variance < 1e-5


@pytest.mark.parametrize("kl", [0.5, 3.0, 8.0])
def test_the_price_of_some_nats(kl):
    price = price_of(kl, LARGEST)
    assert linear_optimum(LARGEST, price).kl.sum() == pytest.approx(kl, abs=1e-6)
    assert linear_optimum(LARGEST, price_of(0.0, LARGEST)).kl.sum() == 0
