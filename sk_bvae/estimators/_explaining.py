"""How columns move with latents, and what each column makes of a row's density."""

import numpy as np
import torch

from sk_bvae.nn._bounds import (
    DECODED_ROWS,
    importance_weighted_bound,
    log_prior_over_posterior,
)
from sk_bvae.utils._active import ACTIVE_NATS

# Slopes are differences over this step to either side. That needs nothing of a decoder
# but its values: torch's forward mode takes seconds to import, and not every kernel of
# a network of the user's own has it.
STEP = 0.05

# Rows from which latents are explained: enough for means to settle. So that it takes a
# hundredth of the time, a short training pays for fewer. Slopes, which are averaged,
# need fewer still.
MOST_ROWS = 2048
LEAST_ROWS = 64
PASSES_PER_DECODING = 16
SHARE_FOR_SLOPES = 4

# What is left of a part, by those before it, that is no more than rounding.
SINGULAR = 1e-9

# What double precision leaves where equal sums of squares are subtracted.
ROUNDING = 1e-14


def sample_rows(rows, n_epochs, n_components, seed):
    """Choose at random the rows from which latents are explained.

    Parameters
    ----------
    rows : Rows
        The training data.

    n_epochs : int or None
        Passes over them that pay for it; None for as many as it takes.

    n_components : int
        How many latents there are.

    seed : int
        Draws the rows.

    Returns
    -------
    sample : Rows
        Some of them, in random order.
    """
    n_sampled = MOST_ROWS
    if n_epochs is not None:
        n_decoded = PASSES_PER_DECODING * (n_components + 1)
        n_sampled = min(MOST_ROWS, max(LEAST_ROWS, len(rows) * n_epochs // n_decoded))
    order = np.random.RandomState(seed).permutation(len(rows))
    return rows.restrict(torch.from_numpy(order[:n_sampled]))


@torch.no_grad()
def explain_latents(vae, rows, kl):
    """Say how the columns move with each latent, and how much each latent explains.

    Parameters
    ----------
    vae : VAE
        The model.

    rows : Rows
        Some of the training data, in random order.

    kl : ndarray of shape (n_components,)
        What each latent carries, in nats.

    Returns
    -------
    attributes : dict
        ``components_`` and ``explained_variance_ratio_``.
    """
    n_rows = max(1, DECODED_ROWS // (vae.n_components + 1))
    n_few = -(-len(rows) // SHARE_FOR_SLOPES)
    weight = rows.weight_of(slice(None))
    weight = torch.ones(len(rows)) if weight is None else weight
    weight = weight.double().to(rows.device)
    codes = [vae.as_for(x).posterior(x)[0] for x in rows.blocks(n_rows)]
    codes = torch.cat(codes)
    spread = _weighted_std(codes.double(), weight)
    slopes = _mean_slopes(vae, codes[:n_few], weight[:n_few], n_rows)
    parts = (
        torch.cat([_additions(vae, z), x[None]]).double()
        for x, z in zip(rows.blocks(n_rows), codes.split(n_rows), strict=True)
    )
    products = _centred_products(zip(parts, weight.split(n_rows), strict=True))
    return {
        "components_": (spread[:, None] * slopes).float().cpu().numpy(),
        "explained_variance_ratio_": _shares(products, kl > ACTIVE_NATS),
    }


def _weighted_std(values, weight):
    share = weight / weight.sum()
    return (share @ (values - share @ values).square()).sqrt()


def _slope(function, z, direction):
    """Differentiate a function of latents along a direction of its own for each row."""
    step = STEP * direction
    return (function(z + step) - function(z - step)) / (2 * STEP)


def _mean_slopes(vae, codes, weight, n_rows):
    """Average the slopes over rows, by how much they count."""
    blocks = zip(codes.split(n_rows), weight.split(n_rows), strict=True)
    total = sum((own[:, None] * _slopes(vae, z)).sum(dim=1) for z, own in blocks)
    return total / weight.sum()


def _slopes(vae, z):
    """Compute the slope of the decoded mean of each row along each latent."""
    n_rows, n_latents = z.shape
    along = torch.eye(n_latents, device=z.device).repeat_interleave(n_rows, dim=0)
    slopes = _slope(vae.decode_mean, z.repeat(n_latents, 1), along)
    return slopes.view(n_latents, n_rows, -1)


def _additions(vae, z):
    """Compute what each latent adds to what is decoded of those before it."""
    n_rows, n_latents = z.shape
    known = torch.ones(n_latents + 1, n_latents, device=z.device).tril(-1)
    decoded = vae.decode_mean((known[:, None] * z).flatten(end_dim=1))
    return decoded.view(n_latents + 1, n_rows, -1).diff(dim=0)


def _centred_products(blocks):
    """Sum the products of parts, of shape (n_parts, n_rows, n_features) in each block.

    Rows have weights. The products are of each column's deviations from its mean over
    the rows in which the last part, the data, is observed.
    """
    n_observed, products, totals = 0.0, 0.0, 0.0
    for parts, weight in blocks:
        observed = ~parts[-1].isnan()
        parts = torch.where(observed, parts, 0.0)
        count = weight[:, None] * observed
        flat = (count.sqrt() * parts).flatten(start_dim=1)
        products = products + flat @ flat.T
        totals = totals + (count * parts).sum(dim=1)
        n_observed = n_observed + count.sum(dim=0)
    n_rows = n_observed.max()
    n_observed[n_observed == 0] = 1.0  # of a column that nothing is known of
    totals = totals * (n_rows / n_observed).sqrt()
    centred = products - totals @ totals.T / n_rows
    still = centred.diagonal() <= ROUNDING * products.diagonal()
    centred[still] = centred[:, still] = 0.0
    return centred.cpu().numpy()


def _shares(products, active):
    """Regress the last part on the others; return what each one adds to R squared.

    Parameters
    ----------
    products : ndarray of shape (n_components + 1, n_components + 1)
        Of what each latent adds, and of the data.

    active : ndarray of shape (n_components,), dtype bool
        Which latents carry something; others explain nothing.

    Returns
    -------
    shares : ndarray of shape (n_components,)
        Of the data's own product, in the order of the latents.
    """
    left, shares = products.copy(), np.zeros(len(active))
    if products[-1, -1] <= 0:  # data that do not vary leave nothing to explain
        return shares
    for latent in np.flatnonzero(active):
        own = left[latent, latent]
        if own > SINGULAR * products[latent, latent]:
            shares[latent] = left[latent, -1] ** 2 / own / products[-1, -1]
            left -= np.outer(left[latent], left[latent]) / own
    return shares


def log_density_by_feature(vae, x, noise):
    """Share out the importance-weighted bound on log p(x) among the features.

    Feature j's part is the mean of log p(x_j|z) - 1/2 z' d/dz log p(x_j|z) over the
    posterior p(z|x), whose draws are the noise and its mirror image, weighted by
    importance. What the parts leave of the bound is shared equally. Values that are
    missing have no part.

    Parameters
    ----------
    vae : VAE
        The model.

    x : Tensor of shape (n_samples, n_features)
        Data in its own units.

    noise : Tensor of shape (n_samples, n_draws, n_components)
        Draws from N(0, 1).

    Returns
    -------
    log_density : Tensor of shape (n_samples, n_features)
        In nats; the rows add up to `importance_weighted_bound`.
    """
    posterior = [part.unsqueeze(1) for part in vae.posterior(x)]
    target, observed = vae._standardize(x.unsqueeze(1))
    draws_at_once = max(1, DECODED_ROWS // (2 * len(x)))
    totals, means = [], []
    for some in noise.split(draws_at_once, dim=1):
        mirrored = torch.cat([some, -some], dim=1)
        log_weights, parts = _weigh_parts(vae, target, observed, *posterior, mirrored)
        totals.append(log_weights.logsumexp(dim=1))
        means.append(_weighted_mean(log_weights, parts))
    parts = _weighted_mean(torch.stack(totals, dim=1), torch.stack(means, dim=1))
    left = (importance_weighted_bound(vae, x, noise) - parts.sum(dim=1)).unsqueeze(1)
    if observed is None:
        return parts + left / parts.shape[1]
    shared = observed.squeeze(1) / observed.sum(dim=-1).clamp(min=1)
    return parts + left * shared


def _weigh_parts(vae, target, observed, mean, log_variance, noise):
    """Compute log p(x, z) / q(z|x), and the features' parts, for each draw."""
    z = mean + (0.5 * log_variance).exp() * noise

    def log_density(z):
        output = vae.decode(z.flatten(end_dim=1)).view(*z.shape[:2], -1)
        return -vae._nll_by_feature(output, target.expand_as(output), observed)

    given_z = log_density(z)
    log_weights = log_prior_over_posterior(z, noise, log_variance) + given_z.sum(-1)
    return log_weights, given_z - 0.5 * _slope(log_density, z, z)


def _weighted_mean(log_weights, parts):
    return (log_weights.softmax(dim=1).unsqueeze(2) * parts).sum(dim=1)
