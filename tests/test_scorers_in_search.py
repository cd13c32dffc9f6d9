"""Disentanglement scorers in scikit-learn's searches, over models and their options."""

import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.decomposition import PCA, FastICA
from sklearn.feature_selection import VarianceThreshold
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from sk_bvae import BetaVAE, CapacityVAE
from sk_bvae.datasets import make_shapes2d
from sk_bvae.metrics import make_disentanglement_scorer, mutual_info_gap

SHUFFLED = KFold(2, shuffle=True, random_state=0)
SMALL = {
    "n_components": 4,
    "likelihood": "bernoulli",
    "hidden_layer_sizes": (32,),
    "max_iter": 5,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def shapes():
    """Images of shapes, and the factors that are not a shape or a rotation."""
    shapes = make_shapes2d(800, image_size=16, n_positions=8, random_state=0)
    return shapes.data, shapes.target[:, [1, 3, 4]]


def search(pipeline, grid, shapes, n_jobs=None):
    X, factors = shapes
    scoring = make_disentanglement_scorer("mig")
    search = GridSearchCV(pipeline, grid, scoring=scoring, cv=SHUFFLED, n_jobs=n_jobs)
    return search.fit(X, factors)


def test_search_over_beta(shapes):
    X, factors = shapes
    pipeline = Pipeline([("vae", BetaVAE(**SMALL))])
    found = search(pipeline, {"vae__beta": [1, 4]}, shapes)
    scores = found.cv_results_["mean_test_score"]
    assert np.all((scores > 0) & (scores < 1))
    assert found.best_score_ == scores.max()
    codes = found.transform(X)
    assert found.score(X, factors) == mutual_info_gap(codes, factors)


@pytest.fixture
def one_thread():
    """Compute here with as many threads as a process of joblib's with one."""
    before = torch.get_num_threads()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")  # MIG puts codes in bins: to round is to jump
def test_decompositions_in_one_slot_whatever_the_number_of_processes(shapes):
    # scikit-learn's FastICA divides 0 by 0 where the first pixel is always black
    pipeline = Pipeline([("varying", VarianceThreshold()), ("codes", "passthrough")])
    slot = [
        PCA(4),
        FastICA(4, random_state=0, tol=0.05),
        BetaVAE(**SMALL),
        CapacityVAE(capacity=4, **SMALL),
    ]
    with parallel_config("loky", inner_max_num_threads=1):
        alone, together = (
            search(pipeline, {"codes": slot}, shapes, n_jobs) for n_jobs in (1, 2)
        )
    for fold in range(2):
        key = f"split{fold}_test_score"
        scores = together.cv_results_[key]
        assert np.all((scores > 0) & (scores < 1))
        np.testing.assert_allclose(scores, alone.cv_results_[key], rtol=1e-6)
    assert together.best_index_ == alone.best_index_
