"""Closed forms for diagonal Gaussians.

A small network's step is mostly the cost of starting torch's operations, so each
formula is written with as few of them as it can be.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

LOG_2PI = math.log(2 * math.pi)

# exp(+-24) spans 4e-11 to 3e10: room for every useful variance, none for infinity.
LOG_VARIANCE_BOUND = 24.0


def bound_log_variance(log_variance):
    """Clamp log variances to where float32 keeps their exponentials harmless."""
    # hardtanh is clamp with a gradient in one operation instead of four
    return F.hardtanh(log_variance, -LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND)


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence from N(0, 1) to N(mean, variance), elementwise.

    KL = (mean^2 + variance - 1 - log variance) / 2, Kingma and Welling 2014,
    appendix B.

    Parameters
    ----------
    mean : Tensor
        Means of the posterior.

    log_variance : Tensor
        Log variances of the posterior, of the same shape.

    Returns
    -------
    kl : Tensor
        Divergences in nats, of the same shape; sum them over the latents.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import gaussian_kl
    >>> gaussian_kl(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 0.0]))
    tensor([0.0000, 0.5000])
    """
    # expm1 also keeps the divergence exact where the posterior is close to the prior
    return 0.5 * torch.addcmul(log_variance.expm1() - log_variance, mean, mean)


def reparameterize(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    """Turn standard normal noise into a draw from N(mean, variance).

    z = mean + exp(log_variance / 2) noise, Kingma and Welling 2014, section 2.4:
    the draw is a differentiable function of the posterior's parameters.

    Parameters
    ----------
    mean : Tensor
        Means of the posterior.

    log_variance : Tensor
        Log variances of the posterior, of the same shape.

    noise : Tensor
        Draws from N(0, 1), of the same shape.

    Returns
    -------
    z : Tensor
        The draw, of the same shape.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import reparameterize
    >>> reparameterize(torch.tensor([1.0]), torch.tensor([0.0]), torch.tensor([-2.0]))
    tensor([-1.])
    """
    return torch.addcmul(mean, (0.5 * log_variance).exp(), noise)


def gaussian_log_density(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log density of N(mean, variance) at z, elementwise.

    Parameters
    ----------
    z : Tensor
        Where.

    mean : Tensor
        Means, of a shape that broadcasts with z's.

    log_variance : Tensor
        Log variances, of the same shape as the means.

    Returns
    -------
    log_density : Tensor
        In nats, of the shape that the arguments broadcast to.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import gaussian_log_density
    >>> zero = torch.zeros(1)
    >>> gaussian_log_density(zero, zero, zero)
    tensor([-0.9189])
    """
    squares = (z - mean).square() * (-log_variance).exp()
    return -0.5 * (LOG_2PI + log_variance + squares)
