"""Curves of the loss and its terms."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from sk_bvae import BetaVAE, CapacityVAE
from sk_bvae.inspection import TrainingDisplay

FAST = {
    "n_components": 3,
    "hidden_layer_sizes": (8,),
    "max_iter": 6,
    "init": "random",
    "early_stopping": False,
}


def test_terms_are_drawn_by_epoch(digits):
    vae = CapacityVAE(**{**FAST, "early_stopping": True}, capacity=2, random_state=0)
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
    assert display.axes_.shape == (2, 2)
    for column, line in enumerate(display.latent_lines_["kl"]):
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


def titles(display):
    return [ax.get_title() for ax in display.figure_.axes]


def test_other_terms_have_panels_after_the_first():
    epochs = np.arange(5.0)
    history = {"information": epochs, **make_history(np.ones((5, 2)))}
    history |= {"off_diagonal": epochs**2, "validation_information": -epochs}
    display = TrainingDisplay(history).plot()
    assert titles(display) == [
        "loss",
        "reconstruction (negative log-likelihood)",
        "KL from the prior, total",
        "KL from the prior, each latent",
        "information",
        "off diagonal",
    ]
    assert display.axes_.shape == (2, 3)
    assert set(display.lines_) == set(history)
    for name, row_and_column in [
        ("information", (1, 1)),
        ("validation_information", (1, 1)),
        ("off_diagonal", (1, 2)),
    ]:
        line = display.lines_[name]
        assert line.axes is display.axes_[row_and_column]
        np.testing.assert_array_equal(line.get_ydata(), history[name])
    legend = display.axes_[1, 1].get_legend().get_texts()
    assert [text.get_text() for text in legend] == ["training", "held out"]
    bottom, _ = display.axes_[1, 1].get_ylim()
    assert bottom < -4


def test_other_terms_of_each_latent_have_two_panels():
    shares = np.outer(np.linspace(0, 1, 6), [-0.5, 0.001, 2.0])
    history = make_history(np.ones((6, 3))) | {"dimension_wise": shares}
    display = TrainingDisplay(history).plot()
    assert titles(display)[4:] == [
        "dimension wise, total",
        "dimension wise, each latent",
    ]
    total = display.lines_["dimension_wise"].get_ydata()
    np.testing.assert_allclose(total, shares.sum(axis=1))
    lines = display.latent_lines_["dimension_wise"]
    drawn = np.column_stack([line.get_ydata() for line in lines])
    np.testing.assert_array_equal(drawn, shares)
    panel = display.axes_[1, 2]
    assert all(line.axes is panel for line in lines)
    names = {text.get_text(): text.xy for text in panel.texts}
    assert set(names) == {"z0", "z2"}  # the other ends at 0
    low, high = panel.get_ylim()
    np.testing.assert_allclose(names["z0"][1], (-0.5 - low) / (high - low))


def test_a_model_without_kl_or_reconstruction():
    epochs = np.arange(1.0, 9)
    history = {
        "loss": 1 / epochs,
        "discriminator_loss": epochs,
        "capacity": 2 * epochs,
    }
    display = TrainingDisplay(history).plot()
    assert titles(display) == ["loss", "discriminator loss", "capacity"]
    assert set(display.lines_) == set(history)
    assert display.latent_lines_ == {}
    assert display.axes_[1, 1] is None
    assert [ax.get_xlabel() for ax in display.figure_.axes] == ["", "epoch", "epoch"]


def test_a_total_kl_has_one_panel():
    history = {"loss": np.ones(4), "kl": np.arange(4.0)}
    display = TrainingDisplay(history).plot()
    assert titles(display) == ["loss", "KL from the prior"]
    assert display.axes_[0, 1].get_ylim()[0] == 0


def test_as_many_axes_as_panels_are_taken():
    history = make_history(np.ones((4, 2))) | {"information": np.ones(4)}
    _, axes = plt.subplots(5)
    display = TrainingDisplay(history).plot(ax=axes)
    assert display.lines_["information"].axes is axes[4]
    with pytest.raises(ValueError, match="must hold 5 axes; got 4"):
        display.plot(ax=axes[:4])


@pytest.mark.parametrize("n_extra", range(6))
def test_panels_do_not_overlap(n_extra):
    history = make_history(np.outer(np.linspace(0, 1, 9), np.ones(10)))
    history |= {f"a_term_{number}": np.ones(9) for number in range(n_extra)}
    display = TrainingDisplay(history).plot()
    renderer = display.figure_.canvas.get_renderer()
    display.figure_.draw(renderer)
    panels = [ax for ax in display.axes_.flat if ax is not None]
    assert len(panels) == 4 + n_extra
    boxes = [ax.get_tightbbox(renderer) for ax in panels]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:place])


def test_one_epoch():
    display = TrainingDisplay(make_history([[1.0, 0.5]])).plot()
    low, high = display.axes_[0, 0].get_ylim()
    assert low < 1 < high
