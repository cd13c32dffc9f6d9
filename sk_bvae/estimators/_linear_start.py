"""A start where the affine model ends."""

import numpy as np
import torch
from torch import nn

from sk_bvae.nn._closed_form import linear_optimum
from sk_bvae.nn._likelihoods import LOG_VARIANCE_PACE
from sk_bvae.nn._networks import BesideLinear

# A latent that is dead at the start keeps this share of its random weights: with none
# it would stand on a saddle, and never wake.
SHARE_OF_THE_DEAD = 0.1


@torch.no_grad()
def start_at_linear_optimum(vae, principal, choose_beta):
    """Set a VAE with linear paths to the optimum of the affine model.

    Parameters
    ----------
    vae : VAE
        Whose Gaussian likelihood knows its scale.

    principal : PrincipalAxes
        Of the data, in its own units.

    choose_beta : callable
        ``choose_beta(eigenvalues, total, n_features, noise_variance)`` returns the
        weight of the KL.
    """
    likelihood = vae.likelihood
    variance = likelihood.scale.item() ** 2
    noise = likelihood.noise_variance
    spectrum = (
        principal.eigenvalues / variance,
        principal.total / variance,
        principal.axes.shape[1],
        None if noise is None else noise / variance,
    )
    beta = choose_beta(*spectrum)
    eigenvalues, total, n_features, noise = spectrum
    optimum = linear_optimum(eigenvalues, total, n_features, beta, noise)
    if noise is None:
        log_variance = np.log(optimum.noise_variance)
        likelihood.paced_log_variance.fill_(log_variance / LOG_VARIANCE_PACE)
    _set_encoder(_linear_path(vae.encoder), optimum, principal.axes)
    _set_decoder(_linear_path(vae.decoder), optimum, principal.axes)


def _linear_path(network):
    """Return the linear path, and silence what stands beside it."""
    if not isinstance(network, BesideLinear):
        return network[0]
    last = network.network[-1]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return network.linear


def _set_encoder(linear, optimum, axes):
    n_components = linear.out_features // 2
    linear.bias.zero_()
    means, log_variances = linear.weight.split(n_components)
    log_variances.zero_()
    means *= SHARE_OF_THE_DEAD
    alive = np.flatnonzero(optimum.lengths)
    means[alive] = _like(means, optimum.gains[alive, None] * axes[alive])
    linear.bias[n_components + alive] = _like(means, np.log(optimum.variances[alive]))


def _set_decoder(linear, optimum, axes):
    linear.bias.zero_()
    linear.weight *= SHARE_OF_THE_DEAD
    alive = np.flatnonzero(optimum.lengths)
    columns = (optimum.lengths[alive, None] * axes[alive]).T
    linear.weight[:, alive] = _like(linear.weight, columns)


def _like(tensor, array):
    return torch.from_numpy(np.ascontiguousarray(array)).to(tensor)
