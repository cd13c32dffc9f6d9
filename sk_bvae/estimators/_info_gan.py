"""InfoGAN (Chen et al. 2016)."""

from numbers import Real
from typing import Literal

import torch.nn.functional as F

from sk_bvae.estimators._gan import BaseGAN
from sk_bvae.estimators._parameters import with_parameters
from sk_bvae.nn import Batch, Losses, linear_ramp
from sk_bvae.nn._objective import Players
from sk_bvae.nn._spread import KEY_DRAWS, spread_noise
from sk_bvae.utils._sklearn import Interval, StrOptions


def info_gan_losses(
    players: Players, batch: Batch, *, information_weight: float, instance_noise: float
) -> Losses:
    """Three players' losses: a generator's, a discriminator's and a recognition's.

    Parameters
    ----------
    players : dict of str to Module
        The "generator", the "discriminator", whose trunk the third one shares, and the
        "recognition", which infers the codes.

    batch : Batch
        Rows, each with draws for a row that the generator makes and for the noise on
        both.

    information_weight : float
        Weight of the information.

    instance_noise : float
        Standard deviation of the noise that the discriminator sees rows through.

    Returns
    -------
    losses : Losses
        The players' in nats, with "squared_error" of the inferred codes to report.
    """
    generator, discriminator = players["generator"], players["discriminator"]
    real = generator.standardize(batch.x[0])
    draws, keys = batch.noise[0].split([generator.n_latents, KEY_DRAWS], dim=-1)
    latents = generator.latents(draws)
    noise = instance_noise * spread_noise(keys, 2 * real.shape[1])
    of_real, of_made = noise.chunk(2, dim=-1)
    odds_of_real, _ = discriminator(real + of_real)
    odds_of_made, features = discriminator(generator(latents) + of_made)
    codes = latents[:, : generator.n_components]
    squared_error = (players["recognition"](features) - codes).square()
    # less a constant, minus the log density of the codes in a normal of variance 1
    price = information_weight * 0.5 * squared_error.sum(dim=-1)
    unmasked = F.softplus(-odds_of_real) + F.softplus(odds_of_made)
    losses = {
        "generator": batch.mean(F.softplus(-odds_of_made) + price),
        "discriminator": batch.mean(unmasked + price),
        "recognition": batch.mean(price),
    }
    return Losses(losses, {"squared_error": squared_error})


@with_parameters
class InfoGAN(BaseGAN):
    """InfoGAN: a generative adversarial network whose codes can be inferred.

    Three players [1]_. A generator G makes rows of codes c, uniform on (-1, 1), and of
    noise z, standard normal. A discriminator D tells the rows of X from those that are
    made, and the generator tries to pass for X. A recognition network Q, which shares
    the discriminator's trunk, infers the codes, and the others help it:

    .. math::

        \\min_{G, Q} \\max_D \\; E_x[\\log D(x)] + E_{c, z}[\\log(1 - D(G(c, z)))]
        - \\lambda \\, E_{c, z}[\\log q(c \\mid G(c, z))]

    The last term is, but for the codes' entropy, a lower bound of the information
    between codes and rows. As in the paper q(c|x) is a normal distribution of variance
    1 there, the generator maximises log D instead (which has the same optimum, and
    larger gradients), and the discriminator has a share in the last term too.

    Parameters
    ----------
    information_weight : float, default=1.0
        Weight of the information, lambda.

    instance_noise : float, default=0.2
        Standard deviation of the Gaussian noise on all rows that the discriminator and
        the recognition see in training, where the data ranges from -1 to 1. It lets
        rows of data and rows that are made overlap, so that the discriminator cannot
        be sure of either by details alone.

    noise_schedule : {"constant", "linear"}, default="linear"
        "linear" lets the instance noise fall to 0 along the training.

    Attributes
    ----------
    history_ : dict of ndarray
        Per epoch: "loss", the generator's, "discriminator_loss" (2 log 2 where it
        cannot tell) and "recognition_loss"; "information" of shape (`n_iter_`,
        n_components), as ``information_`` is, but through the instance noise; and
        "instance_noise" at the end of the epoch, where it falls.

    See Also
    --------
    BetaVAE : Infers latents by a likelihood, and has a score.

    Notes
    -----
    The whole data, all columns together, is mapped from its range to (-1, 1), where
    the generator's tanh ends. Scale columns of different units first.

    No loss here says how good the model is, so that there is no early stopping, and
    an InfoGAN does not know how likely a row is, so that there is no ``score``. Choose
    by metrics of the codes, by agreement between seeds (``scoring="udr"`` of
    `ReplicaGridSearch`), or by looking. ``information_`` may exceed log 2, 0.69: it is
    not the codes' differential entropy that bounds what a row says of them.

    ``solver`` and ``learning_rate_init`` are the generator's. The discriminator and
    the recognition have optimizers of their own, Adam with a step size of 2e-4; the
    decay rates of every Adam are 0.5 and 0.999. Others are set by ``net_params``, as in
    ``{"discriminator_optimizer__lr": 2e-3}``. All players take a step at the same time,
    by gradients at the same weights.

    References
    ----------
    .. [1] Chen, Duan, Houthooft, Schulman, Sutskever and Abbeel (2016). "InfoGAN:
       interpretable representation learning by information maximizing generative
       adversarial nets". NeurIPS, equations 3 to 6.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import InfoGAN
    >>> X, _ = load_digits(return_X_y=True)
    >>> gan = InfoGAN(2, max_iter=5, random_state=0).fit(X)
    >>> gan.transform(X).shape
    (1797, 2)
    >>> gan.sample(3, random_state=0).shape
    (3, 64)
    """

    information_weight: float = 1.0
    instance_noise: float = 0.2
    noise_schedule: Literal["constant", "linear"] = "linear"

    objective = staticmethod(info_gan_losses)
    weights = ("information_weight", "instance_noise")

    _parameter_constraints = {
        **BaseGAN._parameter_constraints,
        "information_weight": [Interval(Real, 0, None, closed="left")],
        "instance_noise": [Interval(Real, 0, None, closed="left")],
        "noise_schedule": [StrOptions({"constant", "linear"})],
    }

    def _schedule(self, progress, *, instance_noise, **weights):
        if self.noise_schedule == "constant":
            return {}
        return {"instance_noise": instance_noise * (1 - linear_ramp(progress, 1.0))}

    def _n_noise(self):
        return self.n_components + self.n_noise + KEY_DRAWS
