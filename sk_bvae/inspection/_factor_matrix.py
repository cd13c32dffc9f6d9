"""Which code serves which factor."""

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from sk_bvae.inspection._canvas import letters_for, style, take_axes
from sk_bvae.inspection._codes import describe_codes
from sk_bvae.metrics import dci_score, mutual_info_matrix
from sk_bvae.utils._sklearn import StrOptions, validate_params
from sk_bvae.utils._types import Names, RandomState

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = {
    "mutual_info": "mutual information (nats)",
    "dci_importance": "importance (DCI)",
}
KIND = {"kind": [StrOptions(set(LABELS))], "random_state": ["random_state"]}

# Inches.
CELL_HEIGHT = 0.3
LARGEST_HEIGHT = 9.0
CELL_WIDTH = 0.8


class FactorMatrixDisplay:
    """A matrix of codes against factors, as a heat map with its numbers.

    Disentangled is a matrix in which each row and each column has one large entry at
    most.

    It is recommended to use :meth:`from_estimator` or :meth:`from_arrays` to create a
    display. All parameters are stored as attributes.

    Parameters
    ----------
    matrix : ndarray of shape (n_codes, n_factors)
        How much each code has to do with each factor, at least 0. NaN stays empty.

    code_names : sequence of str, default=None
        Names of the codes. None stands for z0, z1 and so on.

    factor_names : sequence of str, default=None
        Names of the factors. None stands for y0, y1 and so on.

    label : str, default=None
        What the entries are, written beside the colour bar.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the heat map.

    figure_ : matplotlib Figure
        Figure containing the axes.

    im_ : matplotlib AxesImage
        The heat map.

    text_ : ndarray of matplotlib Text, shape (n_codes, n_factors)
        The numbers.

    See Also
    --------
    LatentResponseDisplay : How the codes depend on the factors.
    sk_bvae.metrics.dci_score : Sums up the importances.
    sk_bvae.metrics.mutual_info_gap : Sums up the mutual information.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.decomposition import PCA
    >>> from sk_bvae.datasets import make_blobs2d
    >>> from sk_bvae.inspection import FactorMatrixDisplay
    >>> blobs = make_blobs2d(500, random_state=0)
    >>> pca = PCA(4).fit(blobs.data)
    >>> display = FactorMatrixDisplay.from_estimator(
    ...     pca, blobs.data, blobs.target, factor_names=blobs.factor_names
    ... )
    >>> display.matrix.shape
    (4, 2)
    >>> plt.show()
    """

    def __init__(
        self,
        matrix: np.ndarray,
        *,
        code_names: Names | None = None,
        factor_names: Names | None = None,
        label: str | None = None,
    ) -> None:
        self.matrix = matrix
        self.code_names = code_names
        self.factor_names = factor_names
        self.label = label

    @classmethod
    @validate_params(KIND, prefer_skip_nested_validation=True)
    def from_estimator(
        cls,
        transformer: BaseEstimator,
        X: ArrayLike,
        Y: ArrayLike,
        *,
        kind: Literal["mutual_info", "dci_importance"] = "mutual_info",
        factor_names: Names | None = None,
        random_state: RandomState = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Compare the codes of a fitted transformer with known factors.

        Parameters
        ----------
        transformer : estimator
            A fitted transformer.

        X : array-like of shape (n_samples, n_features)
            Data.

        Y : array-like of int, shape (n_samples, n_factors)
            The classes of the factors.

        kind : {"mutual_info", "dci_importance"}, default="mutual_info"
            What to compare by: `sk_bvae.metrics.mutual_info_matrix`, or the
            importances of `sk_bvae.metrics.dci_score`, which is slow.

        factor_names : sequence of str, default=None
            Names of the factors. None takes the columns' names of a DataFrame.

        random_state : int, RandomState instance or None, default=None
            For "dci_importance", as in `sk_bvae.metrics.dci_score`.

        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure.

        **kwargs : dict
            Style, passed on to `plot`.

        Returns
        -------
        display : FactorMatrixDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the transformer is not fitted.
        ValueError
            If ``kind`` is unknown, or the arrays are not what the metric asks for.
        """
        Z = np.asarray(transformer.transform(X))
        names = describe_codes(transformer, Z=Z).names
        display = cls._of_codes(Z, Y, names, kind, factor_names, random_state)
        return display.plot(ax=ax, **kwargs)

    @classmethod
    @validate_params(KIND, prefer_skip_nested_validation=True)
    def from_arrays(
        cls,
        Z: ArrayLike,
        Y: ArrayLike,
        *,
        kind: Literal["mutual_info", "dci_importance"] = "mutual_info",
        factor_names: Names | None = None,
        random_state: RandomState = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Compare codes with known factors.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_codes)
            The codes.

        Y : array-like of int, shape (n_samples, n_factors)
            The classes of the factors.

        kind : {"mutual_info", "dci_importance"}, default="mutual_info"
            What to compare by: `sk_bvae.metrics.mutual_info_matrix`, or the
            importances of `sk_bvae.metrics.dci_score`, which is slow.

        factor_names : sequence of str, default=None
            Names of the factors. None takes the columns' names of a DataFrame.

        random_state : int, RandomState instance or None, default=None
            For "dci_importance", as in `sk_bvae.metrics.dci_score`.

        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure.

        **kwargs : dict
            Style, passed on to `plot`.

        Returns
        -------
        display : FactorMatrixDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If ``kind`` is unknown, or the arrays are not what the metric asks for.
        """
        display = cls._of_codes(Z, Y, None, kind, factor_names, random_state)
        return display.plot(ax=ax, **kwargs)

    @classmethod
    def _of_codes(cls, Z, Y, code_names, kind, factor_names, random_state):
        if kind == "mutual_info":
            matrix = mutual_info_matrix(Z, Y)
        else:
            matrix = dci_score(Z, Y, random_state=random_state).importances
        if factor_names is None:
            factor_names = getattr(Y, "columns", None)
        return cls(
            matrix,
            code_names=code_names,
            factor_names=factor_names,
            label=LABELS[kind],
        )

    def plot(
        self,
        *,
        ax: "Axes | None" = None,
        text_kw: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None opens a figure of a size that fits.

        text_kw : dict, default=None
            Style of the numbers: arguments of ``Axes.text``.

        **kwargs : dict
            Style of the heat map: arguments of ``imshow``.

        Returns
        -------
        display : FactorMatrixDisplay
            The display itself.

        Raises
        ------
        ValueError
            If the names are not as many as the rows or the columns.
        """
        from matplotlib.image import AxesImage

        matrix = np.asarray(self.matrix, dtype=float)
        n_codes, n_factors = matrix.shape
        codes = _names(self.code_names, "z", n_codes, "code_names")
        factors = _names(self.factor_names, "y", n_factors, "factor_names")
        height = min(CELL_HEIGHT, LARGEST_HEIGHT / n_codes)
        self.ax_ = take_axes(ax, CELL_WIDTH * n_factors + 2.5, height * n_codes + 1.2)
        self.figure_ = self.ax_.figure
        defaults = {
            "cmap": "cividis",
            "vmin": 0,
            "aspect": "auto",
            "interpolation": "nearest",
        }
        self.im_ = self.ax_.imshow(matrix, **style(AxesImage, defaults, kwargs))
        self.ax_.set_yticks(range(n_codes), codes, fontsize=letters_for(height))
        self.ax_.set_xticks(range(n_factors), factors, fontsize=8)
        self.ax_.tick_params("x", rotation=30)
        for label in self.ax_.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
        self._write_numbers(matrix, letters_for(0.9 * height), text_kw)
        self.figure_.colorbar(
            self.im_, ax=self.ax_, label=self.label, pad=0.02, aspect=30
        )
        return self

    def _write_numbers(self, matrix, size, text_kw):
        from matplotlib.text import Text

        self.text_ = np.empty(matrix.shape, dtype=object)
        for place, value in np.ndenumerate(matrix):
            red, green, blue, _ = self.im_.to_rgba(value)
            light = 0.3 * red + 0.59 * green + 0.11 * blue > 0.5
            defaults = {
                "color": "black" if light else "white",
                "fontsize": size,
                "ha": "center",
                "va": "center",
            }
            written = "" if np.isnan(value) else f"{value:.2f}"
            options = style(Text, defaults, text_kw)
            self.text_[place] = self.ax_.text(*place[::-1], written, **options)


def _names(names, letter, n_names, parameter):
    if names is None:
        return [f"{letter}{number}" for number in range(n_names)]
    if len(names) != n_names:
        raise ValueError(
            f"There are {len(names)} {parameter}, but the matrix has {n_names}."
        )
    return [str(name) for name in names]
