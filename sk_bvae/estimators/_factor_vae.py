"""FactorVAE (Kim and Mnih 2018)."""

from itertools import pairwise
from numbers import Real

import torch
import torch.nn.functional as F
from torch import nn

from sk_bvae.estimators._parameters import with_parameters
from sk_bvae.estimators._vae import BaseVAE
from sk_bvae.nn import Batch, Losses
from sk_bvae.nn._objective import Players
from sk_bvae.nn._precision import MixedSequential
from sk_bvae.utils._sklearn import Interval

# Units of each hidden layer of the discriminator (appendix A).
WIDTHS = (1000,) * 6


def factor_elbo(players: Players, batch: Batch, *, gamma: float) -> Losses:
    """Negative ELBO, and a price on the total correlation that a discriminator sees.

    Parameters
    ----------
    players : dict of str to Module
        The `VAE`, as "vae", and the "discriminator", which maps latents to the log
        odds that they come from q(z) and not from the product of its marginals.

    batch : Batch
        Two views of some rows. The second is shuffled latent by latent.

    gamma : float
        Weight of the total correlation.

    Returns
    -------
    losses : Losses
        The loss of the "vae" in nats, and the cross-entropy of the "discriminator",
        with "reconstruction", "kl" and "correlation" to report.
    """
    vae, discriminator = players["vae"], players["discriminator"]
    terms = vae(batch.x[0], batch.noise[0])
    correlation = discriminator(terms.z).squeeze(-1)
    loss = terms.nll + terms.kl.sum(dim=-1) + gamma * correlation
    with torch.no_grad():
        shuffled = shuffle_latents(vae.draw(batch.x[1], batch.noise[1]))
    joint = discriminator(terms.z.detach()).squeeze(-1)
    product = discriminator(shuffled).squeeze(-1)
    cross_entropy = 0.5 * (batch.weigh(F.softplus(-joint)) + F.softplus(product))
    report = {
        "reconstruction": terms.nll,
        "kl": terms.kl,
        "correlation": correlation,
    }
    losses = {"vae": batch.mean(loss), "discriminator": cross_entropy.mean()}
    return Losses(losses, report)


def shuffle_latents(z):
    """Take each latent from another row: draws from the product of the marginals.

    The rows of a batch come in random order, so it is enough to shift each latent by
    one row more than the last; then no two latents of a row stay together.

    Parameters
    ----------
    z : Tensor of shape (n_samples, n_components)
        Draws from q(z).

    Returns
    -------
    shuffled : Tensor of shape (n_samples, n_components)
        The same numbers, column by column.
    """
    rows = torch.arange(len(z), device=z.device).unsqueeze(1)
    columns = torch.arange(z.shape[1], device=z.device)
    return z[(rows + columns) % len(z), columns]


def build_discriminator(n_components):
    """Build six layers of 1,000 units, leaky ReLU, and one output (appendix A)."""
    widths = [n_components, *WIDTHS]
    layers = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
    return MixedSequential(*layers, nn.Linear(widths[-1], 1))


@with_parameters
class FactorVAE(BaseVAE):
    """FactorVAE: a variational autoencoder that pays for total correlation.

    Minimises, averaged over the rows and in nats [1]_,

    .. math::

        -E_{q(z|x)}[\\log p(x|z)] + KL(q(z|x) \\,\\|\\, N(0, I))
        + \\gamma \\, KL\\big(q(z) \\,\\|\\, \\textstyle\\prod_l q(z_l)\\big)

    The total correlation is estimated by a discriminator that is trained at the same
    time to tell latents from latents that are shuffled one by one: its log odds are
    the logarithm of the densities' ratio.

    Parameters
    ----------
    gamma : float, default=10.0
        Weight of the total correlation. The paper's for 2D shapes are 10 to 40.

    early_stopping : bool, default=False
        Whether to hold out part of X and keep the weights of its best epoch. The
        held-out loss also rises where the discriminator learns to see more.

    Attributes
    ----------
    history_ : dict of ndarray
        Per epoch, in nats per row: "loss", "reconstruction" (negative
        log-likelihood), "kl" of shape (`n_iter_`, n_components), "correlation" (as the
        discriminator sees it), "discriminator_loss" (its cross-entropy; log 2 where it
        cannot tell), and with early stopping the same of the held-out rows,
        "validation_loss" and so on.

    See Also
    --------
    BetaTCVAE : Estimates the total correlation without a discriminator.

    Notes
    -----
    The discriminator has six layers of 1,000 units and takes most of the time where
    the networks are small. It has an optimizer of its own, the paper's: Adam with a
    step size of 1e-4 and decay rates of 0.5 and 0.9. Others are set by ``net_params``,
    as in ``{"discriminator_optimizer__lr": 1e-3}``. The module is
    ``net_.module_["discriminator"]``.

    References
    ----------
    .. [1] Kim and Mnih (2018). "Disentangling by factorising". ICML, equation 2 and
       algorithm 2.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import FactorVAE
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = FactorVAE(max_iter=1, random_state=0).fit(X[:200])
    >>> vae.transform(X).shape
    (1797, 10)
    >>> sorted(vae.history_)
    ['correlation', 'discriminator_loss', 'kl', 'loss', 'reconstruction']
    """

    gamma: float = 10.0
    early_stopping: bool = False

    objective = staticmethod(factor_elbo)
    weights = ("gamma",)
    n_views = 2

    _parameter_constraints = {
        **BaseVAE._parameter_constraints,
        "gamma": [Interval(Real, 0, None, closed="left")],
    }

    def _make_players(self, n_features):
        discriminator = build_discriminator(self.n_components)
        return {**super()._make_players(n_features), "discriminator": discriminator}

    def _make_optimizers(self):
        return {"discriminator": ("adam", {"lr": 1e-4, "betas": (0.5, 0.9)})}
