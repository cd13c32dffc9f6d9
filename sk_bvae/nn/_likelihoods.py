"""How a decoder's output becomes a distribution over the data."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from sk_bvae.nn._math import LOG_2PI, LOG_VARIANCE_BOUND

# Adam moves a parameter by about the learning rate a step. The log variance has to
# fall by several units while weights move by fractions, so it gets longer strides.
LOG_VARIANCE_STRIDE = 10.0

# Training starts with this share of the data's variance taken for noise: low enough
# that latents find it worth their KL to explain the rest.
INITIAL_NOISE_SHARE = 0.1


class Likelihood(nn.Module):
    """Base class of p(x|z), factorised over the features.

    A decoder gives one number per feature; a likelihood says what distribution that
    number stands for. Subclass it, write `nll`, `mean` and `draw`, and pass an
    instance as the ``likelihood`` of an estimator, which works on a copy.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Likelihood
    >>> class Poisson(Likelihood):
    ...     def nll(self, output, x):
    ...         log_factorial = torch.lgamma(x + 1)
    ...         return (output.exp() - x * output + log_factorial).sum(dim=-1)
    ...
    ...     def mean(self, output):
    ...         return output.exp()
    ...
    ...     def draw(self, output, generator):
    ...         return torch.poisson(output.exp(), generator=generator)
    >>> Poisson().nll(torch.tensor([[0.0]]), torch.tensor([[2.0]]))
    tensor([1.6931])
    """

    def __init__(self):
        super().__init__()

    def bind(self, n_features):
        """Make room for whatever is kept per feature.

        Parameters
        ----------
        n_features : int
            How many features the data has.
        """

    def look(self, X):
        """Take what is needed from the data, once, before training.

        Parameters
        ----------
        X : Tensor of shape (n_samples, n_features)
            A sample of the training rows, as float32.
        """

    def check_range(self, low, high):
        """Refuse data that the distribution cannot produce.

        Parameters
        ----------
        low : float
            The smallest value in the data.

        high : float
            The largest value in the data.

        Raises
        ------
        ValueError
            Where values lie outside the support.
        """

    def standardize(self, x):
        """Bring data to the scale that the networks work on.

        Parameters
        ----------
        x : Tensor of shape (..., n_features)
            Data in its own units.

        Returns
        -------
        x : Tensor of shape (..., n_features)
            What the encoder sees, and what `nll` compares the output with.
        """
        return x

    def nll(self, output, x):
        """Negative log density, summed over the features.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave.

        x : Tensor of shape (..., n_features)
            Standardised data.

        Returns
        -------
        nll : Tensor of shape (...)
            In nats, as a density over data in its own units.
        """
        raise NotImplementedError

    def mean(self, output):
        """Mean of the distribution, in the data's own units.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave.

        Returns
        -------
        mean : Tensor of shape (..., n_features)
            The mean.
        """
        raise NotImplementedError

    def draw(self, output, generator):
        """Draw from the distribution, in the data's own units.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave, on the CPU.

        generator : torch.Generator
            The source of randomness.

        Returns
        -------
        x : Tensor of shape (..., n_features)
            The draw.
        """
        raise NotImplementedError

    def learned(self):
        """Name what was learned beside the weights.

        Returns
        -------
        attributes : dict
            Attributes for the fitted estimator.
        """
        return {}


class Gaussian(Likelihood):
    """Normal distribution with one variance for all features, as in probabilistic PCA.

    The networks see the data less its column means, divided by one number, the root
    of the columns' mean variance; so the units of the data do not matter, and PCA's
    geometry is kept (columns are *not* scaled one by one).

    Parameters
    ----------
    noise_variance : float or None, default=None
        The variance in the data's own units, squared. None learns it.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Gaussian
    >>> likelihood = Gaussian(noise_variance=1.0)
    >>> likelihood.bind(n_features=2)
    >>> likelihood.nll(torch.zeros(1, 2), torch.zeros(1, 2))
    tensor([1.8379])
    """

    def __init__(self, noise_variance=None):
        super().__init__()
        self.noise_variance = noise_variance

    def bind(self, n_features):
        """Make room for the column means, the scale and the log variance.

        Parameters
        ----------
        n_features : int
            How many features the data has.
        """
        self.register_buffer("center", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(()))
        # log of 2 pi scale^2: what a feature adds to the log volume, but for its noise
        self.register_buffer("log_volume", torch.tensor(LOG_2PI))
        if self.noise_variance is None:
            start = math.log(INITIAL_NOISE_SHARE) / LOG_VARIANCE_STRIDE
            self.log_variance_strides = nn.Parameter(torch.tensor(start))

    def look(self, X):
        """Take the column means and the mean variance of the columns.

        Parameters
        ----------
        X : Tensor of shape (n_samples, n_features)
            A sample of the training rows, as float32.
        """
        X = X.double()
        self.center.copy_(X.mean(dim=0))
        scale = X.var(dim=0, correction=0).mean().sqrt()
        self.scale.copy_(scale if scale > 0 else torch.ones(()))
        self.log_volume.copy_(LOG_2PI + 2 * self.scale.log())

    def log_noise_variance(self):
        """Log of the noise variance on the networks' scale.

        Returns
        -------
        log_variance : Tensor of shape ()
            The logarithm of the noise variance over the squared scale.
        """
        if self.noise_variance is None:
            log_variance = LOG_VARIANCE_STRIDE * self.log_variance_strides
            return log_variance.clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND)
        return math.log(self.noise_variance) - 2 * self.scale.log()

    def standardize(self, x):
        """Subtract the column means and divide by the scale.

        Parameters
        ----------
        x : Tensor of shape (..., n_features)
            Data in its own units.

        Returns
        -------
        x : Tensor of shape (..., n_features)
            What the encoder sees.
        """
        return (x - self.center) / self.scale

    def nll(self, output, x):
        """Negative log density, summed over the features.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave: means on the networks' scale.

        x : Tensor of shape (..., n_features)
            Standardised data.

        Returns
        -------
        nll : Tensor of shape (...)
            In nats, as a density over data in its own units.
        """
        log_variance = self.log_noise_variance()
        squares = F.mse_loss(output, x, reduction="none").sum(dim=-1)
        half_log_volume = 0.5 * x.shape[-1] * (log_variance + self.log_volume)
        return torch.addcmul(half_log_volume, squares, (-log_variance).exp(), value=0.5)

    def mean(self, output):
        """Mean of the distribution, in the data's own units.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave.

        Returns
        -------
        mean : Tensor of shape (..., n_features)
            The mean.
        """
        return self.center + self.scale * output

    def draw(self, output, generator):
        """Draw from the distribution, in the data's own units.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave, on the CPU.

        generator : torch.Generator
            The source of randomness.

        Returns
        -------
        x : Tensor of shape (..., n_features)
            The draw.
        """
        noise = torch.randn(output.shape, generator=generator)
        return self.mean(output + (0.5 * self.log_noise_variance()).exp() * noise)

    def learned(self):
        """Name the noise variance in the data's own units.

        Returns
        -------
        attributes : dict
            ``noise_variance_``, a float.
        """
        if self.noise_variance is not None:
            return {"noise_variance_": float(self.noise_variance)}
        log_variance = self.log_noise_variance() + 2 * self.scale.log()
        return {"noise_variance_": log_variance.exp().item()}


class Bernoulli(Likelihood):
    """Independent coin flips whose log odds the decoder gives.

    Data in {0, 1} is what it is a distribution of. Grey values between 0 and 1 are
    taken, as both papers take them, with the cross-entropy as their cost.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Bernoulli
    >>> Bernoulli().nll(torch.zeros(1, 3), torch.ones(1, 3))
    tensor([2.0794])
    """

    def check_range(self, low, high):
        """Refuse values outside [0, 1].

        Parameters
        ----------
        low : float
            The smallest value in the data.

        high : float
            The largest value in the data.

        Raises
        ------
        ValueError
            Where ``low`` < 0 or ``high`` > 1.
        """
        if low >= 0 and high <= 1:
            return
        advice = 'scale the data, or use likelihood="gaussian"'
        if low >= 0 and high <= 255:
            advice = "for images of values 0 to 255, divide by 255"
        raise ValueError(
            'likelihood="bernoulli" needs values between 0 and 1, but X ranges from '
            f"{low:g} to {high:g}: {advice}."
        )

    def nll(self, output, x):
        """Cross-entropy between data and probabilities, summed over the features.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave: log odds.

        x : Tensor of shape (..., n_features)
            Data between 0 and 1.

        Returns
        -------
        nll : Tensor of shape (...)
            In nats.
        """
        cost = F.binary_cross_entropy_with_logits(output, x, reduction="none")
        return cost.sum(dim=-1)

    def mean(self, output):
        """Probabilities of a 1.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave.

        Returns
        -------
        mean : Tensor of shape (..., n_features)
            Between 0 and 1.
        """
        return output.sigmoid()

    def draw(self, output, generator):
        """Flip the coins.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave, on the CPU.

        generator : torch.Generator
            The source of randomness.

        Returns
        -------
        x : Tensor of shape (..., n_features)
            Zeros and ones.
        """
        return torch.bernoulli(output.sigmoid(), generator=generator)
