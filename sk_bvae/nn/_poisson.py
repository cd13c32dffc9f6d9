"""Counts."""

import math

import torch
from torch import Tensor

from sk_bvae.nn._likelihoods import Likelihood

# A column that has been all 0 so far starts at this rate.
LEAST_RATE = 1e-3

# Decoded rates end here, where counts still fit into an integer.
LOG_RATE_BOUND = 40.0


class Poisson(Likelihood):
    """Independent counts whose log rates the decoder gives.

    The encoder sees log(1 + x), standardised column by column as if 1 + x were
    log-normal, so that neither large counts nor long tails swamp it. The log rates are
    relative to each column's own mean, in the same unit.

    Counts vary more than a Poisson distribution does where latents move their rates.
    Beyond some 100,000 float32 blurs the density: take the logarithm of such columns,
    and a `Gaussian`.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Poisson
    >>> likelihood = Poisson()
    >>> likelihood.bind(n_features=1)
    >>> x = likelihood.standardize(torch.tensor([[2.0]]))
    >>> likelihood.nll(torch.zeros(1, 1), x)  # a rate of 1
    tensor([1.6931])
    """

    support = (0, math.inf)

    def bind(self, n_features: int) -> None:
        self.register_buffer("log_rate", torch.zeros(n_features))
        # of log(1 + x)
        self.register_buffer("center", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(n_features))

    def adapt(self, mean: Tensor, variance: Tensor) -> None:
        self.log_rate.copy_(mean.clamp(min=LEAST_RATE).log())
        spread = (variance / (1 + mean).square()).log1p()
        self.center.copy_(mean.log1p() - spread / 2)
        self.scale.copy_(torch.where(spread > 0, spread.sqrt(), 1.0))

    def standardize(self, x: Tensor) -> Tensor:
        return (x.log1p() - self.center) / self.scale

    def nll_by_feature(self, output: Tensor, x: Tensor) -> Tensor:
        count = (self.center + self.scale * x).expm1()
        log_rate = self._log_rate(output)
        return log_rate.exp() - count * log_rate + torch.lgamma(count + 1)

    def mean(self, output: Tensor) -> Tensor:
        log_rate = self._log_rate(output)
        return log_rate.clamp(-LOG_RATE_BOUND, LOG_RATE_BOUND).exp()

    def draw(self, output: Tensor, generator: torch.Generator) -> Tensor:
        return torch.poisson(self.mean(output), generator=generator)

    def _advise(self, low, high):
        return 'leave counts as they are, or use likelihood="gaussian"'

    def _log_rate(self, output):
        return self.log_rate + self.scale * output
