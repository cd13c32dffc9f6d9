"""How a search judges."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import UndefinedMetricWarning

from sk_bvae import BetaVAE
from sk_bvae.metrics import make_disentanglement_scorer
from sk_bvae.model_selection import ReplicaGridSearch, _judge
from sk_bvae.model_selection._judge import udr
from sk_bvae.training.rows import Rows
from sk_bvae.utils._random import draw_seeds

FAST = {
    "n_components": 3,
    "hidden_layer_sizes": (16,),
    "max_iter": 4,
    "init": "random",
    "early_stopping": False,
}
CPU = torch.device("cpu")


def make_search(scoring="udr", grid=None, **params):
    params = {"n_replicas": 2, "random_state": 0, **params}
    return ReplicaGridSearch(BetaVAE(**FAST), grid or {}, scoring=scoring, **params)


def test_rate_and_distortion_make_the_loss(digits):
    still = {"learning_rate_init": 1e-9}
    vae = BetaVAE(**FAST, **still, beta=2.0, random_state=0).fit(digits)
    kl, reconstruction = vae._rate_and_distortion(digits)
    assert kl == pytest.approx(vae.kl_.sum(), rel=1e-4)
    # other noise, same weights
    assert reconstruction == pytest.approx(vae.history_["reconstruction"][-1], rel=0.01)
    assert (kl, reconstruction) == tuple(vae._rate_and_distortion(digits))


def test_udr_of_fewer_than_two(digits):
    vae, rows = BetaVAE(**FAST, random_state=0).fit(digits), Rows(digits, CPU)
    with pytest.warns(UndefinedMetricWarning, match="fewer than two"):
        assert np.isnan(udr([vae], rows)).all()
    with pytest.warns(UndefinedMetricWarning, match="fewer than two"):
        assert udr([], rows).shape == (0,)


def test_elbo_of_rows_that_no_replica_saw(digits):
    search = make_search("elbo", validation_fraction=0.25, return_estimators=True)
    search.fit(digits[:200])
    for column, replica in enumerate(search.estimators_[0]):
        score = search.cv_results_[f"replica{column}_score"][0]
        elbos = replica.score_samples(digits[:200], n_draws=1)
        assert score != pytest.approx(elbos.mean(), rel=1e-4)
        # 0.25 of the rows: their mean is a mean of 50 of these
        assert np.sort(elbos)[:50].mean() < score < np.sort(elbos)[-50:].mean()


@pytest.mark.parametrize("net_params", [None, {"callbacks": []}])
def test_held_out_rows_are_not_trained_on(digits, net_params):
    """Replicas are lone fits to the others."""
    X = digits[:200]
    search = make_search("elbo", validation_fraction=0.5, return_estimators=True)
    search.set_params(estimator__net_params=net_params).fit(X)
    *_, split_seed = draw_seeds(0, 3)
    judge = _judge.Judge("elbo", X, None, 0.5, split_seed)
    assert len(judge.train) == len(judge.held_out) == 100
    assert set(judge.train.tolist()).isdisjoint(judge.held_out.positions.tolist())
    for replica in search.estimators_[0]:
        lone = BetaVAE(**replica.get_params()).fit(X[judge.train.numpy()])
        np.testing.assert_allclose(
            replica.transform(X), lone.transform(X), rtol=1e-3, atol=1e-4
        )


# Before anything is trained


class Untrainable(BetaVAE):
    """Whoever fits this has not checked what comes first."""

    def _make_players(self, n_features):
        raise AssertionError("trained")


def check_refused(digits, scoring, y, error, match):
    search = make_search(scoring).set_params(estimator=Untrainable(**FAST))
    with pytest.raises(error, match=match):
        search.fit(digits, y)


@pytest.mark.parametrize("scoring", ["mig", make_disentanglement_scorer("sap")])
def test_factors_are_checked_before_the_fits(digits, scoring):
    n_rows = len(digits)
    table = np.arange(2 * n_rows).reshape(-1, 2) % 3
    for y, match in [
        (None, "as y"),
        (table[:, 0], "one column per factor"),
        (table[:-1], "inconsistent numbers of samples"),
        (table + 0.5, "integer factor classes"),
        (table.astype(str).astype(object) + "a", "must hold numbers"),
    ]:
        check_refused(digits, scoring, y, ValueError, match)


def test_factors_may_be_what_the_metric_takes(digits):
    y = np.random.default_rng(0).normal(size=(len(digits), 2))
    check_refused(digits, "mig", y, ValueError, "integer factor classes")
    for scoring in ("irs", make_disentanglement_scorer("sap", continuous_factors=True)):
        check_refused(digits, scoring, y, ValueError, "All the 2 fits failed")


def test_scorers_are_checked_before_the_fits(digits):
    check_refused(
        digits, lambda estimator, X: 0.0, None, TypeError, r"scorer\(estimator, X, y\)"
    )
    y = np.zeros(len(digits) - 1)
    check_refused(digits, lambda e, X, y: 0.0, y, ValueError, "inconsistent numbers")
    check_refused(digits, "accuracy", None, ValueError, "Unknown scoring 'accuracy'")


@pytest.mark.parametrize("scoring", ["udr", "elbo"])
def test_labels_that_nobody_looks_at(digits, scoring):
    search = make_search(scoring)
    with pytest.warns(UserWarning, match=f"y is not used: scoring='{scoring}'"):
        search.fit(digits[:100], np.zeros(100))


# After the fits


def fails_at(beta):
    def score(estimator, X, y):
        if estimator.beta == beta:
            raise RuntimeError("cannot score this")
        return estimator.beta

    return score


@pytest.mark.filterwarnings("ignore:One or more of the scores are non-finite")
def test_a_scorer_that_fails_loses_nothing(digits):
    search = make_search(fails_at(4.0), {"beta": [1.0, 4.0]}, return_estimators=True)
    with pytest.warns(
        UserWarning,
        match=r"(?s)failed for 2 replicas out of .* 4.*cannot score",
    ):
        search.fit(digits[:100])
    assert search.best_params_ == {"beta": 1.0}
    assert np.isnan(search.cv_results_["mean_score"][1])
    assert np.isfinite(search.cv_results_["mean_kl"]).all()
    assert search.estimators_[1][0].transform(digits).shape == (len(digits), 3)


def test_the_score_of_a_scorer_that_fails(digits):
    search = make_search(fails_at(4.0), {"beta": [1.0, 4.0]}, error_score=-7.0)
    with pytest.warns(UserWarning, match=r"A score that is missing is set to -7\.0"):
        search.fit(digits[:100])
    assert search.cv_results_["replica0_score"].tolist() == [1.0, -7.0]


def test_a_scorer_that_fails_may_raise(digits):
    search = make_search(fails_at(4.0), {"beta": [4.0]}, error_score="raise")
    with pytest.raises(RuntimeError, match="cannot score this"):
        search.fit(digits[:100])


@pytest.mark.filterwarnings("ignore:One or more of the scores are non-finite")
@pytest.mark.parametrize("result", [None, "high", np.zeros(2)])
def test_a_score_is_a_number(digits, result):
    search = make_search(lambda estimator, X, y: result)
    with pytest.warns(UserWarning, match=r"(?s)for 2 replicas.*must return a number"):
        search.fit(digits[:100])
    assert search.transform(digits).shape == (len(digits), 3)


@pytest.mark.filterwarnings("ignore:One or more of the scores are non-finite")
def test_udr_that_fails_loses_nothing(digits, monkeypatch):
    def fail(codes, kl):
        raise RuntimeError("no ranking")

    monkeypatch.setattr(_judge, "unsupervised_disentanglement_ranking", fail)
    with pytest.warns(UserWarning, match=r"(?s)for 2 replicas.*no ranking"):
        search = make_search("udr").fit(digits[:100])
    assert search.transform(digits).shape == (len(digits), 3)
