"""Curves of the loss and its terms."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sk_bvae import BetaVAE, CapacityVAE
from sk_bvae.inspection import TrainingDisplay

FAST = {"n_components": 3, "hidden_layer_sizes": (8,), "max_iter": 6}


def test_terms_are_drawn_by_epoch(digits):
    vae = CapacityVAE(**FAST, capacity=2, early_stopping=True, random_state=0)
    history = vae.fit(digits).history_
    display = TrainingDisplay.from_estimator(vae)
    panels = dict(
        zip(["loss", "reconstruction", "kl"], display.axes_.flat, strict=False)
    )
    assert set(display.lines_) == set(history)
    for name, line in display.lines_.items():
        curve = history[name]
        total = curve.sum(axis=1) if curve.ndim == 2 else curve
        np.testing.assert_allclose(line.get_ydata(), total)
        np.testing.assert_array_equal(line.get_xdata(), np.arange(1, len(total) + 1))
        term = "kl" if name == "capacity" else name.removeprefix("validation_")
        assert line.axes is panels[term]
    for column, line in enumerate(display.latent_lines_):
        np.testing.assert_allclose(line.get_ydata(), history["kl"][:, column])
        assert line.axes is display.axes_[1, 1]
    legend = [text.get_text() for text in panels["kl"].get_legend().get_texts()]
    assert legend == ["training", "held out", "capacity"]


def test_models_are_found_in_pipelines(digits):
    pipeline = make_pipeline(MinMaxScaler(), BetaVAE(**FAST)).fit(digits)
    display = TrainingDisplay.from_estimator(pipeline, linewidth=3)
    assert set(display.lines_) == {"loss", "reconstruction", "kl"}
    assert display.history is pipeline[1].history_
    assert display.lines_["loss"].get_linewidth() == 3


def test_what_has_no_history(digits):
    with pytest.raises(TypeError, match="PCA keeps no history_"):
        TrainingDisplay.from_estimator(PCA().fit(digits))
    with pytest.raises(NotFittedError):
        TrainingDisplay.from_estimator(BetaVAE())


def make_history(kl, loss=None):
    kl = np.asarray(kl, dtype=float)
    loss = np.ones(len(kl)) if loss is None else loss
    return {"loss": loss, "reconstruction": loss, "kl": kl}


@pytest.mark.parametrize("n_latents", [5, 10, 32])
def test_names_of_latents_keep_apart(n_latents):
    ends = np.linspace(1, 0.9, n_latents)
    display = TrainingDisplay(make_history(np.outer([0.5, 1], ends))).plot()
    names = display.axes_[1, 1].texts
    renderer = display.figure_.canvas.get_renderer()
    display.figure_.draw(renderer)
    boxes = [name.get_tightbbox(renderer) for name in names]
    assert len(names) == min(n_latents, len(names)) >= 5
    heights = np.array([name.get_position()[1] for name in names])
    assert (np.diff(heights) < 0).all()
    text_height = 0.8 * 9 / 72 * display.figure_.dpi
    pixels = [box.y0 for box in boxes]
    assert len(set(np.round(pixels))) == len(pixels)
    axes_height = display.axes_[1, 1].get_window_extent().height
    assert -np.diff(heights).max() * axes_height > 0.95 * text_height


def test_dead_latents_have_no_name():
    display = TrainingDisplay(make_history([[1, 0.5, 0.001]] * 3)).plot()
    assert [text.get_text() for text in display.axes_[1, 1].texts] == ["z0", "z1"]


def test_towering_first_epochs_are_left_out():
    loss = np.r_[1e6, np.linspace(10, 1, 50)]
    display = TrainingDisplay(make_history(np.ones((51, 2)), loss)).plot()
    low, high = display.axes_[0, 0].get_ylim()
    assert 0 < low < 1
    assert 9 < high < 12


def test_one_epoch():
    display = TrainingDisplay(make_history([[1.0, 0.5]])).plot()
    low, high = display.axes_[0, 0].get_ylim()
    assert low < 1 < high
