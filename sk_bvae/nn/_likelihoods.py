"""How a decoder's output becomes a distribution over the data."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sk_bvae.nn._math import LOG_2PI, LOG_VARIANCE_BOUND

# Adam moves a parameter by about the learning rate a step. The log variance has to
# fall by several units while weights move by fractions: what is learned is the log
# variance divided by this, so that it moves at a pace of its own. A variance that
# starts where the affine model has it moves by the sinh of what is learned. That is ten
# times slower at first: on small tables it then follows what the networks add and not
# what they learn by heart, which is worth more there than any other setting. And it is
# as fast in the end, on data where there is far to go.
PACE = 10.0

# Training starts with this share of the data's variance taken for noise: low enough
# that latents find it worth their KL to explain the rest.
INITIAL_NOISE_SHARE = 0.1


class Likelihood(nn.Module):
    """Base class of p(x|z), factorised over the features.

    A decoder gives one number per feature; a likelihood says what distribution that
    number stands for. Subclass it, write `nll_by_feature`, `mean` and `draw`, and pass
    an instance as the ``likelihood`` of an estimator, which works on a copy. Its
    ``support``, the least and the greatest value that it can produce, is the whole line
    unless a subclass says otherwise; data outside is refused. One that needs the means
    and the variances of the columns writes `adapt`. One that moves with the data, as a
    normal distribution does, sets ``location_scale = True``: means far from 0 may then
    be taken off the data beforehand.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Likelihood
    >>> class Exponential(Likelihood):
    ...     support = (0, float("inf"))
    ...
    ...     def nll_by_feature(self, output, x):
    ...         return output + x * (-output).exp()
    ...
    ...     def mean(self, output):
    ...         return output.exp()
    ...
    ...     def draw(self, output, generator):
    ...         unit = torch.empty_like(output).exponential_(generator=generator)
    ...         return output.exp() * unit
    >>> Exponential().nll(torch.tensor([[0.0]]), torch.tensor([[2.0]]))
    tensor([2.])
    """

    support: tuple[float, float] = (-math.inf, math.inf)
    location_scale: bool = False
    # Whether `adapt` has seen what it needs; a single row says nothing of a scale.
    adapted = True

    def __init__(self) -> None:
        super().__init__()

    def bind(self, n_features: int) -> None:
        """Make room for whatever is kept per feature.

        Parameters
        ----------
        n_features : int
            How many features the data has.
        """

    def adapt(self, mean: Tensor, variance: Tensor) -> None:
        """Take what is needed from the data, once, before training.

        Called where a subclass defines it.

        Parameters
        ----------
        mean : Tensor of shape (n_features,), dtype float64
            Means of the columns, over all training rows.

        variance : Tensor of shape (n_features,), dtype float64
            Their variances.
        """

    def check_range(self, low: float, high: float) -> None:
        """Refuse data that lies outside ``support``.

        Parameters
        ----------
        low : float
            The smallest value in the data.

        high : float
            The largest value in the data.

        Raises
        ------
        ValueError
            Where ``low`` or ``high`` lie outside.
        """
        least, most = self.support
        if not (low < least or most < high):  # nor where nothing is observed: NaN
            return
        raise ValueError(
            f"The {type(self).__name__} likelihood needs values between {least:g} and "
            f"{most:g}, but X ranges from {low:g} to {high:g}: "
            f"{self._advise(low, high)}."
        )

    def _advise(self, low, high):
        """Say what to do about data outside ``support``."""
        if self.support == (0, 1) and low >= 0 and high <= 255:
            return "for images of values 0 to 255, divide by 255"
        return 'scale the data, or use likelihood="gaussian"'

    def standardize(self, x: Tensor) -> Tensor:
        """Bring data to the scale that the networks work on.

        Parameters
        ----------
        x : Tensor of shape (..., n_features)
            Data in its own units.

        Returns
        -------
        x : Tensor of shape (..., n_features)
            What the encoder sees, and what `nll` compares the output with.
        """
        return x

    def nll_by_feature(self, output: Tensor, x: Tensor) -> Tensor:
        """Negative log density of each feature.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave.

        x : Tensor of shape (..., n_features)
            Standardised data.

        Returns
        -------
        nll : Tensor of shape (..., n_features)
            In nats, as a density over data in its own units.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no nll_by_feature(output, x), which rows with "
            "gaps, and shares of features in a density, need."
        )

    def nll(self, output: Tensor, x: Tensor) -> Tensor:
        """Negative log density, summed over the features.

        The sum of `nll_by_feature`, unless a subclass has a faster way to it.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave.

        x : Tensor of shape (..., n_features)
            Standardised data.

        Returns
        -------
        nll : Tensor of shape (...)
            In nats, as a density over data in its own units.
        """
        return self.nll_by_feature(output, x).sum(dim=-1)

    def mean(self, output: Tensor) -> Tensor:
        """Mean of the distribution, in the data's own units.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave.

        Returns
        -------
        mean : Tensor of shape (..., n_features)
            The mean.
        """
        raise NotImplementedError

    def draw(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Draw from the distribution, in the data's own units.

        Parameters
        ----------
        output : Tensor of shape (..., n_features)
            What the decoder gave, on the CPU.

        generator : torch.Generator
            The source of randomness.

        Returns
        -------
        x : Tensor of shape (..., n_features)
            The draw.
        """
        raise NotImplementedError

    def learned(self) -> dict[str, float]:
        """Name what was learned beside the weights.

        Returns
        -------
        attributes : dict
            Attributes for the fitted estimator.
        """
        return {}


class Gaussian(Likelihood):
    """Normal distribution with one variance for all features, as in probabilistic PCA.

    The networks see the data less its column means, divided by one number, the root
    of the columns' mean variance; so the units of the data do not matter, and PCA's
    geometry is kept (columns are *not* scaled one by one).

    Parameters
    ----------
    noise_variance : float or None, default=None
        The variance in the data's own units, squared. None learns it.

    Raises
    ------
    ValueError
        If ``noise_variance`` is not positive.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Gaussian
    >>> likelihood = Gaussian(noise_variance=1.0)
    >>> likelihood.bind(n_features=2)
    >>> likelihood.nll(torch.zeros(1, 2), torch.zeros(1, 2))
    tensor([1.8379])
    """

    location_scale = True

    def __init__(self, noise_variance: float | None = None) -> None:
        super().__init__()
        if noise_variance is not None and not 0 < noise_variance < math.inf:
            raise ValueError(
                f"noise_variance={noise_variance} must be a positive number, or None "
                "to learn it."
            )
        self.noise_variance = noise_variance
        self.pace = PACE
        self.accelerates = False

    def leave_slowly(self) -> None:
        """Let a learned variance leave its start slowly, and then ever faster."""
        self.pace = 1.0
        self.accelerates = True

    def start_at(self, log_variance: float) -> None:
        """Set a learned variance.

        Parameters
        ----------
        log_variance : float
            Its logarithm, in units of the data's scale, squared.
        """
        if self.accelerates:
            self.origin.fill_(log_variance)
            log_variance = 0.0
        self.paced_log_variance.data.fill_(log_variance / self.pace)

    def bind(self, n_features: int) -> None:
        self.register_buffer("center", torch.zeros(n_features))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("scale_is_known", torch.tensor(False))
        # (x - center) / scale as one operation, gain x + offset
        self.register_buffer("gain", torch.ones(()))
        self.register_buffer("offset", torch.zeros(n_features))
        # 1/2 log of 2 pi scale^2 over the features: the volume of unit noise
        self.register_buffer("half_log_volume", torch.tensor(n_features * LOG_2PI / 2))
        self.register_buffer("origin", torch.zeros(()))
        self.paced_log_variance = nn.Parameter(torch.zeros(()))
        self.paced_log_variance.requires_grad_(self.noise_variance is None)
        self.start_at(math.log(self.noise_variance or INITIAL_NOISE_SHARE))

    def adapt(self, mean: Tensor, variance: Tensor) -> None:
        self.center.copy_(mean)
        scale = variance.mean().sqrt()
        self.scale_is_known.copy_(scale > 0)
        self.scale.copy_(scale if scale > 0 else torch.ones(()))
        self.gain.copy_(1 / self.scale.double())
        self.offset.copy_(-self.center.double() / self.scale.double())
        log_scale = self.scale.log()
        self.half_log_volume.copy_(len(self.center) * (LOG_2PI / 2 + log_scale))
        if self.noise_variance is not None:
            log_variance = math.log(self.noise_variance) - 2 * log_scale
            self.paced_log_variance.data.copy_(log_variance / self.pace)

    @property
    def adapted(self) -> bool:  # type: ignore[override]
        """Whether the scale is known; rows that are all alike have none."""
        return self.scale_is_known.item()

    def standardize(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.offset, x, self.gain)

    def nll(self, output: Tensor, x: Tensor) -> Tensor:
        paced = self._bounded()
        squares = (output - x).square().sum(dim=-1)
        half_log_volume = torch.add(
            self.half_log_volume, paced, alpha=x.shape[-1] * self.pace / 2
        )
        precision = (-self.pace * paced).exp()
        return torch.addcmul(half_log_volume, squares, precision, value=0.5)

    def nll_by_feature(self, output: Tensor, x: Tensor) -> Tensor:
        log_variance = self.pace * self._bounded()
        half_log_volume = self.half_log_volume / x.shape[-1] + log_variance / 2
        return half_log_volume + (output - x).square() * (-log_variance).exp() / 2

    def _bounded(self):
        """Bound the log variance if it is learned; take it as it is if given."""
        paced = self.paced_log_variance
        if self.noise_variance is not None:
            return paced
        if self.accelerates:
            paced = self.origin + paced.sinh()
        bound = LOG_VARIANCE_BOUND / self.pace
        return F.hardtanh(paced, -bound, bound)

    def mean(self, output: Tensor) -> Tensor:
        return self.center + self.scale * output

    def draw(self, output: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.randn(output.shape, generator=generator)
        std = (self.pace / 2 * self._bounded()).exp()
        return self.mean(output + std * noise)

    def learned(self) -> dict[str, float]:
        if self.noise_variance is not None:
            return {"noise_variance_": float(self.noise_variance)}
        log_variance = self.pace * self._bounded().item()
        # in double precision: the square of a scale can be beyond float32
        return {"noise_variance_": self.scale.item() ** 2 * math.exp(log_variance)}


class Bernoulli(Likelihood):
    """Independent coin flips whose log odds the decoder gives.

    Data in {0, 1} is what it is a distribution of. Grey values between 0 and 1 are
    taken, as both papers take them, with the cross-entropy as their cost.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Bernoulli
    >>> Bernoulli().nll(torch.zeros(1, 3), torch.ones(1, 3))
    tensor([2.0794])
    """

    support = (0, 1)

    def nll_by_feature(self, output: Tensor, x: Tensor) -> Tensor:
        # binary_cross_entropy_with_logits, which vmap takes apart into many operations
        return F.softplus(output) - x * output

    def mean(self, output: Tensor) -> Tensor:
        return output.sigmoid()

    def draw(self, output: Tensor, generator: torch.Generator) -> Tensor:
        return torch.bernoulli(output.sigmoid(), generator=generator)
