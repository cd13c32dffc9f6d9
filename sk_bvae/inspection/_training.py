"""How the terms of the loss went during training."""

import numpy as np
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

# Nats: a latent below carries nothing, and gets no label.
ACTIVE_NATS = 0.01

# The share of the epochs, the first ones, that may leave the picture at the top.
SETTLING = 0.02

# How far from the ends of the lines their names are, in shares of the axes' width.
LEADER = 0.06

PANELS = {
    "loss": "loss",
    "reconstruction": "reconstruction (negative log-likelihood)",
    "kl": "KL from the prior, total",
}


class TrainingDisplay:
    """The loss and its terms by epoch, and what each latent carries.

    Four panels, in nats per row of data: the loss, the reconstruction term, the KL
    term with the capacity where there is one, and the share of each latent in it.
    Terms of held-out rows are dashed. Where the first epochs tower above all others,
    the axes of the loss and the reconstruction leave them out.

    It is recommended to use :meth:`from_estimator` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    history : dict of ndarray
        As ``history_`` of `BetaVAE` and `CapacityVAE`: per epoch "loss",
        "reconstruction" and "kl" of shape (n_epochs, n_components); if there are any,
        "capacity" and, with ``"validation_"`` before them, the first three of held-out
        rows.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, shape (2, 2)
        Axes of the loss and the reconstruction, and of the KL and its shares.

    figure_ : matplotlib Figure
        Figure containing the axes.

    lines_ : dict of matplotlib Line2D
        Lines of ``axes_``, by the names in ``history``; "kl" is the total.

    latent_lines_ : list of matplotlib Line2D
        A line for each latent.

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

    def __init__(self, history):
        self.history = history

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **kwargs):
        """Draw the history of a fitted model.

        Parameters
        ----------
        estimator : estimator
            A fitted `BetaVAE` or `CapacityVAE`, or a Pipeline or a search that ends
            in one.

        ax : array-like of 4 matplotlib Axes, default=None
            Where to draw. None opens a figure.

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
                "BetaVAE or a CapacityVAE, or a Pipeline or a search that ends in one."
            )
        return cls(model.history_).plot(ax=ax, **kwargs)

    def plot(self, *, ax=None, **kwargs):
        """Draw the history.

        Parameters
        ----------
        ax : array-like of 4 matplotlib Axes, default=None
            Where to draw. None opens a figure.

        **kwargs : dict
            Style: arguments of ``Axes.plot`` for all lines.

        Returns
        -------
        display : TrainingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If ``ax`` does not hold four axes.
        """
        self.axes_ = take_grid(ax, (2, 2), 8, 5.5)
        self.figure_ = self.axes_[0, 0].figure
        self.lines_ = {}
        for ax, (term, title) in zip(self.axes_.flat, PANELS.items(), strict=False):
            ax.set_title(title, fontsize="medium")
            self._draw_term(ax, term, kwargs)
        self._draw_latents(self.axes_[1, 1], kwargs)
        for ax in self.axes_.flat:
            ax.set_xlim(1, max(2, len(self.history["loss"])))
            ax.xaxis.get_major_locator().set_params(integer=True)
        for ax in self.axes_[0]:
            self._leave_out_the_start(ax)
        for ax in self.axes_[1]:
            ax.set(xlabel="epoch", ylim=(0, None))
        for ax in self.axes_[:, 0]:
            ax.set_ylabel("nats per row")
        self._label_latents(self.axes_[1, 1])
        return self

    def _draw_term(self, ax, term, wishes):
        looks = {
            term: {"color": "black", "label": "training"},
            f"validation_{term}": {
                "color": "tab:orange",
                "linestyle": "--",
                "label": "held out",
            },
        }
        if term == "kl":
            looks["capacity"] = {
                "color": "tab:red",
                "linestyle": ":",
                "linewidth": 2,
                "label": "capacity",
            }
        for name, look in looks.items():
            if name in self.history:
                self.lines_[name] = self._draw(ax, self._total(name), look, wishes)
        if len(ax.lines) > 1:
            ax.legend(frameon=False, fontsize="small")

    def _total(self, name):
        curve = np.asarray(self.history[name])
        return curve.sum(axis=1) if curve.ndim == 2 else curve

    def _draw(self, ax, curve, look, wishes):
        from matplotlib.lines import Line2D

        epochs = np.arange(1, len(curve) + 1)
        options = style(Line2D, {"linewidth": 1.5, **look}, wishes)
        return ax.plot(epochs, curve, **options)[0]

    def _draw_latents(self, ax, wishes):
        from matplotlib import colormaps

        curves = np.asarray(self.history["kl"]).T
        colours = colormaps["viridis"](np.linspace(0, 0.8, len(curves)))
        self.latent_lines_ = [
            self._draw(ax, curve, {"color": colour, "linewidth": 1}, wishes)
            for curve, colour in zip(curves, colours, strict=True)
        ]
        ax.set_title("KL from the prior, each latent", fontsize="medium")

    def _label_latents(self, ax):
        """Write the names of the latents at the ends of their lines, if they fit."""
        ends = np.array([line.get_ydata()[-1] for line in self.latent_lines_])
        size = 0.8 * LARGEST_LETTERS
        # in shares of the height
        gap = 1.1 * size / POINTS_PER_INCH / room_per_line(ax, 1)
        active = np.argsort(-ends, kind="stable")[: int(1 / gap)]
        active = active[ends[active] > ACTIVE_NATS]
        ends /= ax.get_ylim()[1]
        heights = keep_apart(ends[active], gap, 0, 1)
        for column, height in zip(active, heights, strict=True):
            colour = self.latent_lines_[column].get_color()
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

    def _leave_out_the_start(self, ax):
        """Scale the axis to what comes after the first epochs, with a margin."""
        curves = [line.get_ydata() for line in ax.lines]
        settled = [curve[int(np.ceil(SETTLING * len(curve))) :] for curve in curves]
        settled = np.concatenate([curve for curve in settled if len(curve)] or curves)
        low, high = settled.min(), settled.max()
        margin = 0.05 * (high - low) or 0.5
        ax.set_ylim(min(low, *map(np.min, curves)) - margin, high + margin)
