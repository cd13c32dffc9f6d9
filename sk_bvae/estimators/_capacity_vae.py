"""beta-VAE with controlled capacity (Burgess et al. 2018)."""

from numbers import Real

from sk_bvae.estimators._parameters import with_parameters
from sk_bvae.estimators._vae import BaseVAE
from sk_bvae.nn import Batch, Losses, linear_ramp
from sk_bvae.nn._closed_form import price_of
from sk_bvae.nn._objective import Players
from sk_bvae.utils._sklearn import Interval
from sk_bvae.utils._warnings import warn

# The share of the training over which C grows, where latents start with no nats.
RANDOM_START_RAMP = 0.5

# A shift of fewer nats is no great waste: an untrained model has a part of one.
LEAST_WASTE = 1.0


def capacity_elbo(
    players: Players, batch: Batch, *, capacity: float, gamma: float
) -> Losses:
    """Reconstruction, and gamma times how far the batch's mean KL is from capacity.

    Parameters
    ----------
    players : dict of str to Module
        The `VAE`, as "vae".

    batch : Batch
        One view of some rows.

    capacity : float
        How many nats the latents are to carry.

    gamma : float
        The price of a nat more or less.

    Returns
    -------
    losses : Losses
        The loss in nats, with "reconstruction" and "kl" to report.
    """
    terms = players["vae"](batch.x[0], batch.noise[0])
    kl = batch.mean(terms.kl.sum(dim=-1))
    loss = batch.mean(terms.nll) + gamma * (kl - capacity).abs()
    return Losses({"vae": loss}, {"reconstruction": terms.nll, "kl": terms.kl})


@with_parameters
class CapacityVAE(BaseVAE):
    """beta-VAE with controlled capacity: the latents carry as many nats as you say.

    Minimises, in nats [1]_,

    .. math:: -E_{q(z|x)}[\\log p(x|z)] + \\gamma \\, |KL(q(z|x) \\,\\|\\, N(0, I)) - C|

    where KL is the mean over the *batch* of the divergence summed over the latents,
    and C is ``capacity``, from the start or after growing to it linearly from 0
    (``capacity_ramp``). While it grows latents come alive one after the other, the
    factor that explains most first.

    Parameters
    ----------
    n_components : int, default=10
        Number of latents. More than needed do no harm: the surplus stays near the
        prior and is sorted last.

    capacity : float, default=25.0
        The final C, in nats; the paper's for 2D shapes. A good start is the total
        of ``kl_`` of a `BetaVAE` of small beta that reconstructs well.

    gamma : float, default=5.0
        Weight of the distance from C: more than a nat is worth at C, and not much more.
        Raise it if the total of ``history_["kl"]``, averaged over the last epochs, is
        more than about 1 nat from ``capacity``: single steps swing about it. Lower it
        if the reconstruction is poor or a fit warns that its nats say nothing: a shift
        that all rows share (``kl_shift_``) costs nats too, and is sooner had. The
        paper's is 1,000, which was far worse than 5 on every data set that was tried
        where latents started with no nats; images of 64x64 pixels, whose first nats are
        worth more, took 100.

    capacity_ramp : float, default=None
        The share of all optimizer steps over which C grows. A share, so that
        neither ``batch_size`` nor ``max_iter`` changes the schedule; 0 starts at
        the full capacity. Only training advances it. None is 0 where ``init="pca"``
        starts at the closed form, whose latents carry the full capacity already: a C
        that grew from 0 left two to seventy times as much of small tables' held-out
        rows unexplained. Elsewhere it is 0.5, which of 0, 0.25, 0.5, 0.75 and 1
        reconstructed 32x32 shapes best.

    learning_rate_init : float, default=5e-4
        The step size; the paper's. The loss has a kink at C, about which the KL
        swings in proportion to the step: at 1e-3 it ended up to 1.3 nats from 10 or
        20 on digits, at 5e-4 within 0.9.

    early_stopping : bool, default=False
        Whether to hold out part of X and keep the weights of its best epoch. Held-out
        losses are those at the final capacity, and mostly ``gamma`` times the distance
        from it: best is then the epoch that keeps to C on the held-out rows.

    Attributes
    ----------
    history_ : dict of ndarray
        Per epoch, in nats per row: "loss", "reconstruction" (negative
        log-likelihood), "kl" of shape (`n_iter_`, n_components), "capacity" (C at
        the end of each), and with early stopping the first three of the held-out
        rows, "validation_loss" and so on.

    See Also
    --------
    BetaVAE : Sets the price of a nat, instead of their number.
    sklearn.decomposition.PCA : The linear case, in closed form.

    Notes
    -----
    Layers, start and batch size are BetaVAE's, which were chosen by rows that were held
    out of real tables and images.

    A pickled estimator holds plain values and arrays. One that was fitted on a GPU
    loads where there is none.

    References
    ----------
    .. [1] Burgess et al. (2018). "Understanding disentangling in beta-VAE".
       arXiv:1804.03599.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import CapacityVAE
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = CapacityVAE(capacity=5, max_iter=20, random_state=0).fit(X)
    >>> bool(abs(vae.kl_.sum() - 5) < 1)
    True
    >>> vae.transform(X).shape
    (1797, 10)
    """

    capacity: float = 25.0
    gamma: float = 5.0
    capacity_ramp: float | None = None
    learning_rate_init: float = 5e-4
    early_stopping: bool = False

    objective = staticmethod(capacity_elbo)
    weights = ("capacity", "gamma")

    _parameter_constraints = {
        **BaseVAE._parameter_constraints,
        "capacity": [Interval(Real, 0, None, closed="left")],
        "gamma": [Interval(Real, 0, None, closed="left")],
        "capacity_ramp": [Interval(Real, 0, 1, closed="both"), None],
    }

    def _schedule(self, progress, *, capacity, **weights):
        return {"capacity": capacity * linear_ramp(progress, self._ramp())}

    def _ramp(self):
        """Say over what share of the training C grows."""
        if self.capacity_ramp is not None:
            return self.capacity_ramp
        return 0.0 if self._starts_linear() else RANDOM_START_RAMP

    def _linear_beta(self, spectrum):
        first = self._schedule(0.0, **self._weights())
        return price_of(first["capacity"], spectrum)

    def _warn_of_collapse(self):
        """Warn if no latent carries anything, or if most of it says nothing."""
        super()._warn_of_collapse()
        nats, wasted = self.kl_.sum(), self.kl_shift_.sum()
        if wasted > max(LEAST_WASTE, nats / 2):
            warn(
                f"Of the {nats:.1f} nats of this {type(self).__name__}, {wasted:.1f} "
                "say nothing of the rows: they move all posteriors alike away from the "
                f"prior (kl_shift_). gamma={self.gamma} asks for nats before the "
                "decoder has a use for them: lower gamma or capacity, or train longer "
                "(max_iter)."
            )

    def _collapse_advice(self):
        return (
            f"capacity={self.capacity} with gamma={self.gamma} leaves them no room: "
            "raise capacity, or train longer (max_iter)."
        )
