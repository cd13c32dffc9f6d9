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

PANELS = {
    "loss": "loss",
    "reconstruction": "reconstruction (negative log-likelihood)",
    "kl": "KL divergence from the prior",
}


class TrainingDisplay:
    """The loss and its terms by epoch, and what each latent carries.

    Three panels, in nats per row of data: the loss, the reconstruction term, and the
    KL term with the share of each latent and the capacity where there is one. Terms of
    held-out rows are dashed. Where the first epochs tower above all others, the axis
    leaves them out.

    It is recommended to use :meth:`from_estimator` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    history : dict of ndarray
        As ``history_`` of `BetaVAE` and `CapacityVAE`: per epoch "loss",
        "reconstruction" and "kl" of shape (n_epochs, n_components); if there are any,
        "capacity" and, with "validation_" before them, the first three of held-out
        rows.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, shape (3,)
        Axes of the loss, the reconstruction and the KL.

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

        ax : array-like of 3 matplotlib Axes, default=None
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
        ax : array-like of 3 matplotlib Axes, default=None
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
            If ``ax`` does not hold three axes.
        """
        self.axes_ = take_grid(ax, (1, 3), 11, 3.6)[0]
        self.figure_ = self.axes_[0].figure
        self.lines_ = {}
        for ax, (term, title) in zip(self.axes_, PANELS.items(), strict=True):
            ax.set_title(title, fontsize="medium")
            ax.set(xlabel="epoch", xlim=(1, max(2, len(self.history["loss"]))))
            ax.xaxis.get_major_locator().set_params(integer=True)
            self._draw_term(ax, term, kwargs)
        self.axes_[0].set_ylabel("nats per row")
        self._draw_latents(self.axes_[2], kwargs)
        for ax in self.axes_[:2]:
            self._leave_out_the_start(ax)
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
            looks["kl"]["label"] = "total"
            looks["validation_kl"]["label"] = "total, held out"
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
        colours = colormaps["viridis"](np.linspace(0, 0.9, len(curves)))
        self.latent_lines_ = [
            self._draw(ax, curve, {"color": colour, "linewidth": 1}, wishes)
            for curve, colour in zip(curves, colours, strict=True)
        ]
        ax.set_ylim(bottom=0)
        self._label_latents(ax, curves, colours)

    def _label_latents(self, ax, curves, colours):
        """Write the names of the latents at the ends of their lines."""
        ends = curves[:, -1]
        size = 0.8 * LARGEST_LETTERS
        gap = 1.1 * size / POINTS_PER_INCH  # in shares of the height
        gap /= room_per_line(ax, 1)
        active = np.flatnonzero(ends > ACTIVE_NATS)[: int(0.9 / gap)]
        top = ax.get_ylim()[1]
        heights = keep_apart(ends[active] / top, gap)
        for column, height in zip(active, heights - min(0, *heights, 0), strict=True):
            ax.annotate(
                f"z{column}",
                (1, height),
                (3, 0),
                xycoords="axes fraction",
                textcoords="offset points",
                va="center",
                fontsize=size,
                color=colours[column],
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
