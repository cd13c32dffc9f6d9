"""Bounds on the log density of data."""

import math

import torch

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
    posterior = [part.unsqueeze(1) for part in vae.posterior(x)]
    target = vae.likelihood.standardize(x).unsqueeze(1)
    draws_at_once = max(1, DECODED_ROWS // len(x))
    log_weights = [
        _log_weights(vae, target, *posterior, some)
        for some in noise.split(draws_at_once, dim=1)
    ]
    return torch.logsumexp(torch.cat(log_weights, dim=1), dim=1) - math.log(
        noise.shape[1]
    )


def _log_weights(vae, target, mean, log_variance, noise):
    """Compute log p(x, z) / q(z|x) for each draw."""
    n_samples, n_draws, n_components = noise.shape
    z = mean + (0.5 * log_variance).exp() * noise
    output = vae.decode(z.reshape(-1, n_components)).view(n_samples, n_draws, -1)
    nll = vae.likelihood.nll(output, target.expand_as(output))
    return log_prior_over_posterior(z, noise, log_variance) - nll


def log_prior_over_posterior(z, noise, log_variance):
    """Compute log p(z) / q(z|x) of draws, whose normalising constants cancel."""
    return 0.5 * (noise.square() + log_variance - z.square()).sum(-1)
