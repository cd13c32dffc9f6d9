"""The variational autoencoder: encoder, reparameterised draw, decoder, likelihood."""

import torch
from torch import nn

from sk_bvae.nn._math import bound_log_variance, gaussian_kl, reparameterize


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
    >>> nll, kl = vae(torch.ones(3, 5), noise=torch.zeros(3, 2))
    >>> nll.shape, kl.shape
    (torch.Size([3]), torch.Size([3, 2]))
    """

    def __init__(self, encoder, decoder, likelihood, n_components):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        # Where each latent that a user sees stands among the network's own.
        self.register_buffer("order", torch.arange(n_components))

    @property
    def n_components(self):
        """How many latents there are."""
        return len(self.order)

    def forward(self, x, noise):
        """Compute the terms of the objective.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Data in its own units.

        noise : Tensor of shape (n_samples, n_components)
            Draws from N(0, 1).

        Returns
        -------
        nll : Tensor of shape (n_samples,)
            Negative log-likelihood, summed over the features, in nats.

        kl : Tensor of shape (n_samples, n_components)
            Divergence from the prior per latent, in nats, in the network's order.
        """
        x = self.likelihood.standardize(x)
        mean, log_variance = self._encode(x)
        z = reparameterize(mean, log_variance, noise)
        return self.likelihood.nll(self.decoder(z), x), gaussian_kl(mean, log_variance)

    def posterior(self, x):
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

    def decode(self, z):
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

    def _encode(self, x):
        mean, log_variance = self.encoder(x).chunk(2, dim=-1)
        return mean, bound_log_variance(log_variance)
