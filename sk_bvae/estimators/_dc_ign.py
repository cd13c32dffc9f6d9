"""DC-IGN (Kulkarni et al. 2015)."""

from typing import Literal

import torch

from sk_bvae.estimators._grouped_vae import BaseGroupedVAE
from sk_bvae.estimators._parameters import with_parameters
from sk_bvae.nn import Batch, Losses
from sk_bvae.nn._objective import Players

# By which the distance of a clamped latent from its mean is divided for its gradient.
INVARIANCE = 100


def clamped_elbo(players: Players, batch: Batch) -> Losses:
    """Negative ELBO with the latents clamped that should not vary, and their price.

    Parameters
    ----------
    players : dict of str to Module
        The `VAE`, as "vae".

    batch : Batch
        Groups of rows in which one factor varies.

    Returns
    -------
    losses : Losses
        The loss in nats, with "reconstruction", "kl" and "invariance" to report.
    """
    vae = players["vae"]
    clamped = ~free_latents(batch.varies, vae.n_components)

    def clamp(z):
        return torch.where(clamped, batch.group_mean(z).detach(), z)

    terms = vae(batch.x[0], batch.noise[0], clamp)
    apart = terms.z - clamp(terms.z)  # 0 for those that are free
    invariance = apart.square().sum(dim=-1) / (2 * INVARIANCE)
    loss = terms.nll + terms.kl.sum(dim=-1) + invariance
    report = {"reconstruction": terms.nll, "kl": terms.kl, "invariance": invariance}
    return Losses({"vae": batch.mean(loss)}, report)


def free_latents(varies, n_components):
    """Say which latents may vary: factors have one each, the rest is everything else.

    Parameters
    ----------
    varies : Tensor of shape (n_factors + 1,), dtype bool
        Which factors vary; the last entry is everything else.

    n_components : int
        How many latents there are.

    Returns
    -------
    free : Tensor of shape (n_components,), dtype bool
        Whether each may.
    """
    factors, rest = varies[:-1], varies[-1:]
    return torch.cat([factors, rest.expand(n_components - len(factors))])


@with_parameters
class DCIGN(BaseGroupedVAE):
    """DC-IGN: a variational autoencoder that is told which rows differ in one factor.

    The first latents belong to the factors, one each, in the order of y's columns; the
    rest belong to everything else. Batches take turns: in each, one factor varies, or
    everything else does. All latents but its own are *clamped* to their mean over the
    rows among which it varies, before they are decoded, so that what varies has to be
    told by its own. And each of the clamped has, instead of the gradient that comes
    back from the decoder, the distance z - mean divided by 100 [1]_: they are to be the
    same in all these rows. That is to minimise, averaged over the rows and in nats,

    .. math::

        -\\log p(x|\\tilde z) + KL(q(z|x) \\,\\|\\, N(0, I))
        + \\tfrac{1}{200} \\textstyle\\sum_{l \\text{ clamped}} (z_l - \\bar z_l)^2

    with z drawn from q(z|x), its mean taken as a number, and z with a tilde the latents
    after clamping.

    Parameters
    ----------
    n_components : int, default=10
        Number of latents, at least as many as there are factors.

    init : {"pca", "random"}, default="random"
        Where the training starts, as for `BetaVAE`. Which latent is whose is settled
        beforehand, and PCA's axes mix the factors.

    Attributes
    ----------
    n_factors_ : int
        Number of factors, whose latents come first.

    kl_ : ndarray of shape (n_components,)
        Information per latent: mean over the rows of X of the divergence from the
        prior to the posterior, in nats. Latents have this order everywhere: those of
        the factors, as they stand in y; then the rest, largest first.

    history_ : dict of ndarray
        Per epoch, in nats per row: "loss", "reconstruction" (negative log-likelihood of
        the row given its latents as they are after clamping), "kl" of shape (`n_iter_`,
        n_components), "invariance" (the last term above), and with early stopping the
        same of the held-out rows, of which nothing is clamped, "validation_loss" and so
        on.

    See Also
    --------
    BetaVAE : Which is told nothing.
    sk_bvae.estimators.group_by_factors : Which rows differ in one factor.

    Notes
    -----
    The training is by rows that differ in one factor alone, so that there have to be
    some for each factor: a grid of factors has, a few draws from a large one have not.
    Several groups share a batch, each clamped to its own mean; where a group fills the
    batch that is the batch's mean. As in the code of [1]_ the kinds of batches come
    equally often, and the KL is that of all latents, clamped or not.

    Where everything else is not seen to vary by itself, because y is all that there is
    or no two rows agree in it, the rest of the latents are never free, and die. With
    ``groups``, nothing is known of everything else: the rest then learn from any rows
    what the factors' latents, which are kept as they are, do not tell. So they do from
    rows of y that are marked by -1 as unlabelled.

    References
    ----------
    .. [1] Kulkarni, Whitney, Kohli and Tenenbaum (2015). "Deep convolutional inverse
       graphics network". NeurIPS, section 3.2, and its authors' code.

    Examples
    --------
    >>> from sk_bvae import DCIGN
    >>> from sk_bvae.datasets import make_blobs2d
    >>> blobs = make_blobs2d(None, image_size=16, std=0.1, n_positions=8)
    >>> params = {"batch_size": 16, "learning_rate_init": 3e-3, "max_iter": 150}
    >>> vae = DCIGN(3, likelihood="bernoulli", random_state=0, **params)
    >>> vae.fit(blobs.data, blobs.target).n_factors_
    2

    The blob's position in x and y is in a latent each, and nothing in the third:

    >>> import numpy as np
    >>> Z = vae.transform(blobs.data)
    >>> R = np.corrcoef(Z, blobs.target, rowvar=False)[:3, 3:]
    >>> bool(abs(R[0, 0]) > 0.95), bool(abs(R[1, 1]) > 0.95)
    (True, True)
    >>> vae.n_active_components_
    2
    """

    init: Literal["pca", "random"] = "random"

    objective = staticmethod(clamped_elbo)

    def _check_rows(self, players, rows):
        super()._check_rows(players, rows)
        n_factors = count_factors(rows)
        if n_factors > self.n_components:
            raise ValueError(
                f"Each of the {n_factors} factors needs a latent of its own: raise "
                f"n_components={self.n_components}, or pass fewer columns."
            )

    def _go_on(self, rows):
        n_factors = count_factors(rows)
        if n_factors != self.n_factors_:
            raise ValueError(
                f"Training goes on with latents for {self.n_factors_} factors, and "
                f"there are {n_factors} now: fit a clone instead."
            )
        return super()._go_on(rows)

    def _rank(self, kl, rows):
        n_factors = count_factors(rows)
        rest = n_factors + super()._rank(kl[n_factors:], rows)
        return torch.cat([torch.arange(n_factors, device=kl.device), rest])

    def _summarise(self, net, rows):
        n_factors = count_factors(rows)
        return {"n_factors_": n_factors, **super()._summarise(net, rows)}


def count_factors(rows):
    """Count the factors that groups of rows were made by."""
    return rows.groups.shape[1] - 1
