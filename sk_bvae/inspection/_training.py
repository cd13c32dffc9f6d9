"""How the terms of the loss went during training."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sk_bvae.inspection._canvas import (
    LARGEST_LETTERS,
    POINTS_PER_INCH,
    keep_apart,
    room_per_line,
    style,
    take_grid,
)
from sk_bvae.inspection._codes import find_model
from sk_bvae.utils._active import ACTIVE_NATS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# The share of the epochs, the first ones, that may leave the picture at the top.
SETTLING = 0.02

# How far from the ends of the lines their names are, in shares of the axes' width.
LEADER = 0.06

# Inches.
PANEL_WIDTH = 4.0
PANEL_HEIGHT = 2.75

# What every variational autoencoder reports, in nats per row; these panels come first.
TITLES = {
    "loss": "loss",
    "reconstruction": "reconstruction (negative log-likelihood)",
    "kl": "KL from the prior",
}
HELD_OUT = "validation_"


class TrainingDisplay:
    """The loss and its terms by epoch, and what each latent has of them.

    A panel for each term, averaged over the rows of data: the loss, the
    reconstruction, the KL term with the capacity where there is one, and whatever else
    the model's objective reports. A term that is known for each latent has its total in
    one panel and the latents in the next. Terms of held-out rows are dashed. Where
    the first epochs tower above all others, all axes but the KL's leave them out.

    It is recommended to use :meth:`from_estimator` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    history : dict of ndarray
        As ``history_`` of the models of this package: by name, a term of each epoch, of
        shape (n_epochs,) or, by latent, (n_epochs, n_components). "loss" must be there;
        it, "reconstruction" and "kl" are in nats. A name that begins with
        ``"validation_"`` is a term of held-out rows.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, shape (n_rows, n_columns)
        Axes of the panels, line by line, and None in the places after the last: of
        "loss", "reconstruction" and "kl", as far as they are there, and then of the
        others in their order.

    figure_ : matplotlib Figure
        Figure containing the axes.

    lines_ : dict of matplotlib Line2D
        The lines of terms and totals, by the names in ``history``.

    latent_lines_ : dict of list of matplotlib Line2D
        By the name of each term that is known by latent, a line for each latent.

    See Also
    --------
    RateDistortionDisplay : Both terms of many fits, after training.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import CapacityVAE
    >>> from sk_bvae.inspection import TrainingDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> vae = CapacityVAE(capacity=5, max_iter=5, random_state=0).fit(X / 16)
    >>> display = TrainingDisplay.from_estimator(vae)
    >>> sorted(display.lines_)
    ['capacity', 'kl', 'loss', 'reconstruction']
    >>> plt.show()
    """

    def __init__(self, history: Mapping[str, np.ndarray]) -> None:
        self.history = history

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        ax: "Sequence[Axes] | np.ndarray | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the history of a fitted model.

        Parameters
        ----------
        estimator : estimator
            A fitted model of this package, or a Pipeline or a search that ends in
            one.

        ax : array-like of matplotlib Axes, default=None
            Where to draw, as many axes as `plot` says. None opens a figure.

        **kwargs : dict
            Style, passed on to `plot`.

        Returns
        -------
        display : TrainingDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If it keeps no history.
        """
        check_is_fitted(estimator)
        model = find_model(estimator)
        if not hasattr(model, "history_"):
            raise TypeError(
                f"{type(model).__name__} keeps no history_ of its training: pass a "
                "model of this package, or a Pipeline or a search that ends in one."
            )
        return cls(model.history_).plot(ax=ax, **kwargs)

    def plot(
        self, *, ax: "Sequence[Axes] | np.ndarray | None" = None, **kwargs: Any
    ) -> Self:
        """Draw the history.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            Where to draw: one axes for each term, and another for each term that is
            known by latent. Capacity has none beside "kl", nor have terms of held-out
            rows beside their own. None opens a figure.

        **kwargs : dict
            Style: arguments of ``Axes.plot`` for all lines.

        Returns
        -------
        display : TrainingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``ax`` does not hold as many axes as there are panels.
        """
        panels = self._list_panels()
        n_columns = math.ceil(math.sqrt(len(panels)))
        n_rows = math.ceil(len(panels) / n_columns)
        size = PANEL_WIDTH * n_columns, PANEL_HEIGHT * n_rows
        self.axes_ = take_grid(ax, (n_rows, n_columns), *size, n_axes=len(panels))
        self.figure_ = self.axes_[0, 0].figure
        self.lines_: dict[str, Line2D] = {}
        self.latent_lines_: dict[str, list[Line2D]] = {}
        for position, (term, by_latent) in enumerate(panels):
            ax = self.axes_.flat[position]
            draw = self._draw_latents if by_latent else self._draw_term
            draw(ax, term, kwargs)
            self._set_limits(ax, term)
            if by_latent:
                self._label_latents(ax, term)
            if position + n_columns >= len(panels):
                ax.set_xlabel("epoch")
            if position % n_columns == 0 and term in TITLES:
                ax.set_ylabel("nats per row")
        return self

    def _list_panels(self):
        """List the panels: a term, and whether its total or its latents are drawn."""
        terms = dict.fromkeys(name.removeprefix(HELD_OUT) for name in self.history)
        if "kl" in terms:
            terms.pop("capacity", None)  # the KL's target, drawn beside it
        first = [term for term in TITLES if term in terms]
        panels = []
        for term in [*first, *(term for term in terms if term not in TITLES)]:
            panels.append((term, False))
            if self._is_by_latent(term):
                panels.append((term, True))
        return panels

    def _is_by_latent(self, term):
        return np.ndim(self.history.get(term)) == 2

    def _draw_term(self, ax, term, kwargs):
        styles = {
            term: {"color": "black", "label": "training"},
            f"{HELD_OUT}{term}": {
                "color": "tab:orange",
                "linestyle": "--",
                "label": "held out",
            },
        }
        if term == "kl":
            styles["capacity"] = {
                "color": "tab:red",
                "linestyle": ":",
                "linewidth": 2,
                "label": "capacity",
            }
        for name, defaults in styles.items():
            if name in self.history:
                total = self._total(name)
                self.lines_[name] = self._draw(ax, total, defaults, kwargs)
        if len(ax.lines) > 1:
            ax.legend(frameon=False, fontsize="small")
        total = ", total" if self._is_by_latent(term) else ""
        ax.set_title(f"{_title(term)}{total}", fontsize="medium")

    def _draw_latents(self, ax, term, kwargs):
        from matplotlib import colormaps

        curves = np.asarray(self.history[term]).T
        colours = colormaps["viridis"](np.linspace(0, 0.8, len(curves)))
        self.latent_lines_[term] = [
            self._draw(ax, curve, {"color": colour, "linewidth": 1}, kwargs)
            for curve, colour in zip(curves, colours, strict=True)
        ]
        ax.set_title(f"{_title(term)}, each latent", fontsize="medium")

    def _total(self, name):
        curve = np.asarray(self.history[name])
        return curve.sum(axis=1) if curve.ndim == 2 else curve

    def _draw(self, ax, curve, defaults, kwargs):
        from matplotlib.lines import Line2D

        epochs = np.arange(1, len(curve) + 1)
        options = style(Line2D, {"linewidth": 1.5, **defaults}, kwargs)
        return ax.plot(epochs, curve, **options)[0]

    def _set_limits(self, ax, term):
        ax.set_xlim(1, max(2, len(self.history["loss"])))
        ax.xaxis.get_major_locator().set_params(integer=True)
        if term == "kl":
            ax.set_ylim(0, None)
        else:
            self._leave_out_the_start(ax)

    def _leave_out_the_start(self, ax):
        """Scale the axis to what comes after the first epochs, with a margin."""
        curves = [line.get_ydata() for line in ax.lines]
        settled = [curve[int(np.ceil(SETTLING * len(curve))) :] for curve in curves]
        settled = np.concatenate([curve for curve in settled if len(curve)] or curves)
        low, high = settled.min(), settled.max()
        margin = 0.05 * (high - low) or 0.5
        ax.set_ylim(min(low, *map(np.min, curves)) - margin, high + margin)

    def _label_latents(self, ax, term):
        """Write the names of the latents at the ends of their lines, if they fit."""
        lines = self.latent_lines_[term]
        ends = np.array([line.get_ydata()[-1] for line in lines])
        size = 0.8 * LARGEST_LETTERS
        # in shares of the height
        gap = 1.1 * size / POINTS_PER_INCH / room_per_line(ax, 1)
        shown = np.argsort(-np.abs(ends), kind="stable")[: int(1 / gap)]
        shown = shown[np.abs(ends[shown]) > ACTIVE_NATS]
        low, high = ax.get_ylim()
        ends = (ends - low) / (high - low)
        heights = keep_apart(ends[shown], gap, 0, 1)
        for column, height in zip(shown, heights, strict=True):
            colour = lines[column].get_color()
            ax.annotate(
                f"z{column}",
                (1, ends[column]),
                (1 + LEADER, height),
                xycoords="axes fraction",
                va="center",
                fontsize=size,
                color=colour,
                arrowprops={
                    "arrowstyle": "-",
                    "color": colour,
                    "linewidth": 0.6,
                    "shrinkA": 0,
                    "shrinkB": 0,
                    "relpos": (0, 0.5),
                },
                annotation_clip=False,
            )


def _title(term):
    return TITLES.get(term, term.replace("_", " "))
