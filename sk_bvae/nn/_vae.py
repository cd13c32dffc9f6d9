"""The variational autoencoder: encoder, reparameterised draw, decoder, likelihood."""

from collections.abc import Callable
from copy import copy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sk_bvae.nn._likelihoods import Likelihood
from sk_bvae.nn._math import bound_log_variance, gaussian_kl, reparameterize
from sk_bvae.nn._precision import MixedPrecision


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
        The draw from the posterior, which was decoded unless something intervened.

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


class VAE(MixedPrecision):
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

    center : Tensor of shape (n_features,), default=None
        What the encoder sees where a value is missing, in the data's own units. None
        is 0 everywhere.

    Notes
    -----
    A value that is missing is NaN. While ``has_gaps`` is false, as it is at first, rows
    are taken to be whole, and nobody looks; `as_for` gives the module that suits some
    rows. With gaps, the likelihood is that of the observed values: the sum of its
    `Likelihood.nll_by_feature` over them.

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

    has_gaps: bool = False

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: Likelihood,
        n_components: int,
        center: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        # Where each latent that a user sees stands among the network's own.
        self.register_buffer("order", torch.arange(n_components))
        self.register_buffer("center", torch.zeros(()) if center is None else center)

    @property
    def n_components(self) -> int:
        """How many latents there are."""
        return len(self.order)

    def as_for(self, x: Tensor) -> "VAE":
        """Return this module as it is to be used for some rows: with gaps or without.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Data in its own units, NaN where a value is missing.

        Returns
        -------
        vae : VAE
            The same weights. This one is left as it is, as others may be using it.
        """
        vae = copy(self)
        vae.has_gaps = bool(x.isnan().any())
        return vae

    def forward(
        self,
        x: Tensor,
        noise: Tensor,
        intervene: Callable[[Tensor], Tensor] | None = None,
    ) -> Terms:
        """Compute the terms of the objective.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            Data in its own units.

        noise : Tensor of shape (n_samples, n_components)
            Draws from N(0, 1).

        intervene : callable, default=None
            What is decoded instead of the draw z: ``intervene(z)``, of the same shape.

        Returns
        -------
        terms : Terms
            In nats.
        """
        x, observed = self._standardize(x)
        mean, log_variance = self._encode(x)
        z = reparameterize(mean, log_variance, noise)
        decoded = z if intervene is None else intervene(z)
        nll = self._nll(self.run(self.decoder, decoded), x, observed)
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
        mean, log_variance = self._encode(self._standardize(x)[0])
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
        mean, log_variance = self._encode(self._standardize(x)[0])
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

    def _standardize(self, x):
        """Standardise rows, their gaps filled; and say what was observed."""
        if not self.has_gaps:
            return self.likelihood.standardize(x), None
        observed = ~x.isnan()
        x = torch.where(observed, x, self.center)
        return self.likelihood.standardize(x), observed

    def _nll(self, output, x, observed):
        if observed is None:
            return self.likelihood.nll(output, x)
        return self._nll_by_feature(output, x, observed).sum(dim=-1)

    def _nll_by_feature(self, output, x, observed):
        by_feature = self.likelihood.nll_by_feature(output, x)
        if observed is None:
            return by_feature
        return torch.where(observed, by_feature, 0.0)

    def _encode(self, x):
        mean, log_variance = self.run(self.encoder, x).chunk(2, dim=-1)
        return mean, bound_log_variance(log_variance)
