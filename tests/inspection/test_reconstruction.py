"""Data beside its reconstruction."""

import numpy as np
import pytest

from sk_bvae.inspection import ReconstructionDisplay


def test_both_rows_are_drawn(digits, fitted):
    vae = fitted["digits", "BetaVAE"]
    display = ReconstructionDisplay.from_estimator(vae, digits, n_samples=3)
    rebuilt = vae.inverse_transform(vae.transform(digits[:3]))
    np.testing.assert_allclose(display.X_reconstructed, rebuilt, rtol=1e-5, atol=1e-6)
    drawn = display.im_.get_array()
    np.testing.assert_allclose(drawn[:8, 9:17], digits[1].reshape(8, 8))
    np.testing.assert_allclose(
        drawn[9:17, 18:26], rebuilt[2].reshape(8, 8), rtol=1e-5, atol=1e-6
    )
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["data", "rebuilt"]


def test_black_and_white_are_those_of_all_rows(digits, fitted):
    X = 16 * digits
    pca = fitted["digits", "PCA"]
    display = ReconstructionDisplay.from_estimator(pca, X, n_samples=1)
    assert display.im_.get_clim() == (0, 16)


def test_a_table_is_drawn_in_standard_deviations(table, fitted):
    pipeline = fitted["table", "Pipeline"]
    display = ReconstructionDisplay.from_estimator(
        pipeline, table, n_samples=4, color="red"
    )
    mean, std = np.asarray(table.mean()), np.asarray(table.std(ddof=0))
    data = (np.asarray(table)[:4] - mean) / std
    heights = np.array([dots.get_ydata() for dots in display.dots_])
    rows = np.arange(4)[:, None]
    ratio = (rows - heights) / data
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-6)
    assert ratio[0, 0] > 0
    rebuilt = (display.X_reconstructed - mean) / std
    heights = np.array([line.get_ydata() for line in display.lines_])
    np.testing.assert_allclose(rows - heights, ratio[0, 0] * rebuilt, rtol=1e-6)
    assert display.lines_[0].get_color() == "red"
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == list(table.columns)


def test_arrays_can_be_given(digits):
    display = ReconstructionDisplay.from_arrays(digits, 1 - digits, n_samples=2)
    drawn = display.im_.get_array()
    np.testing.assert_allclose(drawn[9:17, :8], 1 - digits[0].reshape(8, 8))
    with pytest.raises(ValueError, match=r"shape \(5, 64\), .* \(4, 64\)"):
        ReconstructionDisplay.from_arrays(digits[:5], digits[:4])


def test_scales_of_a_table_are_measured_if_not_given(rng):
    X = rng.normal(size=(20, 3))
    display = ReconstructionDisplay(X[:5], X[:5]).plot()
    data = (X[:5] - X[:5].mean(axis=0)) / X[:5].std(axis=0)
    heights = np.array([dots.get_ydata() for dots in display.dots_])
    ratio = (np.arange(5)[:, None] - heights) / data
    np.testing.assert_allclose(ratio, ratio[0, 0])


def test_outliers_of_a_table_stay_in_the_picture(rng):
    X = rng.normal(size=(20, 30))
    X[0, 0] = X[4, 1] = 100
    X[4, 2] = -100
    display = ReconstructionDisplay.from_arrays(X, X, n_samples=5)
    heights = np.array([dots.get_ydata() for dots in display.dots_])
    bottom, top = display.ax_.get_ylim()
    assert top < heights.min() < heights.max() < bottom
    assert heights.min() < -0.65  # where the axis would end
