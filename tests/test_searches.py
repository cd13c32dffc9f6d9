"""The estimators inside scikit-learn's searches, in one process and in several."""

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed, parallel_config
from scipy.stats import loguniform
from sklearn.decomposition import PCA, FastICA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import sk_bvae
from sk_bvae import BetaVAE, CapacityVAE

FAST = {"hidden_layer_sizes": (16,), "max_iter": 5, "random_state": 0}


def test_two_fits_are_the_same_to_the_bit(digits):
    for Estimator in (BetaVAE, CapacityVAE):
        one, two = (Estimator(**FAST).fit(digits) for _ in range(2))
        np.testing.assert_array_equal(one.transform(digits), two.transform(digits))
        other = Estimator(**{**FAST, "random_state": 1}).fit(digits)
        assert not np.allclose(one.transform(digits), other.transform(digits))


@pytest.fixture
def set_threads():
    """Return torch.set_num_threads, and undo it after the test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


# To train FactorVAE's discriminator of six layers takes longer than all others.
SOME = ["BetaVAE", "CapacityVAE"]
SLOTS = pytest.mark.parametrize(
    "names", [SOME, pytest.param(sk_bvae.__all__, marks=pytest.mark.slow)]
)


def search_all(digits, names, n_jobs):
    """Search over those estimators that have a score."""
    # The last batch of an epoch has 7 of 455 rows, and torch adds up the gradients of
    # so few in an order that depends on the number of threads.
    params = {**FAST, "hidden_layer_sizes": (128, 128), "max_iter": 2}
    models = [getattr(sk_bvae, name)(**params) for name in names]
    slot = [model for model in models if hasattr(model, "score")]
    pipeline = Pipeline([("vae", slot[0])])
    search = GridSearchCV(pipeline, {"vae": slot}, cv=2, n_jobs=n_jobs)
    search.fit(digits[:910], np.arange(910) % 7)  # which most of them ignore
    keys = ("split0_test_score", "split1_test_score")
    return search, np.array([search.cv_results_[key] for key in keys])


def threads_of_workers():
    probe = delayed(torch.get_num_threads)
    return Parallel(n_jobs=2)(probe() for _ in range(2))


@SLOTS
@pytest.mark.parametrize("n_threads", [1, 2])
def test_processes_change_nothing(digits, set_threads, names, n_threads):
    with parallel_config("loky", inner_max_num_threads=n_threads):
        assert threads_of_workers() == [n_threads] * 2
        together, scores = search_all(digits, names, 2)
    set_threads(n_threads)
    alone, scores_alone = search_all(digits, names, 1)
    np.testing.assert_array_equal(scores, scores_alone)
    np.testing.assert_array_equal(together.transform(digits), alone.transform(digits))
    # Other threads add up float32 in another order: in two epochs some 1e-8 of a
    # score, and more the longer a model trains.
    set_threads(3 - n_threads)
    _, scores_rounded = search_all(digits, names, 1)
    np.testing.assert_allclose(scores, scores_rounded, rtol=1e-6)


@SLOTS
@pytest.mark.parametrize("n_threads", [1, 2])
def test_threads_change_nothing(digits, set_threads, names, n_threads):
    set_threads(n_threads)
    alone, scores = search_all(digits, names, 1)
    with parallel_config("threading"):
        assert threads_of_workers() == [n_threads] * 2
        together, scores_together = search_all(digits, names, 2)
    np.testing.assert_array_equal(scores_together, scores)
    np.testing.assert_array_equal(together.transform(digits), alone.transform(digits))


def test_decompositions_take_turns_in_one_slot(rng):
    sources = rng.laplace(size=(600, 5))
    X = sources @ rng.normal(size=(5, 12)) + 0.1 * rng.normal(size=(600, 12))
    y = (sources[:, 0] > 0).astype(int)
    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("decompose", PCA()),
            ("classify", LogisticRegression(max_iter=1000)),
        ]
    )
    grid = {
        "decompose": [
            PCA(5),
            FastICA(5, random_state=0),
            BetaVAE(5, beta=0.1, **{**FAST, "max_iter": 40}),
            CapacityVAE(5, capacity=10, gamma=10, **{**FAST, "max_iter": 40}),
        ]
    }
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert (search.cv_results_["mean_test_score"] > 0.6).all()


def test_beta_can_be_searched(digits):
    pipeline = Pipeline([("scale", StandardScaler()), ("vae", BetaVAE(5, **FAST))])
    search = GridSearchCV(pipeline, {"vae__beta": [0.5, 1, 4]}, cv=2).fit(digits)
    assert search.best_params_["vae__beta"] in (0.5, 1, 4)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_random_draws_of_beta(digits):
    search = RandomizedSearchCV(
        BetaVAE(**FAST), {"beta": loguniform(0.1, 10)}, n_iter=3, cv=2, random_state=0
    ).fit(digits)
    assert len(set(search.cv_results_["param_beta"])) == 3
    assert search.best_params_["beta"] in search.cv_results_["param_beta"]


@pytest.mark.filterwarnings("ignore:No latent")  # after one epoch
def test_halving_spends_epochs_on_the_best(digits):
    search = HalvingGridSearchCV(
        BetaVAE(**FAST),
        {"beta": [0.1, 1, 10, 100]},
        resource="max_iter",
        min_resources=2,
        max_resources=8,
        factor=2,
        cv=2,
    ).fit(digits)
    assert search.n_resources_ == [2, 4, 8]
    assert search.n_candidates_ == [4, 2, 1]
    assert search.best_estimator_.n_iter_ == 8
