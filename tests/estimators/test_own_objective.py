"""The guide's model of one's own goes wherever the package's models go."""

import pickle

import numpy as np
import pytest
from censored_vae import CensoredVAE  # docs/guide/censored_vae.py, as on the page
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_bvae.inspection import TrainingDisplay
from sk_bvae.model_selection import ReplicaGridSearch

TERMS = {"loss", "spy_loss", "reconstruction", "kl", "leak", "price"}


@pytest.fixture(scope="module")
def patients():
    return StandardScaler().fit_transform(load_diabetes().data)


def small(**params):
    fixed = {"column": 1, "hidden_layer_sizes": (16,), "random_state": 0}
    fixed |= {"init": "random", "early_stopping": False}
    return CensoredVAE(3, **{**fixed, **params})


def test_a_fit_reports_the_terms_by_name(patients):
    vae = small(max_iter=8).fit(patients)
    assert vae.history_.keys() == TERMS
    assert all(len(curve) == 8 for curve in vae.history_.values())
    np.testing.assert_allclose(
        vae.history_["price"], 10 * np.minimum(np.arange(1, 9) / 2, 1)
    )
    assert list(vae.net_.module_) == ["vae", "spy"]


def test_a_players_optimizer_has_settings_of_its_own(patients):
    def rate(**params):
        net = small(max_iter=1, **params).fit(patients).net_
        return net.spy_optimizer_.param_groups[0]["lr"]

    assert rate() == 1e-2
    assert rate(net_params={"spy_optimizer__lr": 1e-3}) == 1e-3


def test_a_price_closes_the_leak(patients):
    """What the spy, trained to find it, reads of a column that is one of ten."""
    open_, closed = (
        small(hidden_layer_sizes=(128, 128), max_iter=30, price=price)
        .fit(patients)
        .history_["leak"][-1]
        for price in (0, 10)
    )
    assert open_ > 0.4
    assert closed < 0.2


def test_in_a_grid_search_over_a_pipeline(patients):
    pipeline = make_pipeline(StandardScaler(), small(max_iter=2), Ridge())
    grid = {"censoredvae__price": [0, 10], "censoredvae__column": [0, 1]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=1)
    search.fit(patients, load_diabetes().target)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_replicas_are_one_stack_and_what_lone_fits_give(patients, capsys):
    vae = small(max_iter=3)
    search = ReplicaGridSearch(
        vae,
        {"price": [3.0, 10.0]},
        n_replicas=2,
        random_state=0,
        verbose=1,
        return_estimators=True,
    ).fit(patients)
    assert capsys.readouterr().out.endswith("4 fits in 1 stacks\n")
    for price, replicas in zip((3.0, 10.0), search.estimators_, strict=True):
        for seed, stacked in zip(search.replica_seeds_, replicas, strict=True):
            lone = clone(vae).set_params(price=price, random_state=int(seed))
            lone.fit(patients)
            assert stacked.history_.keys() == TERMS
            for name, curve in lone.history_.items():
                np.testing.assert_allclose(
                    stacked.history_[name], curve, rtol=1e-3, atol=1e-4
                )
            np.testing.assert_allclose(
                stacked.transform(patients), lone.transform(patients), atol=1e-2
            )


def test_columns_that_differ_are_stacks_of_their_own(patients, capsys):
    grid = {"column": [0, 1], "price": [0, 10]}
    ReplicaGridSearch(
        small(max_iter=1), grid, n_replicas=2, random_state=0, verbose=1
    ).fit(patients)
    assert capsys.readouterr().out.endswith("8 fits in 2 stacks\n")


def test_pickles_give_the_same_bits_and_go_on_alike(patients):
    vae = small(max_iter=2).fit(patients)
    again = pickle.loads(pickle.dumps(vae))
    np.testing.assert_array_equal(again.transform(patients), vae.transform(patients))
    vae.partial_fit(patients)
    again.partial_fit(patients)
    np.testing.assert_array_equal(again.transform(patients), vae.transform(patients))
    assert again.history_["spy_loss"][-1] == vae.history_["spy_loss"][-1]


def test_the_display_draws_every_term(patients):
    display = TrainingDisplay.from_estimator(small(max_iter=2).fit(patients))
    assert display.lines_.keys() == TERMS


@pytest.mark.filterwarnings("ignore:No latent of this")  # on a handful of bad rows
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_estimator_checks(failed_checks):
    assert failed_checks(CensoredVAE(2, max_iter=3)) == []
