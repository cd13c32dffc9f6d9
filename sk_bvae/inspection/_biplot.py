"""Rows and columns in the plane of two latents."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sk_bvae.inspection._canvas import (
    POINTS_PER_INCH,
    SMALLEST_LETTERS,
    keep_apart,
    length_of,
    letters_for,
    style,
    take_axes,
)
from sk_bvae.inspection._codes import choose_latents
from sk_bvae.inspection._decoded import find_feature_names, in_units
from sk_bvae.inspection._loadings import N_COLUMNS, find_loadings, longest_first
from sk_bvae.utils._sklearn import validate_params
from sk_bvae.utils._types import Ints, Names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

# Inches.
WIDTH = 8.0
HEIGHT = 5.5
HEIGHT_OF_A_NAME = 0.15
AROUND_NAMES = 0.3
LEAST_ROOM = 1.0

# Names take no more than this share of the width, if their letters can be smaller.
SHARE_OF_NAMES = 0.6

# Around the rows, a share of what they span.
MARGIN = 0.08

# The longest arrow ends where only this share of the rows lies further out.
ROWS_BEYOND = 0.02

LINE_SPACING = 1.3
ARROW = {"arrowstyle": "-|>", "color": "tab:red", "linewidth": 1.2, "shrinkA": 0}
LEADER = {"arrowstyle": "-", "color": "tab:red", "linewidth": 0.4, "shrinkB": 0}

# Of names to the right and to the left: the edge, how they are aligned to it, and where
# their inner end is.
SIDES = ((1, "left", 0), (0, "right", 1))


class BiplotDisplay:
    """Rows as points in the plane of two latents, and columns as arrows.

    An arrow points to where its column grows, and is the longer the more it grows: a
    row that lies far along it has a large value there, so far as these two latents
    say. Columns whose arrows point the same way rise and fall together. Latents are in
    standard deviations, and the arrows are drawn to a scale of their own.

    It is recommended to use :meth:`from_estimator` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, 2)
        The two latents of the rows.

    components : ndarray of shape (2, n_features)
        What each column gains as a latent grows by one standard deviation.

    latent_names : sequence of str
        What the two latents are called.

    feature_names : sequence of str, default=None
        Names of the columns. None stands for x0, x1 and so on.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the plane.

    figure_ : matplotlib Figure
        Figure containing the axes.

    dots_ : matplotlib PathCollection
        The rows.

    arrows_ : list of matplotlib Annotation
        The columns, the longest arrow first.

    text_ : list of matplotlib Annotation
        Their names.

    See Also
    --------
    ComponentsDisplay : The columns of each latent by itself.
    LatentTraversalDisplay : What changes as a latent goes further, where it bends.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sk_bvae import BetaVAE
    >>> from sk_bvae.inspection import BiplotDisplay
    >>> wine = load_wine(as_frame=True)
    >>> vae = BetaVAE(3, beta=1, max_iter=20, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), vae).fit(wine.data)
    >>> display = BiplotDisplay.from_estimator(pipeline, wine.data, c=wine.target)
    >>> display.components.shape
    (2, 13)
    >>> plt.show()
    """

    def __init__(
        self,
        codes: np.ndarray,
        components: np.ndarray,
        *,
        latent_names: Names,
        feature_names: Names | None = None,
    ) -> None:
        self.codes = codes
        self.components = components
        self.latent_names = latent_names
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        transformer: BaseEstimator,
        X: ArrayLike,
        *,
        latents: Ints = 2,
        n_columns: int = 10,
        feature_names: Names | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw data in the plane of two latents of a fitted transformer.

        Parameters
        ----------
        transformer : estimator
            A fitted transformer with ``components_``: `BetaVAE`, PCA, FastICA,
            FactorAnalysis, a search, a Pipeline that ends in one of these.

        X : array-like of shape (n_samples, n_features)
            Data.

        latents : int or array-like of int, default=2
            Which two columns of the codes to show. 2 shows the most important ones.

        n_columns : int, default=10
            How many columns of the data to show, those of the longest arrows.

        feature_names : sequence of str, default=None
            Names of the columns as the model sees them. None takes those seen in
            `fit`, or those that a Pipeline's other steps give.

        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure.

        **kwargs : dict
            Style, passed on to `plot`.

        Returns
        -------
        display : BiplotDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the transformer has no ``components_``.
        NotFittedError
            If it is not fitted.
        ValueError
            If the latents are not two, or they or the names do not fit.
        """
        loadings = find_loadings(transformer, X, feature_names)
        columns = choose_latents(latents, loadings.codes)
        if len(columns) != 2:
            raise ValueError(f"latents={latents!r}, but a plane has two.")
        display = cls(
            np.asarray(transformer.transform(X))[:, columns],
            loadings.values[columns],
            latent_names=[loadings.codes.names[column] for column in columns],
            feature_names=loadings.feature_names,
        )
        return display.plot(n_columns=n_columns, ax=ax, **kwargs)

    @validate_params(N_COLUMNS, prefer_skip_nested_validation=True)
    def plot(
        self,
        *,
        n_columns: int = 10,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the points and the arrows.

        Parameters
        ----------
        n_columns : int, default=10
            How many columns of the data to show, those of the longest arrows.

        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure.

        **kwargs : dict
            Style: arguments of ``Axes.scatter`` for the rows, such as ``c=y``.

        Returns
        -------
        display : BiplotDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the names are not as many as the columns.
        """
        components = np.asarray(self.components)
        names = find_feature_names(self.feature_names, components.shape[1])
        shown = longest_first(components, n_columns)
        codes = np.asarray(self.codes, dtype=float)
        rows = in_units(codes - codes.mean(axis=0), codes.std(axis=0))
        self.ax_ = take_axes(ax, WIDTH, max(HEIGHT, HEIGHT_OF_A_NAME * len(shown)))
        self.figure_ = self.ax_.figure
        self._draw_rows(rows, kwargs)
        tips = _fit_arrows(components[:, shown].T, rows)
        self.arrows_: list[Annotation] = self._draw_arrows(tips)
        self.text_: list[Annotation] = self._write_names(
            tips, [names[column] for column in shown], rows
        )
        return self

    def _draw_rows(self, rows, kwargs):
        from matplotlib.collections import PathCollection

        colour = {} if {"c", "color"} & set(kwargs) else {"color": "0.6"}
        defaults = {"s": 12, "alpha": 0.5, "linewidths": 0, **colour}
        options = style(PathCollection, defaults, kwargs)
        self.dots_ = self.ax_.scatter(*rows.T, **options)
        self.ax_.set_aspect("equal")
        self.ax_.set_xlabel(f"{self.latent_names[0]}  (standard deviations)")
        self.ax_.set_ylabel(f"{self.latent_names[1]}  (standard deviations)")

    def _draw_arrows(self, tips):
        return [
            self.ax_.annotate("", xy=tip, xytext=(0, 0), arrowprops=ARROW)
            for tip in tips
        ]

    def _write_names(self, tips, names, rows):
        """Write the names in a column to either side, where there are no rows."""
        left = tips[:, 0] < 0
        size, beside, inch = self._make_room(left, names, np.concatenate([rows, tips]))
        bottom, top = self.ax_.get_ylim()
        line = LINE_SPACING * size / POINTS_PER_INCH * inch
        heights = np.empty(len(names))
        for side in (left, ~left):
            ends = bottom + line / 2, top - line / 2
            heights[side] = keep_apart(tips[side, 1], line, *ends)
        edges = np.array(self.ax_.get_xlim()) + np.multiply(beside, (inch, -inch))
        written = []
        for tip, name, height in zip(tips, names, heights, strict=True):
            side, align, inner_end = SIDES[int(tip[0] < 0)]
            written.append(
                self.ax_.annotate(
                    name,
                    xy=tip,
                    xytext=(edges[side], height),
                    ha=align,
                    va="center",
                    fontsize=size,
                    arrowprops={**LEADER, "relpos": (inner_end, 0.5)},
                )
            )
        return written

    def _make_room(self, left, names, points):
        """Set the limits so that names fit beside points.

        Returns
        -------
        size : float
            Of the letters, in points.

        beside : tuple of float
            Room for names to the left and to the right, in inches.

        inch : float
            Its length in units of the data.
        """
        box = self.ax_.get_window_extent()
        room = np.array([box.width, box.height]) / self.figure_.dpi
        size = letters_for(room[1] / max(left.sum(), (~left).sum()))
        both = sum(_length_of_some(names, side, size) for side in (left, ~left))
        fitting = size * min(1.0, SHARE_OF_NAMES * room[0] / both)
        size = max(SMALLEST_LETTERS, fitting)
        beside = [_length_of_some(names, side, size) for side in (left, ~left)]
        room[0] = max(LEAST_ROOM, room[0] - sum(beside))
        low, high = points.min(axis=0), points.max(axis=0)
        inch = (1 + MARGIN) * max((high - low) / room) or 1.0
        middle = (low + high) / 2
        low, high = middle - inch * room / 2, middle + inch * room / 2
        self.ax_.set_xlim(low[0] - inch * beside[0], high[0] + inch * beside[1])
        self.ax_.set_ylim(low[1], high[1])
        return size, beside, inch


def _fit_arrows(arrows, rows):
    """Scale arrows to the rows that they are drawn over."""
    longest = np.linalg.norm(arrows, axis=1).max()
    reach = np.quantile(np.linalg.norm(rows, axis=1), 1 - ROWS_BEYOND)
    return arrows * (reach / longest if longest > 0 else 1.0)


def _length_of_some(names, chosen, size):
    """Estimate the room that the chosen names take, in inches."""
    some = [name for name, is_chosen in zip(names, chosen, strict=True) if is_chosen]
    return length_of(some, size) + AROUND_NAMES if some else 0.0
