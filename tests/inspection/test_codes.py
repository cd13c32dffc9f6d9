"""What the codes of any transformer are measured in, as traversals show it."""

import numpy as np
import pytest
from sklearn.decomposition import PCA, FastICA, TruncatedSVD
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_bvae import BetaVAE
from sk_bvae.inspection import LatentTraversalDisplay
from sk_bvae.model_selection import ReplicaGridSearch

FAST = {"n_components": 3, "hidden_layer_sizes": (8,), "max_iter": 2}

traverse = LatentTraversalDisplay.from_estimator


def columns_of(display):
    """Read off their names which codes are shown."""
    return [int(name.split()[0].removeprefix("z")) for name in display.latent_names]


def nats(model):
    return [f"z{column}  {kl:.2f} nats" for column, kl in enumerate(model.kl_)]


def shares(pca):
    ratios = pca.explained_variance_ratio_
    return [f"z{column}  {100 * r:.2g}%" for column, r in enumerate(ratios)]


def test_a_vae_has_its_prior(digits):
    vae = BetaVAE(**FAST, random_state=0).fit(digits)
    display = traverse(vae, values=[0, 1])
    assert display.unit == "prior units"
    assert display.latent_names == nats(vae)
    for latent, (still, moved) in enumerate(display.traversals):
        codes = np.zeros((2, 3))
        codes[1, latent] = 1
        expected = vae.inverse_transform(codes)
        np.testing.assert_allclose([still, moved], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("whiten", [True, False])
def test_pca_knows_its_variance(digits, whiten):
    pca = PCA(3, whiten=whiten).fit(digits)
    display = traverse(pca, values=[1])
    spread = pca.transform(digits).std(axis=0, ddof=1)
    moved = pca.transform(display.traversals[:, 0])
    np.testing.assert_allclose(moved, np.diag(spread), rtol=1e-4, atol=1e-4)
    assert display.unit == "standard deviations"
    assert display.latent_names == shares(pca)


@pytest.mark.parametrize("decomposition", [TruncatedSVD(3), FastICA(3, tol=0.1)])
def test_others_are_measured(digits, decomposition):
    model = decomposition.fit(digits)
    display = traverse(model, digits, values=[0, 2])
    Z = model.transform(digits)
    codes = np.tile(Z.mean(axis=0), (3, 2, 1))
    for row, column in enumerate(columns_of(display)):
        codes[row, 1, column] += 2 * Z[:, column].std()
    expected = model.inverse_transform(codes.reshape(6, 3)).reshape(3, 2, -1)
    np.testing.assert_allclose(display.traversals, expected, rtol=1e-4, atol=1e-4)
    assert display.unit == "standard deviations"


def test_variances_order_the_codes_unless_they_are_equal(digits):
    svd = TruncatedSVD(3, random_state=0).fit(digits)
    spread = svd.transform(digits).std(axis=0)
    order = columns_of(traverse(svd, digits))
    assert (np.diff(spread[order]) < 0).all()
    assert order != [0, 1, 2]  # the first component is nearly the mean
    ica = FastICA(5, random_state=0, tol=0.1).fit(digits)
    assert columns_of(traverse(ica, digits)) == [0, 1, 2, 3, 4]


def test_the_model_is_found_inside(digits):
    scaler = StandardScaler()
    pipeline = make_pipeline(scaler, PCA(2), "passthrough").fit(digits)
    assert traverse(pipeline).latent_names == shares(pipeline[1])
    search = GridSearchCV(make_pipeline(scaler, PCA()), {"pca__n_components": [2, 3]})
    search.fit(digits)
    assert traverse(search).latent_names == shares(search.best_estimator_[1])
    search = ReplicaGridSearch(
        BetaVAE(**FAST), {"beta": [1]}, n_replicas=2, random_state=0
    ).fit(digits)
    assert traverse(search).latent_names == nats(search.best_estimator_)
    nothing = make_pipeline("passthrough").fit(digits)
    assert len(traverse(nothing, digits).latent_names) == digits.shape[1]


def test_latents_are_chosen(digits):
    svd = TruncatedSVD(4, random_state=0).fit(digits)
    every = columns_of(traverse(svd, digits, latents=None))
    assert sorted(every) == [0, 1, 2, 3]
    assert columns_of(traverse(svd, digits, latents=2)) == every[:2]
    assert columns_of(traverse(svd, digits, latents=[3, 0])) == [3, 0]
    with pytest.raises(ValueError, match="latents=5, but there are 4"):
        traverse(svd, digits, latents=5)
    with pytest.raises(ValueError, match=r"\[4\], but the codes have .* 0 to 3"):
        traverse(svd, digits, latents=[4])
    with pytest.raises(ValueError, match="must list columns"):
        traverse(svd, digits, latents=[0.5])
