"""Which columns move with a latent."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sk_bvae.inspection._canvas import length_of, letters_for, style, take_grid
from sk_bvae.inspection._codes import choose_latents
from sk_bvae.inspection._decoded import find_feature_names
from sk_bvae.inspection._loadings import N_COLUMNS, find_loadings, longest_first
from sk_bvae.utils._sklearn import validate_params
from sk_bvae.utils._types import Ints, Names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer

# Inches.
BAR_HEIGHT = 0.18
BAR_LENGTH = 1.7
ROOM_ABOVE = 0.45
LARGEST_WIDTH = 10.0

MOST_ACROSS = 4
COLOURS = np.array(["tab:orange", "tab:blue"])  # of what falls and what grows


class ComponentsDisplay:
    """The columns that move most with each latent, as bars.

    A panel is a latent, and in it the columns that gain or lose most as the latent
    grows by one standard deviation of its codes, sorted. All panels have one scale. In
    a Pipeline behind a scaler, changes are in the scaler's units: for `StandardScaler`
    in standard deviations of the columns, so that they can be compared.

    It is recommended to use :meth:`from_estimator` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    components : ndarray of shape (n_latents, n_features)
        What each column gains as a latent grows by one standard deviation.

    latent_names : sequence of str
        What the latents are called.

    feature_names : sequence of str, default=None
        Names of the columns. None stands for x0, x1 and so on.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, shape (n_latents,)
        A panel for each latent.

    figure_ : matplotlib Figure
        Figure containing the axes.

    bars_ : list of matplotlib BarContainer
        The bars of each latent, the longest first.

    See Also
    --------
    BiplotDisplay : Two latents, with rows and columns in one plane.
    LatentTraversalDisplay : What changes as a latent goes further, where it bends.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sk_bvae import BetaVAE
    >>> from sk_bvae.inspection import ComponentsDisplay
    >>> wine = load_wine(as_frame=True).data
    >>> vae = BetaVAE(3, beta=1, max_iter=20, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), vae).fit(wine)
    >>> display = ComponentsDisplay.from_estimator(pipeline)
    >>> display.components.shape
    (3, 13)
    >>> plt.show()
    """

    def __init__(
        self,
        components: np.ndarray,
        *,
        latent_names: Names,
        feature_names: Names | None = None,
    ) -> None:
        self.components = components
        self.latent_names = latent_names
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        transformer: BaseEstimator,
        X: ArrayLike | None = None,
        *,
        latents: Ints | None = None,
        n_columns: int = 10,
        feature_names: Names | None = None,
        ax: "ArrayLike | Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the columns that move most with the latents of a fitted transformer.

        Parameters
        ----------
        transformer : estimator
            A fitted transformer with ``components_``: `BetaVAE`, PCA, FastICA,
            FactorAnalysis, a search, a Pipeline that ends in one of these.

        X : array-like of shape (n_samples, n_features), default=None
            Data. Needed to know how far the codes spread, unless they are a
            variational autoencoder's or PCA's.

        latents : int or array-like of int, default=None
            How many latents to show, the most important ones, or which columns of
            the codes. None shows all.

        n_columns : int, default=10
            How many columns to show for each latent.

        feature_names : sequence of str, default=None
            Names of the columns as the model sees them. None takes those seen in
            `fit`, or those that a Pipeline's other steps give.

        ax : array-like of matplotlib Axes, default=None
            Where to draw, one for each latent. None opens a figure.

        **kwargs : dict
            Style, passed on to `plot`.

        Returns
        -------
        display : ComponentsDisplay
            The display, drawn.

        Raises
        ------
        TypeError
            If the transformer has no ``components_``.
        NotFittedError
            If it is not fitted.
        ValueError
            If X is needed and missing, or the latents or the names do not fit.
        """
        loadings = find_loadings(transformer, X, feature_names)
        columns = choose_latents(latents, loadings.codes)
        display = cls(
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
        ax: "ArrayLike | Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the bars.

        Parameters
        ----------
        n_columns : int, default=10
            How many columns to show for each latent.

        ax : array-like of matplotlib Axes, default=None
            Where to draw, one for each latent. None opens a figure of a size that
            fits.

        **kwargs : dict
            Style: arguments of ``Axes.barh``.

        Returns
        -------
        display : ComponentsDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the names are not as many as the columns, or there is not one of
            ``ax`` for each latent.
        """
        components = np.asarray(self.components)
        names = find_feature_names(self.feature_names, components.shape[1])
        shown = [longest_first(values[None], n_columns) for values in components]
        self.axes_ = self._take_panels(ax, names, shown)
        self.figure_ = self.axes_[0].figure
        self.bars_: list[BarContainer] = []
        limit = 1.05 * np.abs(components).max() or 1.0
        for number, columns in enumerate(shown):
            panel, values = self.axes_[number], components[number, columns]
            self._draw_bars(panel, values, kwargs)
            panel.set(xlim=(-limit, limit), ylim=(len(columns) - 0.5, -0.5))
            panel.set_yticks(range(len(columns)), [names[each] for each in columns])
            panel.tick_params(labelsize=letters_for(BAR_HEIGHT))
            panel.set_title(self.latent_names[number], fontsize="small")
        self.figure_.supxlabel(
            "change by one std of the latent",
            fontsize="small",
        )
        return self

    @staticmethod
    def _take_panels(ax, names, shown):
        """Take the given axes, or as many in a row as there is room for."""
        mentioned = [names[column] for columns in shown for column in columns]
        width = BAR_LENGTH + length_of(mentioned, letters_for(BAR_HEIGHT))
        n_across = max(1, min(MOST_ACROSS, len(shown), int(LARGEST_WIDTH / width)))
        n_down = -(-len(shown) // n_across)
        height = BAR_HEIGHT * len(shown[0]) + ROOM_ABOVE
        size = n_across * width, n_down * height + ROOM_ABOVE
        axes = take_grid(ax, (n_down, n_across), *size, n_axes=len(shown))
        return axes.ravel()[: len(shown)]

    def _draw_bars(self, panel, values, kwargs):
        from matplotlib.patches import Rectangle

        defaults = {"color": COLOURS[(values > 0).astype(int)], "height": 0.7}
        options = style(Rectangle, defaults, kwargs)
        panel.axvline(0, color="0.6", linewidth=0.8, zorder=0)
        self.bars_.append(panel.barh(range(len(values)), values, **options))
