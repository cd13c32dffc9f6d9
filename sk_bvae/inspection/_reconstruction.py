"""What is left of the data after encoding and decoding."""

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from sk_bvae.inspection._canvas import style, take_axes, take_columns
from sk_bvae.inspection._codes import check_decoder, decode
from sk_bvae.inspection._decoded import DecodedDisplay, mean_and_std, standardise
from sk_bvae.inspection._mosaic import show_mosaic
from sk_bvae.utils._sklearn import Interval, validate_params
from sk_bvae.utils._types import Names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches.
TILE = 0.8
LARGEST_WIDTH = 7.5

# A table is scaled such that this share of its values stays within this share of the
# way to the next row. Scaled by its largest value, one outlier would flatten all rows.
COMMON = 0.98
REACH = 0.55


class ReconstructionDisplay(DecodedDisplay):
    """Rows of data beside what is left of them after encoding and decoding.

    Images stand above their reconstructions. A table has a line of its own for each
    row of data: dots for the data, a line for the reconstruction, in standard
    deviations from the columns' means.

    It is recommended to use :meth:`from_estimator` or :meth:`from_arrays` to create a
    display. All parameters are stored as attributes.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        The rows.

    X_reconstructed : ndarray of shape (n_samples, n_features)
        Their reconstructions, in the same units.

    image_shape : tuple of int, default=None
        (height, width), (channels, height, width) or (height, width, channels). None
        stands for a table.

    feature_names : sequence of str, default=None
        Names of the columns of a table. None stands for x0, x1 and so on.

    feature_mean : ndarray of shape (n_features,), default=None
        Means of the features, drawn at 0. None takes those of X. Only for tables.

    feature_std : ndarray of shape (n_features,), default=None
        Standard deviations of the features, the unit that is drawn. None takes those
        of X. Only for tables.

    pixel_range : tuple of float, default=None
        The values of black and white. None takes 0 and 1 where X lies between, and
        else its smallest and largest value. Only for images.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the rows.

    figure_ : matplotlib Figure
        Figure containing the axes.

    im_ : matplotlib AxesImage or None
        The images. None for a table.

    lines_ : list of matplotlib Line2D or None
        The reconstruction of each row of a table. None for images.

    dots_ : list of matplotlib Line2D or None
        Each row of a table. None for images.

    See Also
    --------
    LatentTraversalDisplay : What each latent stands for.
    SampleDisplay : Rows that are decoded from the prior.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sk_bvae.inspection import ReconstructionDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> pca = PCA(10).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(pca, X, n_samples=5)
    >>> display.X_reconstructed.shape
    (5, 64)
    >>> plt.show()
    """

    def __init__(
        self,
        X: np.ndarray,
        X_reconstructed: np.ndarray,
        *,
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
        self.X = X
        self.X_reconstructed = X_reconstructed
        self.feature_mean = feature_mean

    @classmethod
    @validate_params(
        {"n_samples": [Interval(Integral, 1, None, closed="left")]},
        prefer_skip_nested_validation=True,
    )
    def from_estimator(
        cls,
        transformer: BaseEstimator,
        X: ArrayLike,
        *,
        n_samples: int = 8,
        image_shape: Sequence[int] | None = None,
        feature_names: Names | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Encode and decode rows by a fitted transformer, and draw both.

        Parameters
        ----------
        transformer : estimator
            A fitted transformer with ``inverse_transform``: `BetaVAE`, PCA, FastICA, a
            search, a Pipeline of these.

        X : array-like of shape (n_samples, n_features)
            Data.

        n_samples : int, default=8
            How many rows to show, the first ones.

        image_shape : tuple of int, default=None
            (height, width), (channels, height, width) or (height, width, channels). A
            shape of three that begins with 1 or 3 has its channels first. None takes
            the transformer's ``image_shape``, or else rows of 64, 81, 100, ... values
            without names for square grey images, and others for a table.

        feature_names : sequence of str, default=None
            Names of the columns of a table. None takes those seen in `fit`.

        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure.

        **kwargs : dict
            Style, passed on to `plot`.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the transformer has no ``inverse_transform``.
        NotFittedError
            If it is not fitted.
        ValueError
            If the image shape or the names do not fit the rows.
        """
        check_decoder(transformer)
        shown = X[:n_samples]  # type: ignore[index]
        display = cls._from_rows(
            np.asarray(shown),
            decode(transformer, np.asarray(transformer.transform(shown))),
            X=X,
            transformer=transformer,
            image_shape=image_shape,
            feature_names=feature_names,
        )
        return display.plot(ax=ax, **kwargs)

    @classmethod
    @validate_params(
        {"n_samples": [Interval(Integral, 1, None, closed="left")]},
        prefer_skip_nested_validation=True,
    )
    def from_arrays(
        cls,
        X: ArrayLike,
        X_reconstructed: ArrayLike,
        *,
        n_samples: int = 8,
        image_shape: Sequence[int] | None = None,
        feature_names: Names | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw rows and reconstructions that are there already.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        X_reconstructed : array-like of shape (n_samples, n_features)
            Its reconstruction.

        n_samples : int, default=8
            How many rows to show, the first ones.

        image_shape : tuple of int, default=None
            (height, width), (channels, height, width) or (height, width, channels). A
            shape of three that begins with 1 or 3 has its channels first. None takes
            rows of 64, 81, 100, ... values without names for square grey images, and
            others for a table.

        feature_names : sequence of str, default=None
            Names of the columns of a table.

        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure.

        **kwargs : dict
            Style, passed on to `plot`.

        Returns
        -------
        display : ReconstructionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the arrays differ in shape, or the image shape or the names do not fit
            the rows.
        """
        rebuilt = check_array(X_reconstructed, input_name="X_reconstructed")
        if np.shape(X) != rebuilt.shape:
            raise ValueError(
                f"X has shape {np.shape(X)}, but X_reconstructed {rebuilt.shape}."
            )
        display = cls._from_rows(
            np.asarray(X[:n_samples]),  # type: ignore[index]
            rebuilt[:n_samples],
            X=X,
            transformer=None,
            image_shape=image_shape,
            feature_names=feature_names,
        )
        return display.plot(ax=ax, **kwargs)

    @staticmethod
    def _measure_table(X):
        mean, std = mean_and_std(X)
        return {"feature_mean": mean, "feature_std": std}

    def plot(self, *, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw the rows and their reconstructions.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure of a size that fits.

        **kwargs : dict
            Style: arguments of ``imshow`` for images, of ``Axes.plot`` for the
            reconstructions of a table's rows.

        Returns
        -------
        display : ReconstructionDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the image shape or the names do not fit the rows.
        """
        self.im_ = self.lines_ = self.dots_ = None
        if self.image_shape is not None:
            self._plot_images(ax, kwargs)
        else:
            self._plot_table(ax, kwargs)
        self.figure_ = self.ax_.figure
        return self

    def _plot_images(self, ax, kwargs):
        tiles = self._images(np.stack([self.X, self.X_reconstructed]))
        n_columns, height, width = tiles.shape[1:4]
        tile = min(TILE, LARGEST_WIDTH / n_columns)
        self.ax_ = take_axes(
            ax, tile * n_columns * width / height + 0.9, 2 * tile + 0.2
        )
        limits = self._pixel_limits(self.X)
        self.im_ = show_mosaic(self.ax_, tiles, limits, kwargs)
        self.ax_.set_yticks([0, 1], ["data", "rebuilt"])
        self.ax_.set_xticks([])

    def _plot_table(self, ax, kwargs):
        from matplotlib.lines import Line2D

        data, rebuilt = (
            standardise(rows, self.X, self.feature_mean, self.feature_std)
            for rows in (self.X, self.X_reconstructed)
        )
        limit = np.quantile(np.abs([data, rebuilt]), COMMON) or 1.0
        n_rows = len(data)
        height = 0.6 * n_rows + 0.6
        self.ax_ = take_columns(ax, self._column_names(self.X), height)
        self.dots_, self.lines_ = [], []
        options = style(Line2D, {"color": "tab:blue", "linewidth": 1.3}, kwargs)
        for row in range(n_rows):
            self.ax_.axhline(row, color="0.85", linewidth=0.8, zorder=0)
            heights = row - REACH * np.stack([data[row], rebuilt[row]]) / limit
            self.dots_ += self.ax_.plot(heights[0], "o", color="black", markersize=3)
            self.lines_ += self.ax_.plot(heights[1], **options)
        bottom, top = self.ax_.get_ylim()
        self.ax_.set_ylim(max(n_rows - 0.35, top), min(-0.65, bottom))
        self.ax_.set_yticks(range(n_rows), [f"row {row}" for row in range(n_rows)])
        self.ax_.set_title(
            f"rows are {limit / REACH:.2g} std of the feature apart",
            fontsize="small",
            loc="left",
        )
        self.ax_.legend(
            [self.dots_[0], self.lines_[0]],
            ["data", "rebuilt"],
            loc="lower right",
            bbox_to_anchor=(1, 1.02),
            ncols=2,
            frameon=False,
            borderaxespad=0,
            fontsize="small",
        )
