"""ReplicaGridSearch as its users meet it."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import estimator_html_repr
from torch import nn

from sk_bvae import BetaVAE, CapacityVAE
from sk_bvae.datasets import make_blobs2d
from sk_bvae.metrics import (
    mutual_info_gap,
    unsupervised_disentanglement_ranking,
)
from sk_bvae.model_selection import ReplicaGridSearch

FAST = {
    "n_components": 4,
    "hidden_layer_sizes": (16,),
    "max_iter": 4,
    "init": "random",
    "early_stopping": False,
}
GRID = {"beta": [0.5, 4.0]}


@pytest.fixture(scope="module")
def digits(digits):
    return digits[:400]


@pytest.fixture(scope="module")
def search(digits):
    return ReplicaGridSearch(
        BetaVAE(**FAST), GRID, n_replicas=3, random_state=0, return_estimators=True
    ).fit(digits)


def test_estimator_checks(failed_checks):
    small = BetaVAE(n_components=2, hidden_layer_sizes=(8,), max_iter=5)
    search = ReplicaGridSearch(small, {"beta": [0.1, 1]}, n_replicas=2, random_state=0)
    with pytest.warns() as caught:
        assert failed_checks(search) == []
    assert {warning.category.__name__ for warning in caught} <= {
        "SkipTestWarning",
        "UndefinedMetricWarning",
        "UserWarning",
    }


def test_replicas_are_lone_fits(search, digits):
    for row, beta in enumerate(GRID["beta"]):
        for column, seed in enumerate(search.replica_seeds_):
            lone = BetaVAE(**FAST, beta=beta, random_state=int(seed)).fit(digits)
            replica = search.estimators_[row][column]
            assert replica.get_params() == lone.get_params()
            np.testing.assert_allclose(
                replica.transform(digits), lone.transform(digits), rtol=1e-3, atol=1e-4
            )
            assert vars(replica).keys() == vars(lone).keys()
            for name in ("n_iter_", "n_features_in_", "n_active_components_"):
                assert getattr(replica, name) == getattr(lone, name)
            np.testing.assert_allclose(replica.kl_, lone.kl_, rtol=1e-3, atol=1e-4)
            np.testing.assert_allclose(replica.loss_curve_, lone.loss_curve_, rtol=1e-4)
            assert replica.history_.keys() == lone.history_.keys()


def test_one_by_one_gives_the_same_table(search, digits):
    # a callback in the net's parameters means no stacks
    lone = clone(search).set_params(estimator__net_params={"callbacks": []}).fit(digits)
    for name in ("score", "kl", "reconstruction", "n_active_components"):
        np.testing.assert_allclose(
            lone.cv_results_[f"mean_{name}"],
            search.cv_results_[f"mean_{name}"],
            rtol=1e-3,
            atol=1e-3,
        )


def test_the_table_says_what_was_measured(search, digits):
    results = search.cv_results_
    assert [params["beta"] for params in results["params"]] == GRID["beta"]
    for row, replicas in enumerate(search.estimators_):
        scores = unsupervised_disentanglement_ranking(
            [replica.transform(digits) for replica in replicas],
            kl=[replica.kl_ for replica in replicas],
        )
        for column, replica in enumerate(replicas):
            assert results[f"replica{column}_score"][row] == pytest.approx(
                scores[column]
            )
            assert results[f"replica{column}_kl"][row] == pytest.approx(
                replica.kl_.sum(), rel=1e-4
            )
            # noise differs: the ELBO is estimated twice
            elbo = replica.score_samples(digits, n_draws=1).mean()
            rate = results[f"replica{column}_kl"][row]
            distortion = results[f"replica{column}_reconstruction"][row]
            assert -distortion - rate == pytest.approx(elbo, abs=1.5)
    assert (results["mean_kl"][0] > results["mean_kl"][1]).all()
    assert (results["mean_fit_time"] > 0).all()


def test_the_best_is_kept(search, digits):
    results = search.cv_results_
    assert search.best_index_ == results["mean_score"].argmax()
    assert search.best_params_ == results["params"][search.best_index_]
    assert search.best_score_ == results["mean_score"].max()
    scores = [results[f"replica{r}_score"][search.best_index_] for r in range(3)]
    assert search.best_replica_ == np.argmax(scores)
    best = search.estimators_[search.best_index_][search.best_replica_]
    assert search.best_estimator_ is best
    assert best.random_state == search.replica_seeds_[search.best_replica_]


def test_methods_of_the_best_estimator(search, digits):
    best = search.best_estimator_
    Z = search.transform(digits)
    np.testing.assert_array_equal(Z, best.transform(digits))
    for name, argument in [
        ("inverse_transform", Z),
        ("posterior", digits),
        ("score_samples", digits),
        ("score", digits),
    ]:
        np.testing.assert_array_equal(
            getattr(search, name)(argument), getattr(best, name)(argument)
        )
    np.testing.assert_array_equal(
        search.sample(3, random_state=0), best.sample(3, random_state=0)
    )
    assert search.get_feature_names_out().tolist() == [f"betavae{i}" for i in range(4)]


def test_pandas_in_and_out(digits):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(digits).add_prefix("pixel")
    search = ReplicaGridSearch(BetaVAE(**FAST), {}, n_replicas=2, random_state=0)
    Z = search.set_output(transform="pandas").fit_transform(frame)
    assert Z.columns.tolist() == [f"betavae{i}" for i in range(4)]
    assert search.feature_names_in_[0] == "pixel0"
    assert search.best_estimator_.feature_names_in_[0] == "pixel0"


def test_refit_false_keeps_the_table_only(digits):
    search = ReplicaGridSearch(
        BetaVAE(**FAST), GRID, n_replicas=2, refit=False, random_state=0
    ).fit(digits)
    assert search.best_params_ in search.cv_results_["params"]
    assert not hasattr(search, "best_estimator_")
    assert not hasattr(search, "estimators_")
    assert not hasattr(search, "transform")
    with pytest.raises(AttributeError) as caught:
        search.transform(digits)
    assert "set refit=True" in str(caught.value.__cause__)


def test_refit_may_choose(digits):
    search = ReplicaGridSearch(
        BetaVAE(**FAST),
        GRID,
        n_replicas=2,
        refit=lambda results: results["mean_kl"].argmin(),
        random_state=0,
    ).fit(digits)
    assert search.best_params_ == {"beta": 4.0}
    assert search.best_estimator_.beta == 4.0


def test_not_fitted(digits):
    search = ReplicaGridSearch(BetaVAE(**FAST), GRID, random_state=0)
    with pytest.raises(NotFittedError):
        search.transform(digits)


def test_best_of_n_restarts(digits):
    search = ReplicaGridSearch(
        BetaVAE(**FAST), {}, n_replicas=4, scoring="elbo", random_state=0
    ).fit(digits)
    scores = [search.cv_results_[f"replica{r}_score"][0] for r in range(4)]
    assert search.best_params_ == {}
    assert search.best_replica_ == np.argmax(scores)
    assert np.ptp(scores) > 0


def test_elbo_is_held_out(digits):
    search = ReplicaGridSearch(
        BetaVAE(**FAST),
        {},
        n_replicas=2,
        scoring="elbo",
        validation_fraction=0.25,
        random_state=0,
    ).fit(digits)
    seed = int(search.replica_seeds_[search.best_replica_])
    everything = BetaVAE(**FAST, random_state=seed).fit(digits)
    assert not np.allclose(everything.kl_, search.best_estimator_.kl_, rtol=1e-3)


def test_supervised_scoring():
    X, Y = make_blobs2d(300, image_size=16, random_state=0, return_X_y=True)
    search = ReplicaGridSearch(
        BetaVAE(**FAST, likelihood="bernoulli"),
        {},
        n_replicas=2,
        scoring="mig",
        random_state=0,
    ).fit(X, Y)
    Z = search.transform(X)
    assert search.cv_results_[f"replica{search.best_replica_}_score"][
        0
    ] == pytest.approx(mutual_info_gap(Z, Y))


def test_callable_scoring(digits):
    def count(estimator, X, y):
        assert y is None
        return estimator.kl_.sum()

    search = ReplicaGridSearch(
        BetaVAE(**FAST), GRID, n_replicas=2, scoring=count, random_state=0
    ).fit(digits)
    assert search.best_params_ == {"beta": 0.5}


def test_capacities(digits):
    search = ReplicaGridSearch(
        CapacityVAE(**FAST, gamma=50.0),
        {"capacity": [1, 5]},
        n_replicas=2,
        random_state=0,
    ).fit(digits)
    low, high = search.cv_results_["mean_kl"]
    assert low < high


def test_groups_that_cannot_stack(digits):
    grid = {"n_components": [2, 3], "beta": [1, 4]}
    search = ReplicaGridSearch(BetaVAE(**FAST), grid, n_replicas=2, random_state=0).fit(
        digits
    )
    assert len(search.cv_results_["params"]) == 4
    assert search.transform(digits).shape[1] == search.best_params_["n_components"]


# What goes wrong


def test_a_failing_candidate_takes_no_other_down(digits):
    grid = {"beta": [0.5, 1e38]}
    search = ReplicaGridSearch(
        BetaVAE(**FAST), grid, n_replicas=2, random_state=0, return_estimators=True
    )
    with (
        pytest.warns(
            FitFailedWarning, match=r"\{'beta': 1e\+38\}, replica 0"
        ) as caught,
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search.fit(digits)
    assert "stopped being finite in epoch 1" in str(caught[0].message)
    assert search.best_params_ == {"beta": 0.5}
    assert search.estimators_[1] == [None, None]
    scores = search.cv_results_["mean_score"]
    assert np.isfinite(scores[0])
    assert np.isnan(scores[1])
    assert np.isnan(search.cv_results_["mean_kl"][1])
    alone = ReplicaGridSearch(
        BetaVAE(**FAST), {"beta": [0.5]}, n_replicas=2, random_state=0
    ).fit(digits)
    assert alone.cv_results_["mean_score"][0] == pytest.approx(scores[0], rel=1e-3)


def test_a_huge_beta_spoils_no_other(digits):
    """Its loss is finite in float32, and its latents cannot move."""
    both, alone = (
        ReplicaGridSearch(
            BetaVAE(**FAST),
            {"beta": betas},
            n_replicas=2,
            scoring="elbo",
            random_state=0,
        ).fit(digits)
        for betas in ([1.0, 1e30], [1.0])
    )
    assert both.best_params_ == {"beta": 1.0}
    assert both.best_score_ == pytest.approx(alone.best_score_, rel=1e-3)
    assert np.isfinite(both.cv_results_["mean_score"]).all()


class Branch(nn.Module):
    """Does one thing or another, as the values are: vmap cannot follow."""

    def forward(self, x):
        return x if x.sum() > 0 else x + 1


def branching(n_features, n_components):
    encoder = nn.Sequential(nn.Linear(n_features, 2 * n_components), Branch())
    return encoder, nn.Linear(n_components, n_features)


def test_any_network_works(digits):
    vae = BetaVAE(n_components=2, network=branching, max_iter=3)
    search = ReplicaGridSearch(vae, GRID, n_replicas=2, random_state=0).fit(digits)
    best = clone(search.best_estimator_).fit(digits)
    np.testing.assert_array_equal(search.transform(digits), best.transform(digits))


class Explode(nn.Module):
    """Fails on the last batch, as a device that runs out of memory would."""

    def forward(self, x):
        if len(x) == 400 % 64:
            raise RuntimeError("out of memory")
        return x


def exploding(n_features, n_components):
    encoder = nn.Sequential(nn.Linear(n_features, 2 * n_components), Explode())
    return encoder, nn.Linear(n_components, n_features)


def test_methods_are_those_of_the_estimator(digits):
    class Silent(BetaVAE):
        @property
        def sample(self):
            raise AttributeError

    for vae in (BetaVAE(**FAST), Silent(**FAST)):
        search = ReplicaGridSearch(vae, {}, n_replicas=2, refit=False, random_state=0)
        assert hasattr(search, "transform")
        assert hasattr(search, "sample") == hasattr(vae, "sample")
        search.set_params(refit=True).fit(digits)
        assert hasattr(search, "transform")
        assert hasattr(search, "sample") == hasattr(vae, "sample")


def test_draws_of_the_bound(search, digits):
    np.testing.assert_array_equal(
        search.score_samples(digits, n_draws=2),
        search.best_estimator_.score_samples(digits, n_draws=2),
    )


def test_a_search_without_refit_forgets_the_last_one(digits):
    search = ReplicaGridSearch(
        BetaVAE(**FAST), {}, n_replicas=2, return_estimators=True, random_state=0
    ).fit(digits)
    search.set_params(refit=False, return_estimators=False).fit(digits)
    assert not hasattr(search, "best_estimator_")
    assert not hasattr(search, "estimators_")


@pytest.mark.filterwarnings("ignore:One or more of the scores are non-finite")
def test_an_error_in_mid_stack_takes_no_other_stack_down(digits):
    search = ReplicaGridSearch(
        BetaVAE(n_components=2, max_iter=3, early_stopping=False),
        {"network": ["mlp", exploding]},
        n_replicas=2,
        random_state=0,
    )
    with pytest.warns(FitFailedWarning, match=r"(?s)2 fits failed.*out of memory"):
        search.fit(digits)
    assert search.best_params_ == {"network": "mlp"}


def test_a_candidate_of_invalid_value_fails_by_itself(digits):
    search = ReplicaGridSearch(
        BetaVAE(**FAST),
        {"beta": [1, -1]},
        n_replicas=2,
        error_score=-5.0,
        random_state=0,
    )
    with pytest.warns(FitFailedWarning, match="'beta' parameter of BetaVAE must be"):
        search.fit(digits)
    np.testing.assert_array_equal(search.cv_results_["replica0_score"][1], -5.0)
    assert search.best_params_ == {"beta": 1}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_an_error_score_that_wins_is_refused(digits):
    search = ReplicaGridSearch(
        BetaVAE(**FAST),
        {"beta": [1, -1]},
        n_replicas=2,
        error_score=5.0,
        random_state=0,
    )
    with pytest.raises(ValueError, match=r"\{'beta': -1\}, failed to fit"):
        search.fit(digits)


def test_error_score_raise(digits):
    search = ReplicaGridSearch(
        BetaVAE(**FAST),
        {"beta": [1, 1e38]},
        n_replicas=2,
        error_score="raise",
        random_state=0,
    )
    with pytest.raises(ValueError, match="stopped being finite"):
        search.fit(digits)


def test_all_fail(digits):
    search = ReplicaGridSearch(
        BetaVAE(**FAST), {"beta": [1e38]}, n_replicas=2, random_state=0
    )
    with pytest.raises(ValueError, match=r"(?s)All the 2 fits failed.*finite"):
        search.fit(digits)


def test_one_replica_has_nobody_to_agree_with(digits):
    search = ReplicaGridSearch(BetaVAE(**FAST), GRID, n_replicas=1, random_state=0)
    with pytest.raises(ValueError, match="n_replicas=1"):
        search.fit(digits)
    search.set_params(scoring="elbo").fit(digits)


def test_no_candidate(digits):
    with pytest.raises(ValueError, match=r"holds no candidate.*\{\} is the estimator"):
        ReplicaGridSearch(BetaVAE(**FAST), []).fit(digits)


def test_unknown_parameter(digits):
    search = ReplicaGridSearch(BetaVAE(**FAST), {"gamma": [1]})
    with pytest.raises(ValueError, match="Invalid parameter 'gamma'"):
        search.fit(digits)


def test_the_seed_is_not_for_the_grid(digits):
    search = ReplicaGridSearch(BetaVAE(**FAST), {"random_state": [0, 1]})
    with pytest.raises(ValueError, match="n_replicas"):
        search.fit(digits)


@pytest.mark.parametrize("scoring", ["mig", "dci_disentanglement"])
def test_factors_missing(digits, scoring):
    search = ReplicaGridSearch(BetaVAE(**FAST), GRID, scoring=scoring)
    with pytest.raises(ValueError, match=f"scoring='{scoring}'.*as y"):
        search.fit(digits)


def test_unknown_scoring(digits):
    with pytest.raises(ValueError, match=r"Unknown scoring 'migg'.*'udr'.*'mig'"):
        ReplicaGridSearch(BetaVAE(**FAST), GRID, scoring="migg").fit(digits)


def test_only_our_models(digits):
    from sklearn.decomposition import PCA

    with pytest.raises(ValueError, match="'estimator' parameter"):
        ReplicaGridSearch(PCA(), {"n_components": [1]}).fit(digits)


def test_values_outside_the_support(digits):
    search = ReplicaGridSearch(BetaVAE(**FAST, likelihood="bernoulli"), GRID)
    with pytest.raises(ValueError, match=r"(?s)All the 10 fits failed.*divide by 255"):
        search.fit(255 * digits)


class Stopper:
    """Raises Ctrl-C, or asks to stop, after some epochs."""

    def __init__(self, after, interrupt):
        self.after = after
        self.interrupt = interrupt
        self.epochs = 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.epochs += context.task_name == "epoch"
        if self.epochs == self.after and self.interrupt:
            raise KeyboardInterrupt
        return self.epochs == self.after


def test_ctrl_c_in_mid_stack(digits):
    stopper = Stopper(after=2, interrupt=True)
    search = ReplicaGridSearch(BetaVAE(**FAST), GRID, random_state=0).set_callbacks(
        stopper
    )
    with pytest.raises(KeyboardInterrupt):
        search.fit(digits)
    assert stopper.epochs == 2


def test_a_signal_in_mid_stack(digits, press_ctrl_c):
    search = ReplicaGridSearch(BetaVAE(**{**FAST, "max_iter": 100_000}), GRID)
    press_ctrl_c(2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(digits)


def test_a_callback_that_asks_to_stop_stops(digits):
    stopper = Stopper(after=2, interrupt=False)
    search = ReplicaGridSearch(BetaVAE(**FAST), GRID, random_state=0).set_callbacks(
        stopper
    )
    assert search.fit(digits).best_estimator_.n_iter_ == 2


def test_progress_bar(digits, capsys):
    ReplicaGridSearch(BetaVAE(**FAST), GRID, random_state=0).set_callbacks(
        ProgressBar()
    ).fit(digits)
    printed = capsys.readouterr().out
    assert "ReplicaGridSearch - fit" in printed
    assert "stack" in printed
    assert "100%" in printed


# At home


def test_in_a_pipeline(digits):
    search = ReplicaGridSearch(BetaVAE(**FAST), GRID, n_replicas=2, random_state=0)
    pipeline = make_pipeline(MinMaxScaler(), search).fit(digits)
    assert pipeline.transform(digits).shape == (400, 4)
    assert pipeline.inverse_transform(pipeline.transform(digits)).shape == digits.shape


def test_pickle(search, digits):
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.transform(digits), search.transform(digits))
    assert again.best_score_ == search.best_score_


def test_clone_and_html(search):
    assert clone(search).get_params().keys() == search.get_params().keys()
    html = estimator_html_repr(search)
    assert "ReplicaGridSearch" in html
    assert "BetaVAE" in html


def test_workers_give_the_same_scores(search, digits):
    spread = clone(search).set_params(n_jobs=2).fit(digits)
    np.testing.assert_array_equal(
        spread.cv_results_["mean_score"], search.cv_results_["mean_score"]
    )


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.filterwarnings("ignore:One or more of the scores are non-finite")
def test_failures_come_home_from_workers(digits, n_jobs):
    vae = BetaVAE(**FAST, net_params={"callbacks": []})  # one by one
    search = ReplicaGridSearch(
        vae, {"beta": [0.5, 1e38]}, n_replicas=2, random_state=0, n_jobs=n_jobs
    )
    with pytest.warns(FitFailedWarning, match="2 fits failed"):
        search.fit(digits)
    assert search.best_params_ == {"beta": 0.5}


def test_global_state_stays(digits, global_random_states):
    before = global_random_states()
    ReplicaGridSearch(BetaVAE(**FAST), GRID, n_replicas=2, random_state=0).fit(digits)
    assert global_random_states() == before


def test_verbose(digits, capsys):
    ReplicaGridSearch(
        BetaVAE(**FAST), GRID, n_replicas=2, verbose=1, random_state=0
    ).fit(digits)
    assert "2 replicas of each of 2 candidates, 4 fits in 1 stacks" in (
        capsys.readouterr().out
    )
