"""Codes against factors."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from sk_bvae.inspection import FactorMatrixDisplay
from sk_bvae.metrics import dci_score, mutual_info_matrix

Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 10)
Z = Y * [1.0, -2.0]


def test_mutual_information(shapes, fitted):
    vae = fitted["shapes", "BetaVAE"]
    display = FactorMatrixDisplay.from_estimator(
        vae, shapes.data, shapes.target, factor_names=shapes.factor_names
    )
    expected = mutual_info_matrix(vae.transform(shapes.data), shapes.target)
    np.testing.assert_array_equal(display.matrix, expected)
    np.testing.assert_array_equal(display.im_.get_array(), expected)
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == shapes.factor_names
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels[0] == f"z0  {vae.kl_[0]:.2f} nats"
    assert display.text_[2, 3].get_text() == f"{expected[2, 3]:.2f}"
    assert display.text_[2, 3].get_position() == (3, 2)


def test_importance():
    display = FactorMatrixDisplay.from_arrays(
        Z, Y, kind="dci_importance", random_state=0
    )
    expected = dci_score(Z, Y, random_state=0).importances
    np.testing.assert_array_equal(display.matrix, expected)
    assert display.label == "importance (DCI)"


def test_unknown_kinds():
    with pytest.raises(ValueError, match="'kind' parameter"):
        FactorMatrixDisplay.from_arrays(Z, Y, kind="correlation")


def test_names_of_factors():
    frame = pd.DataFrame(Y, columns=["shape", "scale"])
    display = FactorMatrixDisplay.from_arrays(Z, frame)
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == ["shape", "scale"]
    display = FactorMatrixDisplay.from_arrays(Z, Y)
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == ["y0", "y1"]
    with pytest.raises(ValueError, match="3 factor_names, but the matrix has 2"):
        FactorMatrixDisplay.from_arrays(Z, Y, factor_names=["a", "b", "c"])


def test_numbers_stand_out_and_nan_is_empty():
    matrix = np.array([[0.0, 1.0], [np.nan, 0.5]])
    display = FactorMatrixDisplay(matrix).plot(text_kw={"fontsize": 5})
    assert to_rgb(display.text_[0, 0].get_color()) == (1, 1, 1)
    assert to_rgb(display.text_[0, 1].get_color()) == (0, 0, 0)
    assert display.text_[1, 0].get_text() == ""
    assert display.text_[0, 0].get_fontsize() == 5


@pytest.mark.parametrize("n_codes", [5, 10, 32])
def test_numbers_fit_their_cells(n_codes, rng):
    display = FactorMatrixDisplay(rng.random((n_codes, 5))).plot()
    renderer = display.figure_.canvas.get_renderer()
    display.figure_.draw(renderer)
    cell = display.ax_.get_window_extent(renderer).height / n_codes
    assert display.text_[0, 0].get_window_extent(renderer).height < cell
    label = display.ax_.get_yticklabels()[0]
    assert label.get_window_extent(renderer).height < 1.1 * cell
