"""The displays of columns: bars for each latent, and the plane of two."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text
from sklearn.compose import make_column_transformer
from sklearn.decomposition import (
    NMF,
    PCA,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    TruncatedSVD,
)
from sklearn.exceptions import NotFittedError
from sklearn.manifold import TSNE
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sk_bvae import BetaVAE
from sk_bvae.inspection import BiplotDisplay, ComponentsDisplay
from sk_bvae.inspection._loadings import find_loadings
from sk_bvae.model_selection import ReplicaGridSearch

DISPLAYS = [ComponentsDisplay, BiplotDisplay]
FAST = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}


def overlapping(texts, figure):
    renderer = figure.canvas.get_renderer()
    figure.draw(renderer)
    # of an annotation, without its arrow
    boxes = [Text.get_window_extent(text, renderer) for text in texts]
    return sum(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def names_in(panel):
    return [label.get_text() for label in panel.get_yticklabels()]


# What the columns do


@pytest.mark.parametrize(
    "model",
    [
        PCA(3),
        PCA(3, whiten=True),
        IncrementalPCA(3),
        TruncatedSVD(3, random_state=0),
        FastICA(3, random_state=0, tol=0.1, max_iter=1000),
        NMF(3, init="nndsvda", max_iter=1000, tol=1e-2),
    ],
    ids=repr,
)
def test_loadings_are_changes_by_one_standard_deviation(model, table):
    X = table.to_numpy() / table.to_numpy().std(axis=0)
    Z = model.fit(X).transform(X)
    step = np.diag(Z.std(axis=0))
    middle = Z.mean(axis=0)
    changes = model.inverse_transform(middle + step) - model.inverse_transform(
        middle[None]
    )
    loadings = find_loadings(model, X)
    np.testing.assert_allclose(loadings.values, changes, rtol=5e-3, atol=1e-3)


def test_a_model_of_ours_says_so_itself(table):
    vae = BetaVAE(3, **FAST).fit(table)
    np.testing.assert_array_equal(find_loadings(vae).values, vae.components_)
    search = ReplicaGridSearch(BetaVAE(3, **FAST), {}, n_replicas=2, random_state=0)
    best = search.fit(table).best_estimator_
    np.testing.assert_array_equal(find_loadings(search).values, best.components_)


def test_names_come_through_a_pipeline(table):
    names = list(table.columns)
    scaler, pca = StandardScaler(), PCA(2)
    assert find_loadings(make_pipeline(scaler, pca).fit(table)).feature_names == names
    idle = make_pipeline("passthrough", PCA(2), None).fit(table)
    assert find_loadings(idle).feature_names == names
    nameless = make_pipeline(FunctionTransformer(np.log1p), PCA(2)).fit(table)
    assert find_loadings(nameless).feature_names == names
    some = make_column_transformer((scaler, names[3:5]), (scaler, names[:1]))
    chosen = find_loadings(make_pipeline(some, pca).fit(table)).feature_names
    assert [name.split("__")[1] for name in chosen] == [*names[3:5], names[0]]
    search = GridSearchCV(make_pipeline(scaler, PCA()), {"pca__n_components": [2, 3]})
    assert find_loadings(search.fit(table)).feature_names == names
    plain = make_pipeline(scaler, pca).fit(table.to_numpy())
    assert find_loadings(plain).feature_names[:2] == ["x0", "x1"]
    said = find_loadings(plain, feature_names=names[::-1]).feature_names
    assert said == names[::-1]


# Both displays


@pytest.mark.parametrize("display", DISPLAYS)
@pytest.mark.parametrize("data", ["digits", "table"])
@pytest.mark.parametrize(
    "transformer", ["BetaVAE", "PCA", "FastICA", "Pipeline", "Pipeline of a VAE"]
)
def test_they_are_drawn(display, data, transformer, datasets, fitted):
    X, _ = datasets[data]
    drawn = display.from_estimator(fitted[data, transformer], X)
    drawn.figure_.canvas.draw()
    n_latents = 2 if display is BiplotDisplay else 5
    assert drawn.components.shape[0] == len(drawn.latent_names) == n_latents


@pytest.mark.parametrize("display", DISPLAYS)
def test_what_they_refuse(display, table, fitted):
    pca = fitted["table", "PCA"]
    with pytest.raises(NotFittedError):
        display.from_estimator(PCA(), table)
    with pytest.raises(TypeError, match="TSNE has no components_"):
        display.from_estimator(TSNE(init="random").fit(table[:50]), table)
    with pytest.raises(ValueError, match="2 feature_names, but the rows have 30"):
        display.from_estimator(pca, table, feature_names=["a", "b"])
    with pytest.raises(ValueError, match="latents=9, but there are 5"):
        display.from_estimator(pca, table, latents=9)
    with pytest.raises(ValueError, match="n_columns"):
        display.from_estimator(pca, table, n_columns=0)


# Bars


def test_bars_are_sorted_by_length(table, fitted):
    pca = fitted["table", "Pipeline"]
    drawn = ComponentsDisplay.from_estimator(pca, latents=[1, 0], n_columns=4)
    assert [name.split()[0] for name in drawn.latent_names] == ["z1", "z0"]
    for panel, bars, values in zip(
        drawn.axes_, drawn.bars_, drawn.components, strict=True
    ):
        longest = np.argsort(-np.abs(values))[:4]
        widths = [bar.get_width() for bar in bars]
        np.testing.assert_allclose(widths, values[longest])
        assert names_in(panel) == [table.columns[column] for column in longest]
        assert panel.yaxis_inverted()
    assert len({panel.get_xlim() for panel in drawn.axes_}) == 1


def test_how_far_the_codes_spread_is_known_from_data(table):
    model = FactorAnalysis(2, random_state=0).fit(StandardScaler().fit_transform(table))
    with pytest.raises(ValueError, match="FactorAnalysis spread is known from data"):
        ComponentsDisplay.from_estimator(model)


@pytest.mark.parametrize(("n_latents", "n_columns"), [(1, 1), (10, 10), (3, 60)])
def test_sixty_columns_are_readable(n_latents, n_columns, rng):
    drawn = ComponentsDisplay(
        rng.normal(size=(n_latents, 60)),
        latent_names=[f"z{latent}" for latent in range(n_latents)],
        feature_names=[f"a longer column name {column}" for column in range(60)],
    ).plot(n_columns=n_columns)
    labels = [label for panel in drawn.axes_ for label in panel.get_yticklabels()]
    assert len(labels) == n_latents * n_columns
    assert overlapping(labels, drawn.figure_) == 0
    assert min(label.get_fontsize() for label in labels) > 8
    width = drawn.figure_.bbox.width
    assert all(0 <= label.get_window_extent().x0 < width for label in labels)


def test_bars_in_given_axes_and_style(fitted):
    _, axes = plt.subplots(1, 2)
    pca = fitted["table", "PCA"]
    drawn = ComponentsDisplay.from_estimator(pca, latents=2, ax=axes, fc="k")
    assert list(drawn.axes_) == list(axes)
    assert drawn.bars_[0][0].get_facecolor() == (0, 0, 0, 1)
    with pytest.raises(ValueError, match="ax must hold 5 axes; got 2"):
        ComponentsDisplay.from_estimator(pca, ax=axes)


# The plane


def test_arrows_point_to_where_their_columns_grow(table, fitted):
    pipeline = fitted["table", "Pipeline"]
    drawn = BiplotDisplay.from_estimator(pipeline, table, latents=[0, 1], n_columns=8)
    rows = drawn.dots_.get_offsets()
    np.testing.assert_allclose(rows.std(axis=0), 1)
    lengths = [np.hypot(*arrow.xy) for arrow in drawn.arrows_]
    assert sorted(lengths, reverse=True) == pytest.approx(lengths)
    for arrow, label in zip(drawn.arrows_, drawn.text_, strict=True):
        values = table[label.get_text()]
        along = rows @ np.asarray(arrow.xy)
        assert np.corrcoef(along, values)[0, 1] > 0.8


@pytest.mark.parametrize("n_columns", [1, 10, 60])
def test_names_in_the_plane_do_not_overlap(n_columns, rng):
    angles = rng.normal(0, 0.3, size=60)  # crowded, nearly all to the right
    drawn = BiplotDisplay(
        rng.normal(size=(200, 2)),
        np.stack([np.cos(angles), np.sin(angles)]),
        latent_names=["z0", "z1"],
        feature_names=[f"a longer column name {column}" for column in range(60)],
    ).plot(n_columns=n_columns)
    assert len(drawn.text_) == n_columns
    assert overlapping(drawn.text_, drawn.figure_) == 0
    frame = drawn.ax_.get_window_extent()
    for text in drawn.text_:
        box = Text.get_window_extent(text)
        assert frame.y0 <= box.y0
        assert box.y1 <= frame.y1


def test_a_plane_in_given_axes_and_style(table, fitted):
    _, ax = plt.subplots(figsize=(3, 3))
    y = np.arange(len(table)) % 2
    drawn = BiplotDisplay.from_estimator(fitted["table", "PCA"], table, ax=ax, c=y)
    assert drawn.ax_ is ax
    np.testing.assert_array_equal(drawn.dots_.get_array(), y)


def test_a_plane_has_two_latents(table, fitted):
    with pytest.raises(ValueError, match="latents=3, but a plane has two"):
        BiplotDisplay.from_estimator(fitted["table", "PCA"], table, latents=3)


def test_a_plane_of_dead_latents(rng):
    display = BiplotDisplay(np.zeros((5, 2)), np.zeros((2, 3)), latent_names=["a", "b"])
    display.plot().figure_.canvas.draw()
