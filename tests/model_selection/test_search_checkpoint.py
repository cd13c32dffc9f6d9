"""A search that is killed does not train again what it has trained."""

import joblib
import numpy as np
import pytest
import torch
from sklearn.callback import ProgressBar

from sk_bvae import BetaVAE, FactorVAE
from sk_bvae.callbacks import Checkpoint, SearchCheckpoint
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.model_selection import _fit as fit_module
from sk_bvae.nn import Gaussian

FAST = {
    "hidden_layer_sizes": (8,),
    "n_components": 3,
    "max_iter": 2,
    "init": "random",
    "early_stopping": False,
}
STACKED = {"beta": [1.0, 4.0]}
ONE_BY_ONE = {"learning_rate_init": [1e-3, 3e-3], "early_stopping": [True]}


def search_over(grid, folder=None, estimator=None, **params):
    params = {"n_replicas": 2, "random_state": 0, **params}
    search = ReplicaGridSearch(estimator or BetaVAE(**FAST), grid, **params)
    return search if folder is None else search.set_callbacks(SearchCheckpoint(folder))


def assert_same_search(search, other, X):
    for name, column in other.cv_results_.items():
        if name != "params" and "fit_time" not in name:
            np.testing.assert_array_equal(search.cv_results_[name], column, name)
    np.testing.assert_array_equal(search.transform(X), other.transform(X))


@pytest.fixture
def trains_nothing(monkeypatch):
    def refuse(*args):
        raise AssertionError("something was trained")

    return lambda: monkeypatch.setattr(fit_module, "_fit", refuse)


@pytest.mark.parametrize("grid", [STACKED, ONE_BY_ONE], ids=["stacked", "one by one"])
@pytest.mark.parametrize("scoring", ["udr", "elbo"])
def test_what_was_trained_is_not_trained_again(
    digits, tmp_path, trains_nothing, grid, scoring
):
    whole = search_over(grid, scoring=scoring).fit(digits)
    first = search_over(grid, tmp_path, scoring=scoring).fit(digits)
    assert_same_search(first, whole, digits)
    trains_nothing()
    again = search_over(grid, tmp_path, scoring=scoring).fit(digits)
    assert_same_search(again, whole, digits)
    np.testing.assert_array_equal(
        again.cv_results_["mean_fit_time"], first.cv_results_["mean_fit_time"]
    )


def test_the_best_goes_on_as_it_would_have(digits, tmp_path, trains_nothing):
    whole = search_over(STACKED).fit(digits)
    search_over(STACKED, tmp_path).fit(digits)
    trains_nothing()
    again = search_over(STACKED, tmp_path).fit(digits)
    for search in (whole, again):
        search.best_estimator_.partial_fit(digits)
    assert_same_search(again, whole, digits)


def test_a_fault_in_the_third_stack_loses_nothing_of_two(digits, tmp_path, monkeypatch):
    grid = {"hidden_layer_sizes": [(4,), (5,), (6,)]}
    trained = []
    fit = fit_module._fit

    def fail_at(size):
        def fit_and_note(estimators, *args):
            trained.append(estimators[0].hidden_layer_sizes)
            if trained[-1] == size:
                raise KeyboardInterrupt
            return fit(estimators, *args)

        monkeypatch.setattr(fit_module, "_fit", fit_and_note)

    fail_at((6,))
    with pytest.raises(KeyboardInterrupt):
        search_over(grid, tmp_path).fit(digits)
    assert len(list(tmp_path.iterdir())) == 2
    trained.clear()
    fail_at(None)
    search = search_over(grid, tmp_path).fit(digits)
    assert trained == [(6,)]
    assert_same_search(search, search_over(grid).fit(digits), digits)


@pytest.mark.parametrize(
    "other",
    [
        {"random_state": 1},
        {"scoring": "elbo"},  # holds rows out
        {"n_replicas": 3},
        {"estimator": BetaVAE(**{**FAST, "max_iter": 3})},
        {"estimator": BetaVAE(**FAST, net_params={"optimizer__eps": 1e-6})},
    ],
    ids=["seed", "scoring", "replicas", "epochs", "optimizer"],
)
def test_other_searches_find_nothing(digits, tmp_path, other):
    search_over(STACKED, tmp_path).fit(digits)
    (before,) = tmp_path.iterdir()
    search = search_over(STACKED, tmp_path, **other).fit(digits)
    assert len(list(tmp_path.iterdir())) == 2
    assert before.exists()
    assert_same_search(search, search_over(STACKED, **other).fit(digits), digits)


def test_other_data_finds_nothing(digits, tmp_path):
    for X in (digits, digits[1:]):
        search_over(STACKED, tmp_path).fit(X)
    assert len(list(tmp_path.iterdir())) == 2


