"""A first try of likelihoods that users wrote, so that errors come early."""

from copy import deepcopy

import torch

from sk_bvae.nn._defaults import OwnDefaults
from sk_bvae.nn._likelihoods import Likelihood
from sk_bvae.nn._mixed import parts_of

# Outputs of the decoder for each row, as `score_samples` has them.
N_DRAWS = 2

# What the base class leaves to those that stand on it.
OWED = ("nll_by_feature", "mean", "draw")


@OwnDefaults()
@torch.no_grad()
def probe(likelihood, x):
    """Call all that a likelihood has to answer, and see that the answers can be used.

    Parameters
    ----------
    likelihood : Likelihood
        Bound and adapted.

    x : Tensor of shape (n_samples, n_features)
        A few rows of the data.

    Raises
    ------
    ValueError
        If it fails, or answers with a wrong shape, or lets rows look at each other.
    """
    x = x.cpu()
    for part, columns in parts_of(likelihood, x.shape[1]):
        _Probe(deepcopy(part).cpu().eval()).try_all(x[:, columns])


class _Probe:
    """Calls of one likelihood by the names of its methods."""

    def __init__(self, likelihood):
        self.likelihood = likelihood
        self.generator = torch.Generator().manual_seed(0)

    def try_all(self, x):
        x = self.call("standardize", x, shape=x.shape)[:, None]
        shape = len(x), N_DRAWS, x.shape[-1]
        output, x = torch.randn(shape, generator=self.generator), x.expand(shape)
        self.call("mean", output, shape=shape)
        self.call("draw", output, self.generator, shape=shape)
        if self.defines("nll_by_feature") or not self.defines("nll"):
            self.try_by_row("nll_by_feature", output, x, shape=shape)
        self.try_by_row("nll", output, x, shape=shape[:-1])

    def try_by_row(self, name, output, x, shape):
        """See that what a row gets is its own, whatever stands beside it."""
        together = self.call(name, output, x, shape=shape)[:1, :1]
        alone = self.call(name, output[:1, :1], x[:1, :1], shape=together.shape)
        if not torch.allclose(together, alone, rtol=1e-3, atol=1e-4, equal_nan=True):
            raise ValueError(
                f"{self.named(name)} must give each row a value of its own, but the "
                "first of several rows gets another than the same row alone."
            )

    def call(self, name, *tensors, shape):
        """Call a method, and hold its answer to a shape."""
        if name in OWED and not self.defines(name):
            raise ValueError(
                f"{self.named(name)} is missing: a likelihood of your own writes "
                "nll_by_feature, mean and draw (see sk_bvae.nn.Likelihood)."
            )
        try:
            answer = getattr(self.likelihood, name)(*tensors)
            made = tuple(answer.shape)
        except Exception as error:  # whatever it is, it is the user's code that failed
            raise ValueError(f"{self.named(name)} failed: {error!r}.") from error
        if made != tuple(shape):
            raise ValueError(
                f"{self.named(name)} must make the shape {tuple(shape)} of "
                f"{tuple(tensors[0].shape)}, but made {made}. Features come last, and "
                "any number of dimensions may come before."
            )
        return answer

    def defines(self, name):
        """Say whether the likelihood's class has a method of its own."""
        return getattr(type(self.likelihood), name) is not getattr(Likelihood, name)

    def named(self, method):
        """Name a method."""
        return f"{type(self.likelihood).__name__}.{method}"
