import numpy as np
import pytest
import torch
from scipy import integrate, stats

from sk_bvae.nn import gaussian_kl, reparameterize
from sk_bvae.nn._math import LOG_VARIANCE_BOUND, bound_log_variance


@pytest.mark.parametrize("mean", [-3.0, 0.0, 0.7])
@pytest.mark.parametrize("std", [0.05, 1.0, 2.5])
def test_gaussian_kl_is_the_integral(mean, std):
    q, p = stats.norm(mean, std), stats.norm()

    def integrand(z):
        return q.pdf(z) * (q.logpdf(z) - p.logpdf(z))

    expected, _ = integrate.quad(integrand, mean - 12 * std, mean + 12 * std)
    log_variance = torch.tensor(2 * np.log(std), dtype=torch.float64)
    kl = gaussian_kl(torch.tensor(mean, dtype=torch.float64), log_variance)
    assert kl.item() == pytest.approx(expected, abs=1e-6)


def test_gaussian_kl_keeps_small_divergences_in_float32():
    log_variance = torch.tensor(1e-3)
    expected = 0.5 * (np.expm1(1e-3) - 1e-3)
    kl = gaussian_kl(torch.tensor(0.0), log_variance).item()
    assert kl == pytest.approx(expected, rel=1e-3)


def test_gaussian_kl_gradient_agrees_with_finite_differences():
    mean = torch.tensor([0.3, -2.0], dtype=torch.float64, requires_grad=True)
    log_variance = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(gaussian_kl, (mean, log_variance))


def test_reparameterize_draws_from_the_posterior():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(200_000, generator=generator)
    mean, log_variance = torch.tensor(2.0), torch.tensor(np.log(0.25))
    z = reparameterize(mean, log_variance, noise)
    assert z.mean().item() == pytest.approx(2.0, abs=0.01)
    assert z.std().item() == pytest.approx(0.5, abs=0.01)


def test_reparameterize_gradient_agrees_with_finite_differences():
    arguments = [
        torch.tensor([value], dtype=torch.float64, requires_grad=True)
        for value in (0.3, 0.5, -1.2)
    ]
    assert torch.autograd.gradcheck(reparameterize, arguments)


def test_log_variances_are_bounded():
    bounded = bound_log_variance(torch.tensor([-1e9, 0.5, 1e9]))
    assert bounded.tolist() == [-LOG_VARIANCE_BOUND, 0.5, LOG_VARIANCE_BOUND]
