"""Traversals: the arrays, and what is drawn of them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_bvae.inspection import LatentTraversalDisplay

VALUES = np.array([-2.0, 0.0, 1.0])


@pytest.mark.parametrize("whiten", [False, True])
def test_pca_is_its_closed_form(digits, whiten):
    pca = PCA(4, whiten=whiten).fit(digits)
    display = LatentTraversalDisplay.from_estimator(pca, values=VALUES)
    steps = np.sqrt(pca.explained_variance_)[:, None] * pca.components_
    expected = pca.mean_ + VALUES[:, None] * steps[:, None]
    np.testing.assert_allclose(display.traversals, expected, rtol=1e-4, atol=1e-5)


def test_a_pipeline_is_traversed_in_the_units_of_the_data(table):
    pipeline = make_pipeline(StandardScaler(), PCA(3)).fit(table)
    display = LatentTraversalDisplay.from_estimator(pipeline, table, values=VALUES)
    scaler, pca = pipeline[0], pipeline[1]
    steps = np.sqrt(pca.explained_variance_)[:, None] * pca.components_
    expected = scaler.mean_ + scaler.scale_ * (VALUES[:, None] * steps[:, None])
    np.testing.assert_allclose(display.traversals, expected, rtol=1e-6)
    np.testing.assert_allclose(display.feature_std, table.std(ddof=0), rtol=1e-6)


def test_a_vae_moves_in_units_of_its_prior(digits, fitted):
    vae = fitted["digits", "BetaVAE"]
    display = LatentTraversalDisplay.from_estimator(vae, latents=[3], values=VALUES)
    Z = np.zeros((3, 5))
    Z[:, 3] = VALUES
    np.testing.assert_allclose(display.traversals[0], vae.inverse_transform(Z))
    assert display.latent_names == [f"z3  {vae.kl_[3]:.2f} nats"]


def test_a_seed_row_keeps_its_other_codes(digits, fitted):
    pca = fitted["digits", "PCA"]
    codes = pca.transform(digits[7:8])[0]
    scale = np.sqrt(pca.explained_variance_)
    for seed_row in (digits[7], digits[7:8]):
        display = LatentTraversalDisplay.from_estimator(
            pca, seed_row=seed_row, latents=2, values=VALUES
        )
        Z = np.tile(codes, (3, 1))
        Z[:, 1] = VALUES * scale[1]
        np.testing.assert_allclose(
            display.traversals[1], pca.inverse_transform(Z), rtol=1e-5, atol=1e-6
        )
    with pytest.raises(ValueError, match=r"one row of data.*got shape \(2, 64\)"):
        LatentTraversalDisplay.from_estimator(pca, seed_row=digits[:2])


@pytest.mark.parametrize("values", [[[1, 2]], [], [0, np.nan]])
def test_values_that_are_none(values, fitted):
    with pytest.raises(ValueError, match="must be a list of finite numbers"):
        LatentTraversalDisplay.from_estimator(fitted["digits", "PCA"], values=values)


def test_images_are_drawn_row_by_row(digits, fitted):
    vae = fitted["digits", "BetaVAE"]
    display = LatentTraversalDisplay.from_estimator(vae, digits, latents=2)
    drawn = display.im_.get_array()
    assert drawn.shape == (2 * 8 + 1, 7 * 8 + 6)
    np.testing.assert_allclose(
        drawn[9:17, 9:17], display.traversals[1, 1].reshape(8, 8)
    )
    assert display.im_.get_clim() == (0, 1)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == [f"z{row}  {vae.kl_[row]:.2f} nats" for row in range(2)]
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == ["-3", "-2", "-1", "0", "1", "2", "3"]
    assert "prior units" in display.ax_.get_xlabel()


def test_colours_are_drawn_between_the_extremes_of_the_data(colours, fitted):
    display = LatentTraversalDisplay.from_estimator(
        fitted["RGB images", "PCA"], colours, image_shape=(8, 9, 3)
    )
    low, high = colours.min(), colours.max()
    tile = display.traversals[0, 3].reshape(8, 9, 3)
    drawn = display.im_.get_array()[:8, 3 * 10 : 3 * 10 + 9, :3]
    np.testing.assert_allclose(drawn, np.clip((tile - low) / (high - low), 0, 1))


def test_a_table_shows_changes_in_standard_deviations(table, fitted):
    pca = fitted["table", "Pipeline"]
    display = LatentTraversalDisplay.from_estimator(pca, table, values=VALUES)
    middle = pca[0].mean_
    changes = (display.traversals - middle) / np.asarray(table.std(ddof=0))
    drawn = display.im_.get_array()
    side = 9  # three values, three pixels each
    assert drawn.shape == (5 * (side + 1) - 1, 30 * (side + 1) - 1)
    cell = drawn[side + 1 : 2 * side + 1, 4 * (side + 1) : 5 * (side + 1) - 1]
    np.testing.assert_allclose(
        cell, np.tile(np.repeat(changes[1, :, 4], 3), (side, 1)), atol=1e-9
    )
    low, high = display.im_.get_clim()
    assert -low == high == pytest.approx(np.abs(changes).max())
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == list(table.columns)


def test_a_table_without_data_shows_shares_of_the_largest_change(table, fitted):
    display = LatentTraversalDisplay.from_estimator(fitted["table", "Pipeline"])
    assert display.im_.get_clim() == (-1, 1)
    largest = np.abs(display.im_.get_array()).reshape(-1, 30 * 8 - 1).max(axis=0)
    cells = np.ma.compressed(largest)
    assert cells.max() == pytest.approx(1)


def test_constant_columns_of_a_table_stay_put(digits):
    pca = PCA(2).fit(digits)  # the first column is constant
    display = LatentTraversalDisplay.from_estimator(
        pca, digits, feature_names=[f"pixel {number}" for number in range(64)]
    )
    assert (display.im_.get_array()[:7, :7] == 0).all()


def test_lines_of_a_table(table, fitted):
    pca = fitted["table", "Pipeline"]
    display = LatentTraversalDisplay.from_estimator(
        pca, table, values=VALUES, kind="lines", lw=4
    )
    assert display.im_ is None
    assert [len(lines) for lines in display.lines_] == [3] * 5
    still = display.lines_[2][1]
    np.testing.assert_allclose(still.get_ydata(), 2, atol=1e-9)
    down, up = (display.lines_[2][place].get_ydata() - 2 for place in (0, 2))
    np.testing.assert_allclose(down, -2 * up, atol=1e-9)
    sign = np.sign(pca[1].components_[2])
    assert (sign * up < 0).all()  # the axis points down
    assert still.get_linewidth() == 4


def test_kinds_of_pictures(table, fitted):
    with pytest.raises(ValueError, match="'kind' parameter"):
        LatentTraversalDisplay.from_estimator(fitted["table", "PCA"], kind="bars")


@pytest.mark.parametrize("data", ["digits", "RGB images", "table"])
def test_animations_are_saved(data, datasets, fitted, tmp_path):
    X, known = datasets[data]
    display = LatentTraversalDisplay.from_estimator(
        fitted[data, "PCA"], X, values=[-3, 0, 3], **known
    )
    display.animate(interval=100).save(tmp_path / "moving.gif", writer="pillow")
    with Image.open(tmp_path / "moving.gif") as picture:
        assert picture.n_frames == 4  # there and back
        assert picture.info["duration"] == 100
        frames = []
        for number in range(4):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB")).astype(int))
    np.testing.assert_array_equal(frames[1], frames[3])
    assert np.abs(frames[0] - frames[2]).max() > 50


def test_a_display_can_be_drawn_again(fitted):
    display = LatentTraversalDisplay.from_estimator(fitted["digits", "PCA"])
    first = display.ax_
    assert display.plot() is display
    assert display.ax_ is not first
    assert len(plt.get_fignums()) == 2
