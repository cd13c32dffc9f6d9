"""What an objective is made of: named terms, and schedules along the training."""

from typing import NamedTuple

from torch import Tensor


class Terms(NamedTuple):
    """The two terms of every objective, one row per sample, in nats.

    Parameters
    ----------
    nll : Tensor of shape (n_samples,)
        Negative log-likelihood of each sample given its latents, *summed* over the
        features.

    kl : Tensor of shape (n_samples, n_components)
        Kullback-Leibler divergence from the prior to the posterior, per latent.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Terms
    >>> terms = Terms(nll=torch.tensor([3.0]), kl=torch.tensor([[0.5, 0.25]]))
    >>> terms.nll + terms.kl.sum(dim=-1)
    tensor([3.7500])
    """

    nll: Tensor
    kl: Tensor


def linear_ramp(progress, share):
    """Grow linearly from 0 to 1 over the first ``share`` of the training.

    Parameters
    ----------
    progress : float
        The share of the optimizer steps already taken.

    share : float
        The share of the steps that the ramp takes; 0 means no ramp.

    Returns
    -------
    height : float
        Between 0 and 1.

    Examples
    --------
    >>> from sk_bvae.nn import linear_ramp
    >>> [linear_ramp(progress, 0.5) for progress in (0.0, 0.25, 0.5, 1.0)]
    [0.0, 0.5, 1.0, 1.0]
    """
    return 1.0 if progress >= share else progress / share
