"""DIP-VAE (Kumar et al. 2018)."""

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Literal

from sk_bvae.estimators._parameters import with_parameters
from sk_bvae.estimators._vae import BaseVAE
from sk_bvae.nn import Batch, Losses
from sk_bvae.nn._objective import Players
from sk_bvae.utils._sklearn import Interval, StrOptions


def dip_elbo(
    players: Players,
    batch: Batch,
    *,
    kind: Literal["i", "ii"],
    lambda_off_diagonal: float,
    lambda_diagonal: float,
) -> Losses:
    """Negative ELBO, and a price on what the latents' covariance lacks of identity.

    Parameters
    ----------
    players : dict of str to Module
        The `VAE`, as "vae".

    batch : Batch
        One view of some rows.

    kind : {"i", "ii"}
        Which covariance, see `covariance`.

    lambda_off_diagonal : float
        Weight of the sum of the squared covariances of different latents.

    lambda_diagonal : float
        Weight of the sum of the squared distances of their variances from 1.

    Returns
    -------
    losses : Losses
        The loss in nats, with "reconstruction", "kl", and the two sums as
        "off_diagonal" and "diagonal" to report.
    """
    terms = players["vae"](batch.x[0], batch.noise[0])
    matrix = covariance(batch, terms.mean, terms.log_variance, kind)
    variances = matrix.diagonal()
    off_diagonal = (matrix - variances.diag_embed()).square().sum()
    diagonal = (variances - 1).square().sum()
    loss = batch.mean(terms.nll + terms.kl.sum(dim=-1))
    loss = loss + lambda_off_diagonal * off_diagonal + lambda_diagonal * diagonal
    report = {
        "reconstruction": terms.nll,
        "kl": terms.kl,
        "off_diagonal": off_diagonal,
        "diagonal": diagonal,
    }
    return Losses({"vae": loss}, report)


def covariance(batch, mean, log_variance, kind):
    """Estimate a covariance of the latents from the posteriors of a batch.

    Parameters
    ----------
    batch : Batch
        Which says how much each row counts.

    mean : Tensor of shape (n_samples, n_components)
        Means of the posteriors.

    log_variance : Tensor of shape (n_samples, n_components)
        Log variances of the posteriors.

    kind : {"i", "ii"}
        "i" for the covariance of the means, "ii" for that of q(z), which has the mean
        variance of each latent's posteriors on the diagonal in addition.

    Returns
    -------
    covariance : Tensor of shape (n_components, n_components)
        The covariance.
    """
    centred = mean - batch.mean(mean)
    of_means = batch.weigh(centred).mT @ centred / len(mean)
    if kind == "i":
        return of_means
    return of_means + batch.mean(log_variance.exp()).diag_embed()


@with_parameters
class DIPVAE(BaseVAE):
    """DIP-VAE: a variational autoencoder whose latents are kept uncorrelated.

    Minimises, in nats [1]_,

    .. math::

        -E_{q(z|x)}[\\log p(x|z)] + KL(q(z|x) \\,\\|\\, N(0, I))
        + \\lambda_{od} \\textstyle\\sum_{l \\neq m} C_{lm}^2
        + \\lambda_d \\textstyle\\sum_l (C_{ll} - 1)^2

    averaged over the rows, where C is a covariance of the latents over the batch. The
    aggregate posterior q(z) is drawn to the prior's first two moments, and each row's
    own posterior pays no more than in a variational autoencoder.

    Parameters
    ----------
    kind : {"i", "ii"}, default="i"
        Which covariance: "i" that of the posteriors' means, "ii" that of q(z), the
        means' and the average of the posteriors' own.

    lambda_off_diagonal : float, default=10.0
        Weight of the squared covariances of different latents.

    lambda_diagonal : float, default=None
        Weight of the squared distances of the variances from 1. None is the paper's
        choice: ten times ``lambda_off_diagonal`` for kind "i", the same for "ii".

    Attributes
    ----------
    history_ : dict of ndarray
        Per epoch: "loss", "reconstruction" (negative log-likelihood) and "kl" of shape
        (`n_iter_`, n_components) in nats per row; "off_diagonal" and "diagonal", the
        sums that the two weights are for; and with early stopping the same of the
        held-out rows, "validation_loss" and so on.

    See Also
    --------
    BetaTCVAE : Keeps latents independent, not only uncorrelated.

    Notes
    -----
    With kind "i" the means have to have variance 1, which is more than a latent that
    carries little can have: the surplus of ``n_components`` is put to use, and does
    not stay at the prior.

    References
    ----------
    .. [1] Kumar, Sattigeri and Balakrishnan (2018). "Variational inference of
       disentangled latent concepts from unlabeled observations". ICLR, equations 6
       and 7.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import DIPVAE
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = DIPVAE(kind="ii", max_iter=5, random_state=0).fit(X)
    >>> vae.transform(X).shape
    (1797, 10)
    """

    kind: Literal["i", "ii"] = "i"
    lambda_off_diagonal: float = 10.0
    lambda_diagonal: float | None = None

    weights = ("lambda_off_diagonal", "lambda_diagonal")

    _parameter_constraints = {
        **BaseVAE._parameter_constraints,
        "kind": [StrOptions({"i", "ii"})],
        "lambda_off_diagonal": [Interval(Real, 0, None, closed="left")],
        "lambda_diagonal": [Interval(Real, 0, None, closed="left"), None],
    }

    @property
    def objective(self) -> Callable[..., Losses]:
        """The objective of this ``kind``: a function of players, batch and weights."""
        return partial(dip_elbo, kind=self.kind)

    def _weights(self):
        weights = super()._weights()
        if self.lambda_diagonal is None:
            ratio = 10 if self.kind == "i" else 1
            weights["lambda_diagonal"] = ratio * self.lambda_off_diagonal
        return weights
