"""A start where the affine model ends."""

import numpy as np
import torch
from torch import nn

from sk_bvae.nn._closed_form import linear_optimum
from sk_bvae.nn._networks import BesideLinear

# The noise starts where the affine model has it. Ten times slower than from a random
# start it follows what the networks add, and not what they learn by heart: held out,
# that is worth more on small tables than any other setting.
PACE_FROM_OPTIMUM = 1.0

# A latent that is dead at the start has weights of this size, in units of what keeps
# the variance: with none it would stand on a saddle, and never wake.
SIZE_OF_THE_DEAD = 0.1


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
        ``choose_beta(eigenvalues, total, n_features, noise_variance)`` returns the
        weight of the KL.

    seed : int
        Draws the weights of latents that are dead there.
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
        likelihood.paced_log_variance.fill_(log_variance / likelihood.pace)
    rng = np.random.RandomState(seed)
    _set_encoder(_linear_path(vae.encoder), optimum, principal.axes, rng)
    _set_decoder(_linear_path(vae.decoder), optimum, principal.axes, rng)


def _linear_path(network):
    """Return the linear path, and silence what stands beside it."""
    if not isinstance(network, BesideLinear):
        return network[0]
    last = network.network[-1]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return network.linear


def _set_encoder(linear, optimum, axes, rng):
    n_components = linear.out_features // 2
    means, biases = _small(rng, n_components, linear.in_features), np.zeros(n_components)
    alive = np.flatnonzero(optimum.lengths)
    means[alive] = optimum.gains[alive, None] * axes[alive]
    biases[alive] = np.log(optimum.variances[alive])
    linear.weight.copy_(_stacked(means, np.zeros_like(means)))
    linear.bias.copy_(_stacked(np.zeros(n_components), biases))


def _set_decoder(linear, optimum, axes, rng):
    weight = _small(rng, linear.out_features, linear.in_features)
    alive = np.flatnonzero(optimum.lengths)
    weight[:, alive] = (optimum.lengths[alive, None] * axes[alive]).T
    linear.weight.copy_(torch.from_numpy(weight))
    linear.bias.zero_()


def _small(rng, n_out, n_in):
    return SIZE_OF_THE_DEAD / np.sqrt(n_in) * rng.standard_normal((n_out, n_in))


def _stacked(means, log_variances):
    return torch.from_numpy(np.concatenate([means, log_variances]))
