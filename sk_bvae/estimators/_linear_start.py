"""A start where the affine model ends."""

import numpy as np
import torch

from sk_bvae.nn._closed_form import Spectrum, linear_optimum
from sk_bvae.nn._math import LOG_VARIANCE_BOUND
from sk_bvae.nn._networks import BesideLinear

# A latent that is dead at the start has an encoder of this size, in units of what keeps
# the variance, and is not decoded: with neither it would stand on a saddle, and never
# wake.
SIZE_OF_THE_DEAD = 0.01


@torch.no_grad()
def start_at_linear_optimum(vae, principal, choose_beta, seed):
    """Set a VAE with linear paths to the optimum of the affine model.

    Parameters
    ----------
    vae : VAE
        Whose Gaussian likelihood knows its scale.

    principal : PrincipalAxes
        Of the data, in its own units.

    choose_beta : callable
        ``choose_beta(spectrum)`` returns the weight of the KL.

    seed : int
        Draws the weights of latents that are dead there.
    """
    likelihood = vae.likelihood
    variance = likelihood.scale.item() ** 2
    noise = likelihood.noise_variance
    spectrum = Spectrum(
        principal.eigenvalues / variance,
        principal.total / variance,
        principal.axes.shape[1],
        None if noise is None else noise / variance,
    )
    optimum = linear_optimum(spectrum, choose_beta(spectrum))
    if noise is None:
        likelihood.start_at(np.log(optimum.noise_variance))
    for network in (vae.encoder, vae.decoder):
        if isinstance(network, BesideLinear):
            _silence(network.network[-1])
    rng = np.random.RandomState(seed)
    _set_encoder(_linear_path(vae.encoder), optimum, principal.axes, rng)
    _set_decoder(_linear_path(vae.decoder), optimum, principal.axes)


def _linear_path(network):
    return network.linear if isinstance(network, BesideLinear) else network[0]


def _silence(linear):
    linear.weight.zero_()
    linear.bias.zero_()


def _set_encoder(linear, optimum, axes, rng):
    shape = linear.out_features // 2, linear.in_features
    means = SIZE_OF_THE_DEAD / np.sqrt(shape[1]) * rng.standard_normal(shape)
    alive = np.flatnonzero(optimum.lengths)
    means[alive] = optimum.gains[alive, None] * axes[alive]
    floor = np.exp(-LOG_VARIANCE_BOUND)  # at beta=0 the closed form says 0
    log_variances = np.zeros(shape[0])
    log_variances[alive] = np.log(np.maximum(optimum.variances[alive], floor))
    nothing = np.zeros_like(means), np.zeros_like(log_variances)
    linear.weight.copy_(_joined(means, nothing[0]))
    linear.bias.copy_(_joined(nothing[1], log_variances))


def _set_decoder(linear, optimum, axes):
    _silence(linear)
    for latent in np.flatnonzero(optimum.lengths):
        column = optimum.lengths[latent] * axes[latent]
        linear.weight[:, latent] = torch.from_numpy(column)


def _joined(of_means, of_log_variances):
    return torch.from_numpy(np.concatenate([of_means, of_log_variances]))
