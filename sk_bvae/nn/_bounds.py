"""Bounds on the log density of data."""

import math

import torch


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
    n_samples, n_draws, n_components = noise.shape
    mean, log_variance = (part.unsqueeze(1) for part in vae.posterior(x))
    z = mean + (0.5 * log_variance).exp() * noise
    output = vae.decode(z.reshape(-1, n_components)).view(n_samples, n_draws, -1)
    target = vae.likelihood.standardize(x).unsqueeze(1).expand_as(output)
    # the normalising constants of p(z) and q(z|x) cancel
    log_prior_over_posterior = 0.5 * (noise.square() + log_variance - z.square())
    log_weights = log_prior_over_posterior.sum(-1) - vae.likelihood.nll(output, target)
    return torch.logsumexp(log_weights, dim=1) - math.log(n_draws)
