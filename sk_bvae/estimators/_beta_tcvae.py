"""beta-TCVAE (Chen et al. 2018)."""

from numbers import Real

from sk_bvae.estimators._parameters import with_parameters
from sk_bvae.estimators._vae import BaseVAE
from sk_bvae.nn import Batch, Losses
from sk_bvae.nn._kl_parts import decompose_kl
from sk_bvae.nn._objective import Players
from sk_bvae.utils._sklearn import Interval


def beta_tc_elbo(
    players: Players, batch: Batch, *, alpha: float, beta: float, gamma: float
) -> Losses:
    """Negative ELBO whose KL term is taken apart, each part with a weight of its own.

    The parts add up to the KL. So gamma weighs the KL in closed form, and the estimates
    only what alpha and beta differ from it by: with equal weights this is a beta-VAE.

    Parameters
    ----------
    players : dict of str to Module
        The `VAE`, as "vae".

    batch : Batch
        One view of some rows.

    alpha : float
        Weight of the mutual information of rows and latents.

    beta : float
        Weight of the total correlation of the latents.

    gamma : float
        Weight of the latents' own divergences from the prior.

    Returns
    -------
    losses : Losses
        The loss in nats, and to report "reconstruction", "kl" and its three parts.
    """
    terms = players["vae"](batch.x[0], batch.noise[0])
    information, correlation, dimension_wise = decompose_kl(
        terms.z, terms.mean, terms.log_variance, batch.n_rows, batch.sample_weight
    )
    kl = gamma * terms.kl.sum(dim=-1)
    kl = kl + (alpha - gamma) * information + (beta - gamma) * correlation
    report = {
        "reconstruction": terms.nll,
        "kl": terms.kl,
        "information": information,
        "correlation": correlation,
        "dimension_wise": dimension_wise,
    }
    return Losses({"vae": batch.mean(terms.nll + kl)}, report)


@with_parameters
class BetaTCVAE(BaseVAE):
    """beta-TCVAE: a variational autoencoder that pays for total correlation.

    The KL term of the beta-VAE is three things at once, and only the second of them
    keeps factors in one latent each. Minimises, averaged over the rows and in nats
    [1]_,

    .. math::

        -E_{q(z|x)}[\\log p(x|z)] + \\alpha \\, I(x; z)
        + \\beta \\, KL\\big(q(z) \\,\\|\\, \\textstyle\\prod_l q(z_l)\\big)
        + \\gamma \\, \\textstyle\\sum_l KL(q(z_l) \\,\\|\\, N(0, 1))

    where q(z) is the mixture of all rows' posteriors: mutual information, total
    correlation and dimension-wise KL. Latents may carry as much as they can, as long
    as they are independent of each other.

    Parameters
    ----------
    alpha : float, default=1.0
        Weight of the mutual information of rows and latents.

    beta : float, default=6.0
        Weight of the total correlation; the paper's for 2D shapes. With 1 for all
        three weights this is the variational autoencoder.

    gamma : float, default=1.0
        Weight of the dimension-wise KL.

    Attributes
    ----------
    history_ : dict of ndarray
        Per epoch, in nats per row: "loss", "reconstruction" (negative
        log-likelihood), "kl" of shape (`n_iter_`, n_components), "information",
        "correlation" and "dimension_wise", which add up to an estimate of the total
        KL, and with early stopping the same of the held-out rows, "validation_loss"
        and so on.

    See Also
    --------
    FactorVAE : Weighs the same total correlation, estimated by a discriminator.
    BetaVAE : One weight for all three parts.

    Notes
    -----
    The densities q(z) and q(z_l) are estimated from the rows of a batch, weighted by
    how they came into it: a row's own posterior counts 1 / n_samples, those of the
    batch's other rows share the rest. With all rows in one batch this is exact up to
    the draw of z. With fewer, the total correlation is the harder to see the more nats
    the latents carry, and larger batches help: with batches of 128 and a KL of 7 nats,
    latents without correlation show -1.6 nats of it. "information" is at most the log
    of n_samples, whatever the KL.

    References
    ----------
    .. [1] Chen et al. (2018). "Isolating sources of disentanglement in variational
       autoencoders". NeurIPS, equation 2.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import BetaTCVAE
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = BetaTCVAE(beta=6, max_iter=5, random_state=0).fit(X)
    >>> vae.transform(X).shape
    (1797, 10)
    >>> sorted(term for term in vae.history_ if "validation" not in term)
    ['correlation', 'dimension_wise', 'information', 'kl', 'loss', 'reconstruction']
    """

    alpha: float = 1.0
    beta: float = 6.0
    gamma: float = 1.0

    objective = staticmethod(beta_tc_elbo)
    weights = ("alpha", "beta", "gamma")

    _parameter_constraints = {
        **BaseVAE._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "beta": [Interval(Real, 0, None, closed="left")],
        "gamma": [Interval(Real, 0, None, closed="left")],
    }

    def _linear_beta(self, spectrum):
        return self.gamma

    def _collapse_advice(self):
        return (
            f"alpha={self.alpha}, beta={self.beta} and gamma={self.gamma} outweigh "
            "what they could explain: lower them, or train longer (max_iter)."
        )