def test_another_scoring_judges_the_same_replicas(digits, tmp_path, trains_nothing):
    search_over(STACKED, tmp_path).fit(digits)
    trains_nothing()
    search = search_over(STACKED, tmp_path, scoring=lambda vae, X, y: vae.beta)
    assert search.fit(digits).best_params_ == {"beta": 4.0}


def test_failed_replicas_are_tried_again(digits, tmp_path):
    grid = {"learning_rate_init": [1e30, 1e-3]}
    search = search_over(grid, tmp_path, error_score=-1.0)
    with pytest.warns(match="fits failed"):
        search.fit(digits)
    assert len(list(tmp_path.iterdir())) == 1


class Weighted(Gaussian):
    """A likelihood that holds a tensor."""

    def __init__(self, width):
        super().__init__(0.1)
        self.register_buffer("weight", torch.linspace(0.5, 1.5, width))

    def nll(self, X, decoded):
        return self.weight.mean() * super().nll(X, decoded)


def test_a_likelihood_with_tensors_is_found_again(digits, tmp_path, trains_nothing):
    estimator = BetaVAE(**FAST, likelihood=Weighted(64))
    search_over(STACKED, tmp_path, estimator=estimator).fit(digits)
    trains_nothing()
    estimator = BetaVAE(**FAST, likelihood=Weighted(64))
    search_over(STACKED, tmp_path, estimator=estimator).fit(digits)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_beside_other_callbacks_and_workers(digits, tmp_path, n_jobs, capsys):
    grid = {"n_components": [2, 3], "beta": [1.0, 4.0]}
    search = search_over(grid, n_jobs=n_jobs)
    search.set_callbacks(SearchCheckpoint(tmp_path), ProgressBar())
    search.fit(digits)
    assert len(list(tmp_path.iterdir())) == 2
    again = search_over(grid, tmp_path, n_jobs=n_jobs).fit(digits)
    assert_same_search(again, search, digits)


@pytest.mark.usefixtures("small_discriminator")
def test_a_model_of_two_players(digits, tmp_path):
    model = FactorVAE(**{**FAST, "max_iter": 1})
    grid = {"gamma": [1.0, 10.0]}
    whole = search_over(grid, estimator=model).fit(digits[:100])
    for _ in range(2):
        search = search_over(grid, tmp_path, estimator=model).fit(digits[:100])
        assert_same_search(search, whole, digits[:100])


def test_the_folder_is_made(digits, tmp_path):
    search_over(STACKED, tmp_path / "new" / "folder").fit(digits)
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 1


def test_what_is_refused(digits, tmp_path):
    with pytest.raises(ValueError, match=r"GridSearch: with None, the .* run again\.$"):
        search_over(STACKED, tmp_path, random_state=None).fit(digits)
    with pytest.raises(TypeError, match=r"^SearchCheckpoint is for Re.* model, as by"):
        BetaVAE(**FAST).set_callbacks(SearchCheckpoint(tmp_path)).fit(digits)
    with pytest.raises(TypeError, match=r"^Checkpoint is for the .* search, as by Re"):
        search_over(STACKED).set_callbacks(Checkpoint(tmp_path / "a")).fit(digits)


PROGRAM = """
import sys, torch
import numpy as np
from sklearn.datasets import load_digits
from sk_bvae import BetaVAE
from sk_bvae.callbacks import SearchCheckpoint
from sk_bvae.model_selection import ReplicaGridSearch

torch.set_num_threads(1)
X = (load_digits().data[:600] / 16).astype(np.float32)
BetaVAE(max_iter=1).fit(X[:50])
print("ready", flush=True)
vae = BetaVAE(hidden_layer_sizes=(16,), max_iter=4)
grid = {"beta": [1.0, 4.0], "n_components": [2, 3, 4, 5]}
search = ReplicaGridSearch(vae, grid, n_replicas=2, random_state=0)
if len(sys.argv) > 1:
    search.set_callbacks(SearchCheckpoint(sys.argv[1]))
search.fit(X)
weight = search.best_estimator_.net_.module_["vae"].encoder[0].weight
print(weight.double().sum().item().hex(), search.best_score_.hex(), flush=True)
"""


@pytest.mark.parametrize("n_kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_at_random_moments_lose_no_stack(tmp_path, kill_at_random, n_kills):
    before = set()

    def look():
        # what the kill caught in the writing has a name of its own
        found = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.joblib")}
        assert all(joblib.load(file)[0].fitted for file in found)
        assert before <= found.items()
        before.update(found.items())

    kill_at_random(PROGRAM, tmp_path, n_kills, look)
