"""What a model makes of codes that are drawn from its prior."""

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sk_bvae.inspection._canvas import style, take_axes, take_columns
from sk_bvae.inspection._codes import check_decoder, decode, describe_codes
from sk_bvae.inspection._decoded import DecodedDisplay, mean_and_std, standardise
from sk_bvae.inspection._mosaic import show_mosaic, wrap
from sk_bvae.utils._random import private_random_state
from sk_bvae.utils._sklearn import Interval, validate_params
from sk_bvae.utils._types import Names, RandomState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches.
TILE = 0.7
LARGEST_WIDTH = 7.5


class SampleDisplay(DecodedDisplay):
    """Rows that are decoded from codes drawn at random.

    The codes of a variational autoencoder are drawn from its prior, those of other
    transformers from independent normal distributions with the codes' own means and
    standard deviations. Without noise: what is drawn is the mean of the data given the
    codes.

    Samples of a table are lines over its columns, in standard deviations from the
    columns' means. A band behind them holds the middle 90 % of the data in each
    column.

    It is recommended to use :meth:`from_estimator` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    samples : ndarray of shape (n_samples, n_features)
        The decoded rows, in the data's own units.

    data_quantiles : ndarray of shape (3, n_features), default=None
        The 5 %, 50 % and 95 % quantiles of data to compare with. Only for tables.

    image_shape : tuple of int, default=None
        (height, width), (channels, height, width) or (height, width, channels). None
        stands for a table.

    feature_names : sequence of str, default=None
        Names of the columns of a table. None stands for x0, x1 and so on.

    feature_mean : ndarray of shape (n_features,), default=None
        Means of the features, drawn at 0. None takes those of ``samples``. Only for
        tables.

    feature_std : ndarray of shape (n_features,), default=None
        Standard deviations of the features, the unit that is drawn. None takes those
        of ``samples``. Only for tables.

    pixel_range : tuple of float, default=None
        The values of black and white. None takes 0 and 1 where the pixels lie
        between, and else their smallest and largest. Only for images.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the samples.

    figure_ : matplotlib Figure
        Figure containing the axes.

    im_ : matplotlib AxesImage or None
        The images. None for a table.

    lines_ : list of matplotlib Line2D or None
        The samples of a table. None for images.

    band_ : matplotlib PolyCollection or None
        The data behind them. None for images, and without data.

    See Also
    --------
    LatentTraversalDisplay : What each latent stands for.
    ReconstructionDisplay : What is left of the data after encoding and decoding.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import BetaVAE
    >>> from sk_bvae.inspection import SampleDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = BetaVAE(max_iter=5, random_state=0).fit(X / 16)
    >>> display = SampleDisplay.from_estimator(vae, n_samples=12, random_state=0)
    >>> display.samples.shape
    (12, 64)
    >>> plt.show()
    """

    def __init__(
        self,
        samples: np.ndarray,
        *,
        data_quantiles: np.ndarray | None = None,
        image_shape: Sequence[int] | None = None,
        feature_names: Names | None = None,
        feature_mean: np.ndarray | None = None,
        feature_std: np.ndarray | None = None,
        pixel_range: tuple[float, float] | None = None,
    ) -> None:
        super().__init__(
            image_shape=image_shape,
            feature_names=feature_names,
            feature_std=feature_std,
            pixel_range=pixel_range,
        )
        self.samples = samples
        self.data_quantiles = data_quantiles
        self.feature_mean = feature_mean

    @classmethod
    @validate_params(
        {
            "n_samples": [Interval(Integral, 1, None, closed="left")],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
    def from_estimator(
        cls,
        transformer: BaseEstimator,
        X: ArrayLike | None = None,
        *,
        n_samples: int = 30,
        image_shape: Sequence[int] | None = None,
        feature_names: Names | None = None,
        random_state: RandomState = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Decode random codes by a fitted transformer, and draw the rows.

        Parameters
        ----------
        transformer : estimator
            A fitted transformer with ``inverse_transform``: `BetaVAE`, PCA, FastICA, a
            search, a Pipeline of these.

        X : array-like of shape (n_samples, n_features), default=None
            Data. Needed to know how far the codes spread, unless they have a prior
            or are PCA's. Also sets black and white of images, and gives samples of a
            table something to be compared with.

        n_samples : int, default=30
            How many rows to draw.

        image_shape : tuple of int, default=None
            (height, width), (channels, height, width) or (height, width, channels). A
            shape of three that begins with 1 or 3 has its channels first. None takes
            the transformer's ``image_shape``, or else rows of 64, 81, 100, ... values
            without names for square grey images, and others for a table.

        feature_names : sequence of str, default=None
            Names of the columns of a table. None takes those seen in `fit`.

        random_state : int, RandomState instance or None, default=None
            Draws the codes. Pass an int for reproducible pictures.

        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure.

        **kwargs : dict
            Style, passed on to `plot`.

        Returns
        -------
        display : SampleDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the transformer has no ``inverse_transform``.
        NotFittedError
            If it is not fitted.
        ValueError
            If X is needed and missing, or the image shape or the names do not fit.
        """
        check_decoder(transformer)
        codes = describe_codes(transformer, X)
        rng = private_random_state(random_state)
        noise = rng.standard_normal((n_samples, len(codes.center)))
        display = cls._from_rows(
            decode(transformer, codes.center + codes.scale * noise),
            X=X,
            transformer=transformer,
            image_shape=image_shape,
            feature_names=feature_names,
        )
        return display.plot(ax=ax, **kwargs)

    @staticmethod
    def _measure_table(X):
        mean, std = mean_and_std(X)
        return {
            "data_quantiles": np.quantile(X, [0.05, 0.5, 0.95], axis=0),
            "feature_mean": mean,
            "feature_std": std,
        }

    def plot(self, *, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw the samples.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure of a size that fits.

        **kwargs : dict
            Style: arguments of ``imshow`` for images, of ``Axes.plot`` for the samples
            of a table.

        Returns
        -------
        display : SampleDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the image shape or the names do not fit the rows.
        """
        self.im_ = self.lines_ = self.band_ = None
        if self.image_shape is not None:
            self._plot_images(ax, kwargs)
        else:
            self._plot_table(ax, kwargs)
        self.figure_ = self.ax_.figure
        return self

    def _plot_images(self, ax, kwargs):
        tiles = wrap(self._images(self.samples))
        n_rows, n_columns, height, width = tiles.shape[:4]
        tile = min(TILE, LARGEST_WIDTH / n_columns)
        self.ax_ = take_axes(ax, tile * n_columns * width / height, tile * n_rows)
        limits = self._pixel_limits(self.samples)
        self.im_ = show_mosaic(self.ax_, tiles, limits, kwargs)
        self.ax_.set(xticks=[], yticks=[])

    def _plot_table(self, ax, kwargs):
        from matplotlib.lines import Line2D

        self.ax_ = take_columns(ax, self._column_names(self.samples), height=3)
        if self.data_quantiles is not None:
            self._plot_data()
        defaults = {"color": "tab:blue", "linewidth": 0.8, "alpha": 0.7}
        options = style(Line2D, defaults, kwargs)
        self.lines_ = self.ax_.plot(self._in_one_scale(self.samples).T, **options)
        self.ax_.set_ylabel("standard deviations from the mean")
        self.lines_[0].set_label("samples")
        self.ax_.legend(
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=3,
            frameon=False,
            fontsize="small",
        )

    def _plot_data(self):
        low, middle, high = self._in_one_scale(self.data_quantiles)
        self.band_ = self.ax_.fill_between(
            range(len(low)), low, high, color="0.85", label="90 % of the data"
        )
        self.ax_.plot(middle, color="0.5", linewidth=1.5, label="median of the data")

    def _in_one_scale(self, rows):
        return standardise(rows, self.samples, self.feature_mean, self.feature_std)
