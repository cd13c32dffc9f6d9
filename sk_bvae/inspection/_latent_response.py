"""How each latent answers to the factors (Higgins et al. 2017, figure 7)."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from sk_bvae.inspection._canvas import letters_for, style, take_grid
from sk_bvae.inspection._codes import choose_latents, describe_codes
from sk_bvae.utils._random import private_random_state
from sk_bvae.utils._sklearn import Interval, validate_params
from sk_bvae.utils._types import Ints, Names, RandomState

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

POSITION = ("position_y", "position_x")
SHAPE = "shape"

LINES = ("-", "--", ":", "-.")

# Images that are rendered and encoded at once.
BLOCK_IMAGES = 1024

# Inches.
LARGEST_HEIGHT = 13.0
ROW_HEIGHT = 0.8
COLUMN_WIDTH = 1.9

# Rows beside which the colour bar stands, the first ones if there are more; and how
# many times longer than wide it is for each of them.
LONGEST_BAR = 4
THINNESS = 7

# The least size, in points, of names on two lines.
LETTERS_OF_TWO_LINES = 7.0


class LatentResponseDisplay:
    """Each latent's mean over position, and its tuning curves for other factors.

    As in figure 7 of the beta-VAE paper [1]_: a row is a latent, the first panel its
    mean at each position of an object, the others its mean along scale, rotation and
    what other factors there are, with a line for each shape. Everything that a panel
    does not show is averaged over. A latent that codes for one factor varies in one
    panel only.

    It is recommended to use :meth:`from_estimator` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    position : ndarray of shape (n_latents, n_positions_y, n_positions_x) or None
        Mean of each latent at each position. None if position is no factor.

    curves : dict of ndarray of shape (n_latents, n_shapes, n_values)
        By a factor's name, mean of each latent at each of its values, for each shape.

    factor_values : dict of ndarray of shape (n_values,)
        By a factor's name, its values.

    latent_names : sequence of str
        What the latents are called.

    shape_names : sequence of str, default=None
        What the shapes are called. None if shape is no factor.

    unit : str, default="prior units"
        The unit of the means.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, shape (n_latents, n_panels)
        Axes of the panels.

    figure_ : matplotlib Figure
        Figure containing the axes.

    im_ : list of matplotlib AxesImage
        The heat map of each latent, if there are any.

    lines_ : dict of list of list of matplotlib Line2D
        By a factor's name, for each latent a line for each shape.

    See Also
    --------
    FactorMatrixDisplay : One number for each latent and factor.
    LatentTraversalDisplay : The other way round: the data as a latent changes.

    References
    ----------
    .. [1] Higgins et al. (2017). "beta-VAE: learning basic visual concepts with a
       constrained variational framework". ICLR.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.decomposition import PCA
    >>> from sk_bvae.datasets import make_shapes2d
    >>> from sk_bvae.inspection import LatentResponseDisplay
    >>> shapes = make_shapes2d(
    ...     500, image_size=16, n_orientations=8, n_positions=8, random_state=0
    ... )
    >>> pca = PCA(3).fit(shapes.data)
    >>> display = LatentResponseDisplay.from_estimator(
    ...     pca, shapes, n_images=1000, random_state=0
    ... )
    >>> display.position.shape
    (3, 8, 8)
    >>> {name: curves.shape for name, curves in display.curves.items()}
    {'scale': (3, 3, 6), 'orientation': (3, 3, 8)}
    >>> plt.show()
    """

    def __init__(
        self,
        position: np.ndarray | None,
        curves: Mapping[str, np.ndarray],
        *,
        factor_values: Mapping[str, np.ndarray],
        latent_names: Names,
        shape_names: Names | None = None,
        unit: str = "prior units",
    ) -> None:
        self.position = position
        self.curves = curves
        self.factor_values = factor_values
        self.latent_names = latent_names
        self.shape_names = shape_names
        self.unit = unit

    @classmethod
    @validate_params(
        {
            "n_images": [Interval(Integral, 1, None, closed="left")],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
    def from_estimator(
        cls,
        transformer: BaseEstimator,
        data: Bunch,
        *,
        latents: Ints | None = None,
        n_images: int = 20_000,
        random_state: RandomState = None,
        ax: "Sequence[Axes] | np.ndarray | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Encode images of known factors, average the codes and draw the averages.

        Parameters
        ----------
        transformer : estimator
            A fitted transformer.

        data : Bunch
            What `sk_bvae.datasets.make_shapes2d` returns, or any such Bunch with
            ``render``, ``factor_names``, ``factor_sizes`` and ``factor_values``.
            Factors called "position_x" and "position_y" make the heat maps, one
            called "shape" the lines.

        latents : int or array-like of int, default=None
            How many latents to show, the most important ones, or which columns of
            the codes. None shows all.

        n_images : int, default=20_000
            About how many images to render and encode for the heat maps, and for the
            curves of each factor. The factors that a panel averages over are drawn
            at random, evenly and the same at all of its points.

        random_state : int, RandomState instance or None, default=None
            Determines the draws.

        ax : array-like of matplotlib Axes, default=None
            Where to draw: a panel for the position and for each curve, latent by
            latent. None opens a figure.

        **kwargs : dict
            Style, passed on to `plot`.

        Returns
        -------
        display : LatentResponseDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the transformer is not fitted.
        ValueError
            If the data cannot be rendered, or the latents do not exist.
        """
        check_is_fitted(transformer)
        _check_data(data)
        codes = describe_codes(transformer, data.data)
        columns = choose_latents(latents, codes)
        rng = private_random_state(random_state)

        def respond(*names):
            means = _mean_codes(transformer.transform, data, names, n_images, rng)
            means = (means - codes.center) / np.where(codes.scale > 0, codes.scale, 1)
            return np.moveaxis(means[..., columns], -1, 0)

        names = list(data.factor_names)
        has_position, has_shape = set(POSITION) <= set(names), SHAPE in names
        shown = {SHAPE, *POSITION} if has_position else {SHAPE}
        others = [name for name in names if name not in shown]
        if not has_position and not others:
            raise ValueError(
                f"data has no factor to draw a latent against, but {', '.join(names)}."
            )
        values = dict(zip(names, data.factor_values, strict=True))
        curves = {
            name: respond(SHAPE, name) if has_shape else respond(name)[:, None]
            for name in others
        }
        display = cls(
            respond(*POSITION) if has_position else None,
            curves,
            factor_values={name: values[name] for name in others},
            latent_names=[codes.names[column] for column in columns],
            shape_names=[str(value) for value in values[SHAPE]] if has_shape else None,
            unit=codes.unit,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(
        self,
        *,
        ax: "Sequence[Axes] | np.ndarray | None" = None,
        im_kw: dict[str, Any] | None = None,
        line_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the heat maps and the curves.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            Where to draw: a panel for the position and for each curve, latent by
            latent. None opens a figure of a size that fits.

        im_kw : dict, default=None
            Style of the heat maps: arguments of ``imshow``.

        line_kw : dict, default=None
            Style of the curves: arguments of ``Axes.plot``.

        Returns
        -------
        display : LatentResponseDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``ax`` does not hold as many axes as there are panels.
        """
        n_latents = len(self.latent_names)
        n_maps = int(self.position is not None)
        n_panels = n_maps + len(self.curves)
        height = min(ROW_HEIGHT, LARGEST_HEIGHT / n_latents)
        widths = [height] * n_maps + [COLUMN_WIDTH] * len(self.curves)
        self.axes_ = take_grid(
            ax,
            (n_latents, n_panels),
            sum(widths) + 1.6,
            height * n_latents + 1.1,
            width_ratios=widths,
        )
        self.figure_ = self.axes_[0, 0].figure
        limit = self._limit()
        self.im_: list[AxesImage] = []
        self.lines_: dict[str, list[list[Line2D]]] = {}
        if n_maps:
            self._draw_maps(self.axes_[:, 0], limit, im_kw)
        for axes, name in zip(self.axes_[:, n_maps:].T, self.curves, strict=True):
            self._draw_curves(axes, name, limit, line_kw)
        self._label_rows(height)
        return self

    def _label_rows(self, height):
        """Write the latents' names, on two lines where a row has the room."""
        size = letters_for(height / 2.5)
        if size < LETTERS_OF_TWO_LINES:
            size, separator = letters_for(height / 1.5), "  "
        else:
            separator = "\n"
        for ax, name in zip(self.axes_[:, 0], self.latent_names, strict=True):
            ax.set_ylabel(
                name.replace("  ", separator),
                rotation=0,
                ha="right",
                va="center",
                fontsize=size,
                labelpad=6,
            )

    def _limit(self):
        """Find the largest mean: all panels have the same scale, around 0."""
        arrays = [*self.curves.values()]
        arrays += [] if self.position is None else [self.position]
        return max(float(np.abs(array).max()) for array in arrays) or 1.0

    def _draw_maps(self, axes, limit, im_kw):
        from matplotlib.image import AxesImage

        defaults = {"cmap": "cividis", "vmin": -limit, "vmax": limit}
        options = style(AxesImage, defaults, im_kw)
        for ax, means in zip(axes, self.position, strict=True):
            self.im_.append(ax.imshow(means, **options))
            ax.set(xticks=[], yticks=[])
        axes[0].set_title("position", fontsize="medium")
        n_rows = min(len(axes), LONGEST_BAR)
        self.figure_.colorbar(
            self.im_[0],
            ax=list(self.axes_.flat),
            label=f"mean ({self.unit})",
            shrink=n_rows / len(axes),
            anchor=(0, 1),
            aspect=THINNESS * n_rows,
        )

    def _draw_curves(self, axes, name, limit, line_kw):
        from matplotlib import colormaps
        from matplotlib.lines import Line2D

        n_shapes = self.curves[name].shape[1]
        mark = float(f"{0.7 * limit:.1g}")
        colours = colormaps["viridis"](np.linspace(0, 0.8, n_shapes))
        self.lines_[name] = []
        for ax, curves in zip(axes, self.curves[name], strict=True):
            lines = []
            for number, curve in enumerate(curves):
                defaults = {
                    "color": colours[number],
                    "linestyle": LINES[number % len(LINES)],
                    "linewidth": 1.2,
                }
                options = style(Line2D, defaults, line_kw)
                lines += ax.plot(self.factor_values[name], curve, **options)
            self.lines_[name].append(lines)
            ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
            ax.set(ylim=(-1.05 * limit, 1.05 * limit), yticks=[-mark, mark])
            last = ax is axes[-1]
            ax.tick_params(labelsize=7, labelbottom=last, labelleft=last)
        axes[0].set_title(name, fontsize="medium")
        if self.shape_names is not None and not self.figure_.legends:
            self.figure_.legend(
                self.lines_[name][0],
                self.shape_names,
                loc="outside upper right",
                ncols=n_shapes,
                frameon=False,
                fontsize="small",
            )


def _check_data(data):
    missing = [
        name
        for name in ("data", "render", "factor_names", "factor_sizes", "factor_values")
        if not hasattr(data, name)
    ]
    if missing:
        raise ValueError(
            f"data has no {', '.join(missing)}: pass what make_shapes2d returns."
        )


def _mean_codes(encode, data, names, n_images, rng):
    """Average the codes over all factors but those on a grid.

    Every point of the grid sees the same values of the other factors, so that what
    they do cancels in comparisons along the grid.

    Parameters
    ----------
    encode : callable
        From rows to codes.

    data : Bunch
        Data whose ``render`` makes images of any factors.

    names : sequence of str
        The factors on the grid.

    n_images : int
        About how many images to encode.

    rng : RandomState
        Draws the other factors' values.

    Returns
    -------
    means : ndarray of shape (size of each factor in names..., n_codes)
        The averages.
    """
    columns = [data.factor_names.index(name) for name in names]
    sizes = [data.factor_sizes[column] for column in columns]
    points = np.indices(sizes).reshape(len(sizes), -1).T
    n_contexts = max(1, n_images // len(points))
    contexts = _balanced_draws(data.factor_sizes, n_contexts, rng)
    factors = np.repeat(contexts, len(points), axis=0)
    factors[:, columns] = np.tile(points, (n_contexts, 1))
    total = 0.0
    for start in range(0, len(factors), _block(len(points))):
        some = factors[start : start + _block(len(points))]
        images = data.render(some)
        codes = np.asarray(encode(images.reshape(len(some), -1)), dtype=float)
        total = total + codes.reshape(-1, len(points), codes.shape[1]).sum(axis=0)
    return (total / n_contexts).reshape(*sizes, -1)


def _block(n_points):
    """Say how many images to encode at once: a multiple of the points of the grid."""
    return n_points * max(1, BLOCK_IMAGES // n_points)


def _balanced_draws(sizes, n_draws, rng):
    """Draw classes such that each of a factor's occurs as often as any other."""
    columns = [
        rng.permutation(np.resize(rng.permutation(size), n_draws)) for size in sizes
    ]
    return np.column_stack(columns)
