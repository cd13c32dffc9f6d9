"""Reconstruction against KL along a parameter of the objective."""

from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sk_bvae.inspection._canvas import POINTS_PER_INCH, style, take_axes
from sk_bvae.utils._types import Names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

LABEL_POINTS = 9

# Width and height, in letters, that a label wants to itself.
ROOM_OF_A_LABEL = (3.0, 1.4)

MARKERS = "osD^vP*X"


class RateDistortionDisplay:
    """What the latents carry (rate) against what they leave unexplained (distortion).

    Each candidate of a search is a point: the means over its replicas, which are small
    dots. Candidates that differ in nothing but one parameter, such as beta, are
    joined by a line. The nearer to the lower left corner, the better the model; along a
    line beta is the price at which nats of reconstruction are bought with nats of KL.

    It is recommended to use :meth:`from_estimator` to create a display. All
    parameters are stored as attributes.

    Parameters
    ----------
    kl : ndarray of shape (n_candidates, n_replicas)
        KL divergence from the prior, in nats per row. NaN for a replica whose fit
        failed.

    reconstruction : ndarray of shape (n_candidates, n_replicas)
        Negative log-likelihood, in nats per row.

    values : array-like of shape (n_candidates,)
        The value of the parameter, written beside the point.

    groups : sequence of str, default=None
        For each candidate, what else it differs in: the line it is on. None puts all
        on one.

    param_name : str, default="beta"
        The parameter.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.

    figure_ : matplotlib Figure
        Figure containing the axes.

    lines_ : list of matplotlib Line2D
        A line for each group.

    dots_ : list of matplotlib PathCollection
        The replicas of each group.

    text_ : list of matplotlib Text
        The labels. Points that nearly coincide share one.

    See Also
    --------
    sk_bvae.model_selection.ReplicaGridSearch : Fits the candidates.
    TrainingDisplay : Both terms of one fit, by epoch.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import BetaVAE
    >>> from sk_bvae.inspection import RateDistortionDisplay
    >>> from sk_bvae.model_selection import ReplicaGridSearch
    >>> X, _ = load_digits(return_X_y=True)
    >>> search = ReplicaGridSearch(
    ...     BetaVAE(max_iter=3), {"beta": [1, 2, 4]}, n_replicas=2, refit=False,
    ...     random_state=0,
    ... ).fit(X / 16)
    >>> display = RateDistortionDisplay.from_estimator(search)
    >>> display.kl.shape
    (3, 2)
    >>> plt.show()
    """

    def __init__(
        self,
        kl: np.ndarray,
        reconstruction: np.ndarray,
        *,
        values: Sequence[float] | np.ndarray,
        groups: Names | None = None,
        param_name: str = "beta",
    ) -> None:
        self.kl = kl
        self.reconstruction = reconstruction
        self.values = values
        self.groups = groups
        self.param_name = param_name

    @classmethod
    def from_estimator(
        cls,
        search: BaseEstimator,
        *,
        param_name: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the candidates of a fitted search.

        Parameters
        ----------
        search : ReplicaGridSearch
            A fitted search over a grid with at least two values of the parameter.

        param_name : str, default=None
            The parameter to follow. None takes the search's only parameter or, of
            several, the first that is among the ``weights`` of its estimator's
            objective, such as beta.

        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure.

        **kwargs : dict
            Style, passed on to `plot`.

        Returns
        -------
        display : RateDistortionDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the search is not fitted.
        TypeError
            If it is not a search, or did not measure the terms of the objective.
        ValueError
            If it did not vary the parameter, the parameter is no number, or it is
            unclear which to follow.
        """
        results = _read_results(search)
        if param_name is None:
            param_name = _find_param(search)
        _check_param(results, param_name)
        groups = [
            ", ".join(
                f"{name}={value}"
                for name, value in params.items()
                if name != param_name
            )
            for params in results["params"]
        ]
        return cls(
            _replicas(results, "kl"),
            _replicas(results, "reconstruction"),
            values=[params[param_name] for params in results["params"]],
            groups=groups if any(groups) else None,
            param_name=param_name,
        ).plot(ax=ax, **kwargs)

    def plot(self, *, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure.

        **kwargs : dict
            Style: arguments of ``Axes.plot`` for the lines through the means.

        Returns
        -------
        display : RateDistortionDisplay
            The display itself.
        """
        self.ax_ = take_axes(ax, 5.5, 4)
        self.figure_ = self.ax_.figure
        self.lines_: list[Line2D] = []
        self.dots_: list[PathCollection] = []
        self.text_: list[Text] = []
        groups = [""] * len(self.values) if self.groups is None else list(self.groups)
        names = list(dict.fromkeys(groups))
        colours = _colours(len(names))
        for number, name in enumerate(names):
            members = [row for row, group in enumerate(groups) if group == name]
            members.sort(key=lambda row: self.values[row])
            group_style = {
                "color": colours[number],
                "marker": MARKERS[number % len(MARKERS)],
                "label": name,
            }
            self._draw_group(np.array(members), group_style, kwargs)
        self.ax_.set(
            xlabel="rate: KL from the prior (nats per row)",
            ylabel="distortion: reconstruction (nats per row)",
        )
        self.ax_.margins(0.08)
        if self.groups is not None:
            self.ax_.legend(frameon=False, fontsize="small")
        self._write_labels()
        return self

    def _draw_group(self, members, group_style, kwargs):
        from matplotlib.lines import Line2D

        kl, reconstruction = (
            np.asarray(term)[members] for term in (self.kl, self.reconstruction)
        )
        self.dots_.append(
            self.ax_.scatter(
                kl,
                reconstruction,
                s=12,
                color=group_style["color"],
                alpha=0.5,
                linewidths=0,
            )
        )
        defaults = {"linewidth": 1.2, "markersize": 5, **group_style}
        means = _mean_of_fitted(kl), _mean_of_fitted(reconstruction)
        self.lines_ += self.ax_.plot(*means, **style(Line2D, defaults, kwargs))

    def _write_labels(self):
        """Write the values beside the points, in one label where they crowd."""
        means = np.column_stack(
            [_mean_of_fitted(np.asarray(t)) for t in (self.kl, self.reconstruction)]
        )
        values = np.asarray(self.values)
        drawn = np.isfinite(means).all(axis=1)
        means, values = means[drawn], values[drawn]
        letter = LABEL_POINTS * self.figure_.dpi / POINTS_PER_INCH
        room = np.multiply(ROOM_OF_A_LABEL, letter)
        crowds = find_crowds(self.ax_.transData.transform(means) / room)
        for crowd in crowds:
            self.text_.append(
                self.ax_.annotate(
                    _join(values[crowd]),
                    means[crowd].max(axis=0),
                    (5, 4),
                    textcoords="offset points",
                    fontsize=LABEL_POINTS,
                )
            )
        self.ax_.set_title(f"labels: {self.param_name}", fontsize="small")


def find_crowds(points):
    """Put points together that are less than 1 apart, directly or through others.

    Parameters
    ----------
    points : ndarray of shape (n_points, 2)
        The points.

    Returns
    -------
    crowds : list of ndarray of int
        Positions of the points of each crowd.
    """
    if len(points) < 2:
        return [np.arange(len(points))] if len(points) else []
    crowd = fcluster(linkage(points, "single", "chebyshev"), 1, "distance")
    return [np.flatnonzero(crowd == number) for number in np.unique(crowd)]


def _join(values):
    """List a few values, or say from where to where they go."""
    written = [f"{value:g}" for value in np.unique(values)]
    return ", ".join(written) if len(written) < 3 else f"{written[0]} to {written[-1]}"


def _read_results(search):
    results = getattr(search, "cv_results_", None)
    if results is None:
        if hasattr(search, "param_grid"):
            check_is_fitted(search)
        raise TypeError(
            f"{type(search).__name__} has no cv_results_: pass a fitted "
            "ReplicaGridSearch."
        )
    if "mean_kl" not in results or np.isnan(results["mean_kl"]).all():
        raise TypeError(
            f"The cv_results_ of this {type(search).__name__} hold no KL and no "
            "reconstruction: pass a ReplicaGridSearch over a VAE."
        )
    return results


def _find_param(search):
    """Find the parameter of the search along which its candidates lie on a curve."""
    varied = _list_params(search.cv_results_)
    if len(varied) == 1:
        return varied[0]
    weights = getattr(search.estimator, "weights", ())
    known = [name for name in weights if name in varied]
    if not known:
        raise ValueError(
            f"The search set {', '.join(varied) or 'nothing'}, and no weight of the "
            "objective: say which to follow by param_name."
        )
    return known[0]


def _check_param(results, param_name):
    if not all(param_name in params for params in results["params"]):
        raise ValueError(
            f"The search did not set {param_name!r} for every candidate, but "
            f"{', '.join(_list_params(results)) or 'nothing'}: say which to follow by "
            "param_name."
        )
    if not all(isinstance(params[param_name], Real) for params in results["params"]):
        raise ValueError(f"The values of {param_name!r} are not numbers to go along.")


def _list_params(results):
    return sorted(set().union(*results["params"]))


def _replicas(results, term):
    columns = []
    while f"replica{len(columns)}_{term}" in results:
        columns.append(results[f"replica{len(columns)}_{term}"])
    return np.column_stack(columns)


def _mean_of_fitted(term):
    """Average over the replicas whose fit did not fail; NaN if all did."""
    fitted = ~np.isnan(term)
    total, count = np.where(fitted, term, 0).sum(axis=1), fitted.sum(axis=1)
    return np.divide(total, count, where=count > 0, out=np.full(len(term), np.nan))


def _colours(n_colours):
    from matplotlib import colormaps

    return colormaps["viridis"](np.linspace(0, 0.85, n_colours))
