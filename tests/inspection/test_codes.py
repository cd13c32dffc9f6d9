"""What the codes of any transformer are measured in."""

import numpy as np
import pytest
from sklearn.decomposition import PCA, FastICA, TruncatedSVD
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_bvae import BetaVAE
from sk_bvae.inspection._codes import choose_latents, describe_codes, find_model
from sk_bvae.model_selection import ReplicaGridSearch

FAST = {"n_components": 3, "hidden_layer_sizes": (8,), "max_iter": 2}


def test_a_vae_has_its_prior(digits):
    vae = BetaVAE(**FAST, random_state=0).fit(digits)
    codes = describe_codes(vae)
    assert codes.unit == "prior units"
    np.testing.assert_array_equal(codes.center, [0, 0, 0])
    np.testing.assert_array_equal(codes.scale, [1, 1, 1])
    assert codes.order.tolist() == [0, 1, 2]
    assert codes.names[1] == f"z1  {vae.kl_[1]:.2f} nats"


@pytest.mark.parametrize("whiten", [True, False])
def test_pca_knows_its_variance(digits, whiten):
    pca = PCA(3, whiten=whiten).fit(digits)
    codes = describe_codes(pca)
    spread = pca.transform(digits).std(axis=0, ddof=1)
    np.testing.assert_allclose(codes.scale, spread, rtol=1e-4)
    assert codes.unit == "standard deviations"


@pytest.mark.parametrize("decomposition", [TruncatedSVD(3), FastICA(3, tol=0.1)])
def test_others_are_measured(digits, decomposition):
    model = decomposition.fit(digits)
    codes = describe_codes(model, digits)
    Z = model.transform(digits)
    np.testing.assert_allclose(codes.center, Z.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(codes.scale, Z.std(axis=0), rtol=1e-5)


def test_variances_order_the_codes_unless_they_are_equal(digits):
    svd = TruncatedSVD(3, random_state=0).fit(digits)
    spread = svd.transform(digits).std(axis=0)
    order = describe_codes(svd, digits).order
    assert (np.diff(spread[order]) < 0).all()
    assert order.tolist() != [0, 1, 2]  # the first component is nearly the mean
    ica = FastICA(5, random_state=0, tol=0.1).fit(digits)
    assert describe_codes(ica, digits).order.tolist() == [0, 1, 2, 3, 4]


def test_the_model_is_found_inside(digits):
    scaler = StandardScaler()
    pipeline = make_pipeline(scaler, PCA(2), "passthrough").fit(digits)
    assert find_model(pipeline) is pipeline[1]
    search = GridSearchCV(make_pipeline(scaler, PCA()), {"pca__n_components": [2, 3]})
    assert find_model(search.fit(digits)) is search.best_estimator_[1]
    search = ReplicaGridSearch(
        BetaVAE(**FAST), {"beta": [1]}, n_replicas=2, random_state=0
    ).fit(digits)
    assert find_model(search) is search.best_estimator_
    nothing = make_pipeline("passthrough")
    assert find_model(nothing) is nothing


def test_latents_are_chosen(digits):
    codes = describe_codes(TruncatedSVD(4, random_state=0).fit(digits), digits)
    assert choose_latents(None, codes).tolist() == codes.order.tolist()
    assert choose_latents(2, codes).tolist() == codes.order[:2].tolist()
    assert choose_latents([3, 0], codes).tolist() == [3, 0]
    with pytest.raises(ValueError, match="latents=5, but there are 4"):
        choose_latents(5, codes)
    with pytest.raises(ValueError, match=r"\[4\], but the codes have .* 0 to 3"):
        choose_latents([4], codes)
    with pytest.raises(ValueError, match="must list columns"):
        choose_latents([0.5], codes)
