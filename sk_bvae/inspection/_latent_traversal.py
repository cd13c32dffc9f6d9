"""What changes in the data as one latent changes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sk_bvae.inspection._canvas import label_rows
from sk_bvae.inspection._codes import (
    check_decoder,
    choose_latents,
    decode,
    describe_codes,
)
from sk_bvae.inspection._decoded import DecodedDisplay, mean_and_std
from sk_bvae.inspection._mosaic import paint, wrap
from sk_bvae.inspection._traversal_images import (
    GALLERY_GAP,
    draw_gallery,
    draw_traversals,
    label_traversals,
)
from sk_bvae.inspection._traversal_tables import (
    draw_cells,
    draw_lines,
    explain_colours,
    express_changes,
    find_limit,
    make_cells,
)
from sk_bvae.utils._sklearn import StrOptions, validate_params
from sk_bvae.utils._types import Ints, Names

if TYPE_CHECKING:
    from matplotlib.animation import FuncAnimation
    from matplotlib.axes import Axes


class LatentTraversalDisplay(DecodedDisplay):
    """Traversals: what is decoded as one latent changes and the others stay.

    A row is a latent, the most important first: by ``kl_`` for a variational
    autoencoder, by explained variance for PCA, by the variance of the codes for
    others. From left to right its value grows, by default from -3 to 3 units of the
    prior for a variational autoencoder, standard deviations of the code for others.

    Images are drawn as they are. Of tables the change from the middle is drawn, so
    that columns of different units can stand side by side. Its colours go either way
    from light grey; for prints without colour pass ``cmap="cividis"``, or draw lines.

    It is recommended to use :meth:`from_estimator` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    traversals : ndarray of shape (n_latents, n_values, n_features)
        The decoded rows, in the data's own units.

    values : ndarray of shape (n_values,)
        The values that each latent takes.

    latent_names : sequence of str
        What the latents are called.

    unit : str, default="prior units"
        The unit of the values.

    image_shape : tuple of int, default=None
        (height, width), (channels, height, width) or (height, width, channels). None
        stands for a table.

    feature_names : sequence of str, default=None
        Names of the columns of a table. None stands for x0, x1 and so on.

    middle : ndarray of shape (n_features,), default=None
        What is decoded where no latent is moved. None takes the mean of
        ``traversals``. Only for tables.

    feature_std : ndarray of shape (n_features,), default=None
        Standard deviations of the features, the unit in which changes are drawn. None
        takes the largest change of each feature instead. Only for tables.

    pixel_range : tuple of float, default=None
        The values of black and white. None takes 0 and 1 where the pixels lie
        between, and else their smallest and largest. Only for images.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the traversals.

    figure_ : matplotlib Figure
        Figure containing the axes.

    im_ : matplotlib AxesImage or None
        The images or the heat map. None for lines.

    lines_ : list of list of matplotlib Line2D or None
        For each latent, a line for each value. None for images and heat maps.

    See Also
    --------
    LatentResponseDisplay : The other way round: the latents as the factors change.
    ReconstructionDisplay : What is left of the data after encoding and decoding.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import BetaVAE
    >>> from sk_bvae.inspection import LatentTraversalDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = BetaVAE(max_iter=5, random_state=0).fit(X / 16)
    >>> display = LatentTraversalDisplay.from_estimator(vae, latents=5)
    >>> display.traversals.shape
    (5, 7, 64)
    >>> plt.show()

    A table, in its own units, through the Pipeline's scaler:

    >>> from sklearn.datasets import load_wine
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> wine = load_wine(as_frame=True)
    >>> pipeline = make_pipeline(StandardScaler(), PCA(3)).fit(wine.data)
    >>> display = LatentTraversalDisplay.from_estimator(pipeline, wine.data)
    >>> display.ax_.get_xticklabels()[0].get_text()
    'alcohol'
    """

    def __init__(
        self,
        traversals: np.ndarray,
        *,
        values: np.ndarray,
        latent_names: Names,
        unit: str = "prior units",
        image_shape: Sequence[int] | None = None,
        feature_names: Names | None = None,
        middle: np.ndarray | None = None,
        feature_std: np.ndarray | None = None,
        pixel_range: tuple[float, float] | None = None,
    ) -> None:
        super().__init__(
            image_shape=image_shape,
            feature_names=feature_names,
            feature_std=feature_std,
            pixel_range=pixel_range,
        )
        self.traversals = traversals
        self.values = values
        self.latent_names = latent_names
        self.unit = unit
        self.middle = middle

    @classmethod
    def from_estimator(
        cls,
        transformer: BaseEstimator,
        X: ArrayLike | None = None,
        *,
        seed_row: ArrayLike | None = None,
        values: ArrayLike | None = None,
        latents: Ints | None = None,
        image_shape: Sequence[int] | None = None,
        feature_names: Names | None = None,
        kind: Literal["heatmap", "lines"] = "heatmap",
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Traverse the latents of a fitted transformer, and draw what it decodes.

        Parameters
        ----------
        transformer : estimator
            A fitted transformer with ``inverse_transform``: `BetaVAE`, PCA, FastICA, a
            search, a Pipeline of these. A Pipeline is traversed in its last step's
            codes and decoded by all its steps, back to the data's own units.

        X : array-like of shape (n_samples, n_features), default=None
            Data. Needed to know how far the codes spread, unless they have a prior
            or are PCA's. Also sets black and white of images to the data's, and the
            unit of a table's changes to the standard deviations of its columns.

        seed_row : array-like of shape (n_features,) or (1, n_features), default=None
            A row of data to start from: the latents that stand still keep its codes.
            Of a DataFrame pass one row with its names, ``X[:1]``. None starts from
            the middle: the prior's mean, or the codes' mean.

        values : array-like of shape (n_values,), default=None
            The values that each latent takes, in units of the prior or in standard
            deviations from the mean. None stands for -3, -2, ..., 3. The codes of
            InfoGAN, uniform on (-1, 1), have a third for a unit.

        latents : int or array-like of int, default=None
            How many latents to show, the most important ones, or which columns of
            the codes. None shows all.

        image_shape : tuple of int, default=None
            (height, width), (channels, height, width) or (height, width, channels). A
            shape of three that begins with 1 or 3 has its channels first. None takes
            the transformer's ``image_shape``, or else rows of 64, 81, 100, ... values
            without names for square grey images, and others for a table.

        feature_names : sequence of str, default=None
            Names of the columns of a table. None takes those seen in `fit`.

        kind : {"heatmap", "lines"}, default="heatmap"
            How tables are drawn.

        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure.

        **kwargs : dict
            Style, passed on to `plot`.

        Returns
        -------
        display : LatentTraversalDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the transformer has no ``inverse_transform``.
        NotFittedError
            If it is not fitted.
        ValueError
            If X is needed and missing, or the latents, the values, the seed row or
            the image shape do not fit.
        """
        check_decoder(transformer)
        codes = describe_codes(transformer, X)
        columns = choose_latents(latents, codes)
        values = _check_values(values)
        start = _start(transformer, codes, seed_row)
        Z = np.tile(start, (len(columns), len(values), 1))
        for row, column in enumerate(columns):
            Z[row, :, column] = codes.center[column] + values * codes.scale[column]
        display = cls._from_rows(
            decode(transformer, Z),
            X=X,
            transformer=transformer,
            image_shape=image_shape,
            feature_names=feature_names,
            values=values,
            latent_names=[codes.names[column] for column in columns],
            unit=codes.unit,
            middle=decode(transformer, start[None])[0],
        )
        return display.plot(kind=kind, ax=ax, **kwargs)

    @staticmethod
    def _measure_table(X):
        return {"feature_std": mean_and_std(X)[1]}

    @validate_params(
        {"kind": [StrOptions({"heatmap", "lines"})]}, prefer_skip_nested_validation=True
    )
    def plot(
        self,
        *,
        kind: Literal["heatmap", "lines"] = "heatmap",
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the traversals.

        Parameters
        ----------
        kind : {"heatmap", "lines"}, default="heatmap"
            How tables are drawn. In a heat map, each cell shows one feature as one
            latent goes from its first value (left) to its last (right). As lines, a
            row has a line for each value, over all features.

        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure of a size that fits.

        **kwargs : dict
            Style: arguments of ``imshow`` for images and heat maps, of
            ``Axes.plot`` for lines.

        Returns
        -------
        display : LatentTraversalDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the image shape does not fit the rows.
        """
        self.im_ = self.lines_ = None
        if self.image_shape is not None:
            images = self._images(self.traversals)
            limits = self._pixel_limits(self.traversals)
            self.im_ = draw_traversals(ax, images, limits, kwargs)
            self.ax_ = self.im_.axes
            label_traversals(self.ax_, self.latent_names, self.values, self.unit)
        elif kind == "heatmap":
            self._plot_heat_map(ax, kwargs)
        else:
            self._plot_lines(ax, kwargs)
        self.figure_ = self.ax_.figure
        return self

    def animate(self, *, interval: int = 150, **kwargs: Any) -> "FuncAnimation":
        """Let all latents go through their values at once, there and back.

        Images: one for each latent. Tables: a heat map of latents and features.

        Parameters
        ----------
        interval : int, default=150
            Milliseconds between two frames.

        **kwargs : dict
            Style: arguments of ``imshow``.

        Returns
        -------
        animation : matplotlib.animation.FuncAnimation
            Save it, for example with
            ``animation.save("traversal.gif", writer="pillow")``, or show the figure.
            Keep a reference to it as long as it is to run.
        """
        from matplotlib.animation import FuncAnimation

        frames, image = self._first_frame(kwargs)

        def show(number):
            image.set_data(frames[number])
            image.axes.set_title(
                f"latents at {self.values[number]:+.2f} {self.unit}", pad=16
            )
            return [image]

        last = len(frames) - 1
        there_and_back = [*range(last + 1), *range(last - 1, 0, -1)]
        figure = image.axes.figure
        return FuncAnimation(figure, show, there_and_back, interval=interval)

    def _changes(self):
        """Find what a table shows: the changes, their unit and the columns' names."""
        changes, unit = express_changes(self.traversals, self.middle, self.feature_std)
        return changes, unit, self._column_names(self.traversals)

    def _plot_heat_map(self, ax, kwargs):
        changes, unit, names = self._changes()
        cells, limit = make_cells(changes), find_limit(changes)
        self.im_ = draw_cells(ax, cells, limit, unit, names, kwargs)
        self.ax_ = self.im_.axes
        label_rows(self.ax_, self.latent_names)
        self.ax_.set_title(
            f"each cell: the latent from {self.values[0]:.3g} (left) to "
            f"{self.values[-1]:.3g} (right) {self.unit}",
            fontsize="small",
        )

    def _plot_lines(self, ax, kwargs):
        changes, unit, names = self._changes()
        self.ax_, self.lines_ = draw_lines(ax, changes, unit, names, kwargs)
        label_rows(self.ax_, self.latent_names)
        explain_colours(self.ax_, self.values, self.unit)

    def _first_frame(self, kwargs):
        """Make an image for each value, and draw the first."""
        if self.image_shape is not None:
            limits = self._pixel_limits(self.traversals)
            by_value = self._images(self.traversals).swapaxes(0, 1)
            tiles = [wrap(images) for images in by_value]
            image = draw_gallery(tiles[0], self.latent_names, limits, kwargs)
            return [paint(some, limits, GALLERY_GAP) for some in tiles], image
        changes, unit, names = self._changes()
        tiles = [make_cells(some) for some in changes.swapaxes(0, 1)[:, :, None]]
        limit = find_limit(changes)
        image = draw_cells(None, tiles[0], limit, unit, names, kwargs)
        label_rows(image.axes, self.latent_names)
        return [paint(some, (-limit, limit)) for some in tiles], image


def _check_values(values):
    values = np.linspace(-3, 3, 7) if values is None else np.asarray(values, float)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"values must be a list of finite numbers; got {values!r}.")
    return values


def _start(transformer, codes, seed_row):
    """Find the codes that the latents keep while they stand still."""
    if seed_row is None:
        return codes.center
    row = seed_row if np.ndim(seed_row) == 2 else np.asarray(seed_row)[None]
    if np.ndim(row) != 2 or len(row) != 1:
        raise ValueError(
            "seed_row must be one row of data, shape (n_features,) or (1, n_features); "
            f"got shape {np.shape(seed_row)}."
        )
    return np.asarray(transformer.transform(row))[0].astype(float)
