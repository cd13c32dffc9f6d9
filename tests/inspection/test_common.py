"""What all displays have in common."""

import itertools
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.manifold import TSNE

from sk_bvae import CapacityVAE
from sk_bvae.inspection import (
    FactorMatrixDisplay,
    LatentResponseDisplay,
    LatentTraversalDisplay,
    ReconstructionDisplay,
    SampleDisplay,
)
from sk_bvae.model_selection import ReplicaGridSearch

TRANSFORMERS = ["BetaVAE", "PCA", "FastICA", "Pipeline", "Pipeline of a VAE"]
DATA = ["digits", "shapes", "RGB images", "table"]
DECODERS = [LatentTraversalDisplay, ReconstructionDisplay, SampleDisplay]


def overlapping(labels, renderer):
    """Count the neighbours among some labels whose boxes overlap."""
    boxes = [label.get_window_extent(renderer) for label in labels if label.get_text()]
    return sum(a.overlaps(b) for a, b in itertools.pairwise(boxes))


@pytest.mark.parametrize("display", DECODERS)
@pytest.mark.parametrize("transformer", TRANSFORMERS)
@pytest.mark.parametrize("data", DATA)
def test_decoders_are_drawn(display, transformer, data, datasets, fitted):
    X, known = datasets[data]
    drawn = display.from_estimator(fitted[data, transformer], X, **known)
    assert drawn.figure_ is drawn.ax_.figure
    drawn.figure_.canvas.draw()
    assert (drawn.im_ is not None) == (data != "table" or display in DECODERS[:1])


@pytest.mark.parametrize("display", DECODERS)
def test_searches_and_lists_are_drawn(display, digits):
    vae = CapacityVAE(
        3, capacity=2, hidden_layer_sizes=(8,), max_iter=2, random_state=0
    )
    search = ReplicaGridSearch(vae, {}, n_replicas=2, random_state=0).fit(digits)
    drawn = display.from_estimator(search, digits[:20].tolist())
    assert drawn.figure_ is drawn.ax_.figure


@pytest.mark.parametrize("transformer", TRANSFORMERS)
def test_displays_of_factors_are_drawn(transformer, shapes, fitted):
    model = fitted["shapes", transformer]
    drawn = FactorMatrixDisplay.from_estimator(model, shapes.data, shapes.target)
    assert drawn.matrix.shape == (5, 5)
    drawn = LatentResponseDisplay.from_estimator(model, shapes, n_images=500)
    assert drawn.axes_.shape == (5, 3)
    drawn.figure_.canvas.draw()


@pytest.mark.parametrize("n_latents", [5, 10, 32])
@pytest.mark.parametrize("kind", ["heatmap", "lines"])
@pytest.mark.parametrize("data", ["digits", "table"])
def test_labels_do_not_overlap(n_latents, kind, data, datasets):
    X, _ = datasets[data]
    pca = PCA(min(n_latents, X.shape[1])).fit(X)
    drawn = LatentTraversalDisplay.from_estimator(pca, X, kind=kind)
    renderer = drawn.figure_.canvas.get_renderer()
    drawn.figure_.draw(renderer)
    for axis in (drawn.ax_.xaxis, drawn.ax_.yaxis):
        assert overlapping(axis.get_ticklabels(), renderer) == 0


@pytest.mark.parametrize("display", DECODERS)
def test_axes_can_be_given(display, datasets, fitted):
    _, ax = plt.subplots()
    X, _ = datasets["digits"]
    drawn = display.from_estimator(fitted["digits", "PCA"], X, ax=ax)
    assert drawn.ax_ is ax
    assert plt.get_fignums() == [ax.figure.number]


@pytest.mark.parametrize("display", DECODERS)
def test_style_is_passed_on(display, datasets, fitted):
    X, _ = datasets["digits"]
    drawn = display.from_estimator(
        fitted["digits", "PCA"], X, cmap="magma", vmax=7, interpolation="nearest"
    )
    assert drawn.im_.get_cmap().name == "magma"
    assert drawn.im_.get_clim()[1] == 7
    assert drawn.im_.get_interpolation() == "nearest"


@pytest.mark.parametrize("display", DECODERS)
def test_what_cannot_decode_is_refused(display, digits):
    with pytest.raises(TypeError, match="TSNE has no inverse_transform"):
        display.from_estimator(TSNE(), digits)
    with pytest.raises(NotFittedError):
        display.from_estimator(PCA(), digits)


@pytest.mark.parametrize("display", DECODERS)
def test_image_shapes_that_do_not_fit(display, digits, fitted):
    pca = fitted["digits", "PCA"]
    with pytest.raises(ValueError, match=r"\(8, 9\) makes 72 values, .* have 64"):
        display.from_estimator(pca, digits, image_shape=(8, 9))
    with pytest.raises(ValueError, match=r"\(4, 4, 4\) is no image"):
        display.from_estimator(pca, digits, image_shape=(4, 4, 4))
    drawn = display.from_estimator(pca, digits)
    drawn.image_shape = (8, 9)
    with pytest.raises(ValueError, match="makes 72 values"):
        drawn.plot()


@pytest.mark.parametrize("display", DECODERS)
def test_names_that_do_not_fit(display, table, fitted):
    with pytest.raises(ValueError, match="2 feature_names, but the rows have 30"):
        display.from_estimator(fitted["table", "PCA"], table, feature_names=["a", "b"])


@pytest.mark.parametrize("display", [LatentTraversalDisplay, SampleDisplay])
def test_data_is_asked_for_where_it_is_needed(display, fitted):
    for transformer in set(TRANSFORMERS) - {"FastICA"}:
        display.from_estimator(fitted["digits", transformer])
    with pytest.raises(ValueError, match="FastICA spread is known from data only"):
        display.from_estimator(fitted["digits", "FastICA"])


def test_drawing_draws_no_global_randomness(digits, fitted, global_random_states):
    before = global_random_states()
    drawn = [
        SampleDisplay.from_estimator(
            fitted["digits", "PCA"], n_samples=3, random_state=seed
        ).samples
        for seed in (0, 0, 1, None)
    ]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.isclose(drawn[0], drawn[2]).all()
    assert global_random_states() == before


def test_matplotlib_and_torch_come_when_asked_for():
    program = "import sk_bvae.inspection, sys; print(*sys.modules)"
    command = [sys.executable, "-W", "ignore", "-c", program]
    imported = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "sk_bvae.inspection" in imported.stdout.split()
    assert not {"matplotlib", "torch"} & set(imported.stdout.split())
