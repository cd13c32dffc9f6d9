"""The variational autoencoder: encoder, reparameterised draw, decoder, likelihood."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sk_bvae.nn._likelihoods import Likelihood
from sk_bvae.nn._math import bound_log_variance, gaussian_kl, reparameterize


class Terms(NamedTuple):
    """What a `VAE` makes of a batch: the terms of every objective, in nats.

    Parameters
    ----------
    nll : Tensor of shape (n_samples,)
        Negative log-likelihood of each sample given its latents, *summed* over the
        features.

    kl : Tensor of shape (n_samples, n_components)
        Kullback-Leibler divergence from the prior to the posterior, per latent.

    mean : Tensor of shape (n_samples, n_components)
        Means of the posterior. Latents have the network's order everywhere here.

    log_variance : Tensor of shape (n_samples, n_components)
        Log variances of the posterior.

    z : Tensor of shape (n_samples, n_components)
        The draw from the posterior that was decoded.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import VAE, Bernoulli, mlp
    >>> encoder, decoder = mlp(5, 2, hidden_layer_sizes=(8,), activation="relu")
    >>> vae = VAE(encoder, decoder, Bernoulli(), n_components=2)
    >>> terms = vae(torch.ones(3, 5), noise=torch.zeros(3, 2))
    >>> (terms.nll + terms.kl.sum(dim=-1)).shape
    torch.Size([3])
    """

    nll: Tensor
    kl: Tensor
    mean: Tensor
    log_variance: Tensor
    z: Tensor


class VAE(nn.Module):
    """A variational autoencoder with a standard normal prior.

    Noise comes in as an argument, so that whoever trains decides where randomness
    comes from, and calling the module twice gives the same terms twice.

    Parameters
    ----------
    encoder : Module
        Maps (n_samples, n_features) to (n_samples, 2 n_components): the posterior's
        means, then its log variances.

    decoder : Module
        Maps (n_samples, n_components) to (n_samples, n_features).

    likelihood : Likelihood
        What the decoder's output stands for, bound to n_features.

    n_components : int
        How many latents there are.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import VAE, Bernoulli, mlp
    >>> encoder, decoder = mlp(5, 2, hidden_layer_sizes=(8,), activation="relu")
    >>> vae = VAE(encoder, decoder, Bernoulli(), n_components=2)
    >>> terms = vae(torch.ones(3, 5), noise=torch.zeros(3, 2))
    >>> terms.nll.shape, terms.kl.shape
    (torch.Size([3]), torch.Size([3, 2]))
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: Likelihood,
        n_components: int,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        # Where each latent that a user sees stands among the network's own.
        self.register_buffer("order", torch.arange(n_components))

    @property
    def n_components(self) -> int:
        """How many latents there are."""
        return len(self.order)

    def forward(self, x: Tensor, noise: Tensor) -> Terms:
        """Compute the terms of the objective.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Data in its own units.

        noise : Tensor of shape (n_samples, n_components)
            Draws from N(0, 1).

        Returns
        -------
        terms : Terms
            In nats.
        """
        x = self.likelihood.standardize(x)
        mean, log_variance = self._encode(x)
        z = reparameterize(mean, log_variance, noise)
        nll = self.likelihood.nll(self.decoder(z), x)
        return Terms(nll, gaussian_kl(mean, log_variance), mean, log_variance, z)

    def draw(self, x: Tensor, noise: Tensor) -> Tensor:
        """Draw from the posterior, without decoding.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Data in its own units.

        noise : Tensor of shape (n_samples, n_components)
            Draws from N(0, 1).

        Returns
        -------
        z : Tensor of shape (n_samples, n_components)
            Latents, in the network's order.
        """
        mean, log_variance = self._encode(self.likelihood.standardize(x))
        return reparameterize(mean, log_variance, noise)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the posterior's parameters, latents in the users' order.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Data in its own units.

        Returns
        -------
        mean : Tensor of shape (n_samples, n_components)
            Means.

        log_variance : Tensor of shape (n_samples, n_components)
            Log variances.
        """
        mean, log_variance = self._encode(self.likelihood.standardize(x))
        return mean[:, self.order], log_variance[:, self.order]

    def decode(self, z: Tensor) -> Tensor:
        """Decode latents that stand in the users' order.

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Latents.

        Returns
        -------
        output : Tensor of shape (n_samples, n_features)
            What the likelihood takes.
        """
        return self.decoder(z[:, self.order.argsort()])

    def decode_mean(self, z: Tensor) -> Tensor:
        """Decode latents that stand in the users' order to the mean of p(x|z).

        Parameters
        ----------
        z : Tensor of shape (n_samples, n_components)
            Latents.

        Returns
        -------
        mean : Tensor of shape (n_samples, n_features)
            In the data's own units.
        """
        return self.likelihood.mean(self.decode(z))

    def _encode(self, x):
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        return mean, bound_log_variance(log_variance)
