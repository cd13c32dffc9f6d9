"""The optimum of the affine beta-VAE, in closed form."""

from typing import NamedTuple

import numpy as np

# The noise that is left where the latents can say it all, as a share of the variance.
LEAST_NOISE_SHARE = 1e-10

# Halvings of the interval in which the logarithm of a price is sought.
N_HALVINGS = 60


class Spectrum(NamedTuple):
    """All that the optimum depends on, but for the weight of the KL.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_components,)
        The largest of the covariance, largest first.

    total : float
        The sum of all eigenvalues.

    n_features : int
        How many there are.

    noise_variance : float, default=None
        The noise, where it is given.
    """

    eigenvalues: np.ndarray
    total: float
    n_features: int
    noise_variance: float | None = None


class LinearOptimum(NamedTuple):
    """What minimises E[-log p(x|z)] + beta KL among affine encoders and decoders.

    In the basis of the data's principal axes, where each latent has one.

    Parameters
    ----------
    noise_variance : float
        Of p(x|z).

    lengths : ndarray of shape (n_components,)
        Of the decoder's columns; 0 for a latent that is dead.

    gains : ndarray of shape (n_components,)
        The encoder's: a posterior's mean is the gain times the coordinate.

    variances : ndarray of shape (n_components,)
        Of the posteriors; 1 for a latent that is dead.
    """

    noise_variance: float
    lengths: np.ndarray
    gains: np.ndarray
    variances: np.ndarray

    @property
    def kl(self):
        """Nats that each latent carries, on average over the rows."""
        return -0.5 * np.log(self.variances)


def linear_optimum(spectrum, beta):
    """Solve the affine beta-VAE.

    With eigenvalues l_i of the data's covariance and noise s, a latent is alive where
    l_i > beta s. Its decoder's column then has squared length l_i - beta s, its
    posterior the variance beta s / l_i, and an error of beta s is left of its l_i. So
    with a latents alive the best noise is s = (sum_{i > a} l_i) / (d - a beta). At
    beta = 1 this is probabilistic PCA.

    Parameters
    ----------
    spectrum : Spectrum
        Of the data.

    beta : float
        Weight of the KL.

    Returns
    -------
    optimum : LinearOptimum
        With latents in the order of the eigenvalues.
    """
    eigenvalues, total, n_features, given = spectrum
    least = LEAST_NOISE_SHARE * total / n_features
    for n_active in range(len(eigenvalues), -1, -1):
        noise = given
        if given is None:
            left = total - eigenvalues[:n_active].sum()
            room = n_features - n_active * beta
            if n_active and room <= 0:
                continue
            noise = max(least, left / room)
        if n_active == 0 or eigenvalues[n_active - 1] > beta * noise:
            break
    alive = np.arange(len(eigenvalues)) < n_active
    known = np.where(alive, eigenvalues, 1.0)
    variances = np.where(alive, beta * noise / known, 1.0)
    lengths = np.sqrt(np.where(alive, eigenvalues - beta * noise, 0.0))
    return LinearOptimum(noise, lengths, lengths / known, variances)


def price_of(kl, spectrum):
    """Find the beta at whose optimum the latents carry some nats in sum.

    Parameters
    ----------
    kl : float
        In nats.

    spectrum : Spectrum
        Of the data.

    Returns
    -------
    beta : float
        The smallest that carries no more.
    """
    low, high = np.log(1e-6), np.log(1e6)
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        optimum = linear_optimum(spectrum, np.exp(middle))
        low, high = (middle, high) if optimum.kl.sum() > kl else (low, middle)
    return float(np.exp(high))
