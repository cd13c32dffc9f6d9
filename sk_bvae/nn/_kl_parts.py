"""The parts of the KL (Chen et al. 2018), estimated from a batch."""

import math

import torch

from sk_bvae.nn._math import gaussian_log_density


def decompose_kl(z, mean, log_variance, n_rows, sample_weight=None):
    """Take apart log q(z|x) - log p(z), by minibatch-weighted estimates of log q(z).

    q(z), and each q(z_l), is a mixture of the posteriors of all rows, of which a batch
    holds some. A row is always in the batch that its own draw is judged by, any other
    row only by chance. So its own posterior counts once, 1 / n_rows, and the batch's
    others stand for all others. At full batch that is the mixture itself. (The weights
    1 / (n_rows n_samples) of Chen et al. bound E log q(z) from below, and are then
    log(n_rows) off in each of the logarithms.)

    Parameters
    ----------
    z : Tensor of shape (n_samples, n_components)
        A draw from the posterior of each row.

    mean : Tensor of shape (n_samples, n_components)
        Means of the posteriors.

    log_variance : Tensor of shape (n_samples, n_components)
        Log variances of the posteriors.

    n_rows : int
        How many rows the batch is taken from.

    sample_weight : Tensor of shape (n_samples,), default=None
        How much each row counts, 1 on average over the ``n_rows``; None where all
        count alike.

    Returns
    -------
    information : Tensor of shape (n_samples,)
        The log of q(z|x) / q(z): on average the mutual information of rows and latents.

    correlation : Tensor of shape (n_samples,)
        The log of q(z) / prod q(z_l): on average the total correlation.

    dimension_wise : Tensor of shape (n_samples,)
        The log of prod q(z_l) / p(z): on average the KL of the latents one by one.
    """
    # [i, j, l]: the density of row i's draw of latent l under row j's posterior
    log_density = gaussian_log_density(z.unsqueeze(1), mean, log_variance)
    if sample_weight is None:
        log_weights = _log_weights(len(z), n_rows).to(z)
    else:
        log_weights = _log_weights_of(sample_weight, n_rows)
    log_joint = (log_weights + log_density.sum(dim=-1)).logsumexp(dim=1)
    log_product = (log_weights.unsqueeze(-1) + log_density).logsumexp(dim=1).sum(dim=-1)
    log_posterior = gaussian_log_density(z, mean, log_variance).sum(dim=-1)
    zero = torch.zeros_like(z)
    log_prior = gaussian_log_density(z, zero, zero).sum(dim=-1)
    return log_posterior - log_joint, log_joint - log_product, log_product - log_prior


def _log_weights(n_samples, n_rows):
    """Say how much each posterior of a batch counts for each of its draws."""
    if n_samples == 1:
        return torch.zeros(1, 1)
    others = math.log1p(-1 / n_rows) - math.log(n_samples - 1)
    weights = torch.full((n_samples, n_samples), others)
    return weights.fill_diagonal_(-math.log(n_rows))


def _log_weights_of(sample_weight, n_rows):
    """Say the same of rows that count differently: the others in proportion."""
    if len(sample_weight) == 1:
        return torch.zeros_like(sample_weight).unsqueeze(0)
    itself = torch.eye(len(sample_weight), device=sample_weight.device).bool()
    others = sample_weight.log().masked_fill(itself, -math.inf).log_softmax(dim=1)
    own = (sample_weight / n_rows).unsqueeze(1)
    return torch.where(itself, own.log(), others + (-own).log1p())
