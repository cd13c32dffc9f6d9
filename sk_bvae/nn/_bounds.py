"""Bounds on the log density of data."""

import math

import torch

from sk_bvae.nn._math import bound_log_variance

# Rows that are decoded at once: bounds the memory of many draws for each of few rows.
DECODED_ROWS = 1024


def importance_weighted_bound(vae, x, noise):
    """Compute the importance-weighted bound on log p(x).

    log 1/K sum_k p(x, z_k) / q(z_k|x), z_k ~ q(z|x): equation 8 of Burda et al. 2016.
    With K=1 its mean is the ELBO; it grows with K, on average, towards log p(x).

    Parameters
    ----------
    vae : VAE
        The model.

    x : Tensor of shape (n_samples, n_features)
        Data in its own units.

    noise : Tensor of shape (n_samples, n_draws, n_components)
        Draws from N(0, 1).

    Returns
    -------
    bound : Tensor of shape (n_samples,)
        In nats.
    """
    proposal = vae.posterior(x)
    log_weights = [some for some, _, _ in _draws(vae, x, proposal, noise)]
    return torch.logsumexp(torch.cat(log_weights, dim=1), dim=1) - math.log(
        noise.shape[1]
    )


def importance_weighted_mean(vae, x, noise):
    """Estimate the mean of new data given x, E[E[x'|z] | x].

    sum_k w_k E[x'|z_k], z_k ~ q(z|x), with weights in the proportion of
    p(x, z_k) / q(z_k|x) that add up to 1 (Mattei and Frellsen 2019). Where much of x is
    missing an encoder says little, and of its draws few count. So they are drawn in
    rounds, each but the first from the moments of the last one's draws.

    Parameters
    ----------
    vae : VAE
        The model.

    x : Tensor of shape (n_samples, n_features)
        Data in its own units.

    noise : Tensor of shape (n_samples, n_rounds, n_draws, n_components)
        Draws from N(0, 1).

    Returns
    -------
    mean : Tensor of shape (n_samples, n_features)
        In the data's own units, of the last round's draws.
    """
    *first, last = noise.unbind(dim=1)
    proposal = vae.posterior(x)
    for of_round in first:
        log_weights, z, _ = zip(*_draws(vae, x, proposal, of_round), strict=True)
        proposal = _moments(torch.cat(log_weights, dim=1), torch.cat(z, dim=1))
    log_total, mean = torch.full_like(x[:, :1], -math.inf), torch.zeros_like(x)
    for log_weights, _, output in _draws(vae, x, proposal, last):
        of_these = torch.logsumexp(log_weights, dim=1, keepdim=True)
        log_total = torch.logaddexp(log_total, of_these)
        shares = (log_weights - log_total).exp().unsqueeze(1)
        apart = vae.likelihood.mean(output) - mean.unsqueeze(1)
        mean = mean + (shares @ apart).squeeze(1)
    return mean


def _draws(vae, x, proposal, noise):
    """Yield log p(x, z) / q(z), z, and what it decodes to, of a few draws at a time."""
    mean, log_variance = (part.unsqueeze(1) for part in proposal)
    target, observed = vae._standardize(x.unsqueeze(1))
    draws_at_once = max(1, DECODED_ROWS // len(x))
    for some in noise.split(draws_at_once, dim=1):
        n_samples, n_draws, n_components = some.shape
        z = mean + (0.5 * log_variance).exp() * some
        output = vae.decode(z.reshape(-1, n_components)).view(n_samples, n_draws, -1)
        nll = vae._nll(output, target.expand_as(output), observed)
        yield log_prior_over_posterior(z, some, log_variance) - nll, z, output


def log_prior_over_posterior(z, noise, log_variance):
    """Compute log p(z) / q(z|x) of draws, whose normalising constants cancel."""
    return 0.5 * (noise.square() + log_variance - z.square()).sum(-1)


def _moments(log_weights, z):
    """Take the mean and the log variance of weighted draws.

    Where log weights spread by more than a nat they are scaled down to that: else a
    few draws had it all, and no variance.
    """
    spread = log_weights.std(dim=1, correction=0, keepdim=True)
    shares = (log_weights / spread.clamp(min=1)).softmax(dim=1).unsqueeze(1)
    mean = shares @ z
    variance = shares @ (z - mean).square()
    return mean.squeeze(1), bound_log_variance(variance.log()).squeeze(1)
