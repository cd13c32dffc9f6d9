"""Rows that are decoded from random codes."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from sk_bvae.inspection import SampleDisplay


def test_pca_gives_samples_of_its_gaussian(digits):
    pca = PCA(10).fit(digits)
    display = SampleDisplay.from_estimator(pca, n_samples=2000, random_state=0)
    Z = pca.transform(display.samples)
    scale = np.sqrt(pca.explained_variance_)
    np.testing.assert_allclose(Z.mean(axis=0) / scale, 0, atol=0.1)
    np.testing.assert_allclose(Z.std(axis=0), scale, rtol=0.07)
    # nothing beside the components
    np.testing.assert_allclose(pca.inverse_transform(Z), display.samples, atol=1e-4)


def test_images_are_drawn_line_by_line(digits, fitted):
    display = SampleDisplay.from_estimator(
        fitted["digits", "BetaVAE"], n_samples=5, random_state=0
    )
    drawn = display.im_.get_array()
    np.testing.assert_allclose(drawn[9:17, 9:17], display.samples[4].reshape(8, 8))
    assert drawn[9:17, 18:26].mask.all()


def test_a_table_is_drawn_in_front_of_the_data(table, fitted):
    display = SampleDisplay.from_estimator(
        fitted["table", "Pipeline"], table, n_samples=6, random_state=0, alpha=0.3
    )
    mean, std = np.asarray(table.mean()), np.asarray(table.std(ddof=0))
    drawn = np.array([line.get_ydata() for line in display.lines_])
    np.testing.assert_allclose(drawn, (display.samples - mean) / std)
    assert display.lines_[0].get_alpha() == 0.3
    low, _, high = (np.quantile(table, [0.05, 0.5, 0.95], axis=0) - mean) / std
    outline = display.band_.get_paths()[0].vertices
    assert outline[:, 1].min() == pytest.approx(low.min())
    assert outline[:, 1].max() == pytest.approx(high.max())


def test_a_table_without_data(table, fitted):
    display = SampleDisplay.from_estimator(fitted["table", "Pipeline"], random_state=0)
    assert display.band_ is None
    drawn = np.array([line.get_ydata() for line in display.lines_])
    np.testing.assert_allclose(drawn.std(axis=0), 1)
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["samples"]
