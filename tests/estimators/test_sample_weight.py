"""Weights of rows: whole ones are repeated rows, and one of weight 0 is not there."""

import warnings

import numpy as np
import pytest
import sklearn
import torch
from scipy.linalg import subspace_angles
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data

from sk_bvae import BetaVAE, FactorVAE
from sk_bvae.callbacks import Checkpoint, SearchCheckpoint
from sk_bvae.estimators import BaseVAE, _factor_vae, with_parameters
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.nn import Batch, Losses
from sk_bvae.training import rows as rows_module

SMALL = {
    "n_components": 3,
    "hidden_layer_sizes": (8,),
    "max_iter": 3,
    "init": "random",
    "early_stopping": False,
}
STILL = {"learning_rate_init": 1e-12}  # what is learned stays where it is
# a few epochs wake none of CapacityVAE's
pytestmark = pytest.mark.filterwarnings("ignore:No latent of this")

AFFINE = {
    "n_components": 3,
    "hidden_layer_sizes": (),
    "init": "pca",
    "early_stopping": False,
    "beta": 1.0,
}


@pytest.fixture(scope="module")
def X():
    return scale(load_wine().data)[::2].astype(np.float32)


@pytest.fixture(autouse=True)
def small_discriminator(monkeypatch):
    """The paper's has six layers of 1,000 units, which are tested elsewhere."""

    def build(n_components):
        return torch.nn.Sequential(
            torch.nn.Linear(n_components, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1)
        )

    monkeypatch.setattr(_factor_vae, "build_discriminator", build)


@pytest.fixture
def counts(X, rng):
    return rng.integers(0, 5, size=len(X))


@pytest.fixture
def weight(X, rng):
    return rng.exponential(size=len(X))


def small(Estimator, **params):
    params = {**SMALL, "random_state": 0, **params}
    known = Estimator().get_params()  # not every model has a start to choose
    return Estimator(**{name: params[name] for name in params if name in known})


def repeated(X, counts):
    return np.repeat(X, counts, axis=0)


def assert_close(ours, theirs, X, atol):
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), atol=atol)
    np.testing.assert_allclose(ours.kl_, theirs.kl_, atol=atol)


def assert_same(ours, theirs, X):
    np.testing.assert_array_equal(ours.transform(X), theirs.transform(X))
    nats = ours.nats
    np.testing.assert_array_equal(getattr(ours, nats), getattr(theirs, nats))
    assert ours.history_.keys() == theirs.history_.keys()
    for name, curve in ours.history_.items():
        np.testing.assert_array_equal(curve, theirs.history_[name], err_msg=name)


def kl_of(vae, X):
    mean, std = (each.astype(np.float64) for each in vae.posterior(X))
    return 0.5 * (mean**2 + std**2 - 1 - 2 * np.log(std))


# Whole weights are repeated rows


@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_in_the_affine_model(X, counts, beta):
    vae = BetaVAE(**{**AFFINE, "beta": beta}, random_state=0)
    ours = clone(vae).fit(X, sample_weight=counts)
    theirs = clone(vae).fit(repeated(X, counts))
    assert_close(ours, theirs, X, atol=1e-6)
    assert ours.noise_variance_ == pytest.approx(theirs.noise_variance_, rel=1e-6)
    assert ours.score(X, sample_weight=counts) == pytest.approx(
        theirs.score(repeated(X, counts)), rel=1e-6
    )


def test_in_the_affine_model_scikit_learn_agrees():
    """To seven digits, where no noise comes in between."""
    check_sample_weight_equivalence_on_dense_data("BetaVAE", BetaVAE(**AFFINE))


@pytest.mark.parametrize(
    ("solver", "init"),
    # Adam makes steps of the rounding of gradients that are 0, as at PCA's optimum
    [("adam", "random"), (torch.optim.SGD, "random"), (torch.optim.SGD, "pca")],
    ids=["adam", "SGD", "SGD from pca"],
)
def test_in_training_but_for_the_noise(AnyVAE, X, counts, solver, init, monkeypatch):
    """Rows that are there twice have noise of their own; so there is none here.

    The rows that FactorVAE shuffles are drawn, once for each that there is; so what its
    discriminator says has no price here.
    """

    def without_noise(*args):
        order, noise = draw_pass(*args)
        return order, torch.zeros_like(noise)

    draw_pass = rows_module.draw_pass
    monkeypatch.setattr(rows_module, "draw_pass", without_noise)
    params = {"solver": solver, "init": init, "activation": "tanh", "max_iter": 10}
    if AnyVAE is FactorVAE:
        params["gamma"] = 0.0
    vae = small(AnyVAE, batch_size=10_000, **params)
    if solver is torch.optim.SGD:
        vae.set_params(learning_rate_init=1e-5)
    ours = clone(vae).fit(X, sample_weight=counts)
    theirs = clone(vae).fit(repeated(X, counts))
    assert_close(ours, theirs, X, atol=1e-5)
    for name in theirs.history_.keys() - {"correlation", "discriminator_loss"}:
        np.testing.assert_allclose(
            ours.history_[name], theirs.history_[name], rtol=1e-5, atol=1e-5
        )


def test_in_every_loss_and_its_gradient(AnyVAE, rng):
    """With the same noise for a row and its repetitions, in float64."""
    counts = torch.tensor([1, 3, 2, 1, 4])
    n_rows, n_views = 20, AnyVAE.n_views
    estimator = small(AnyVAE)
    torch.manual_seed(0)
    players = torch.nn.ModuleDict(estimator._make_players(4)).double()
    x = torch.from_numpy(rng.normal(size=(n_views, 5, 4)))
    noise = torch.from_numpy(rng.normal(size=(n_views, 5, 3)))

    def losses_of(repeats, n_rows, sample_weight=None):
        batch = Batch(
            x.repeat_interleave(repeats, dim=1),
            noise.repeat_interleave(repeats, dim=1),
            n_rows,
            sample_weight,
        )
        return estimator.objective(players, batch, **estimator._weights())

    one = torch.ones_like(counts)
    # a minibatch, and the whole; only of the whole BetaTCVAE knows all rows
    whole = counts.double() / counts.double().mean()
    theirs, ours = losses_of(counts, 11), losses_of(one, 5, whole)
    if AnyVAE.__name__ != "BetaTCVAE":
        theirs, ours = losses_of(counts, n_rows), losses_of(one, n_rows, whole * 1.3)
    learned = list(players["vae"].parameters())
    gradients = [
        torch.autograd.grad(losses.players["vae"], learned, allow_unused=True)
        for losses in (ours, theirs)
    ]
    torch.testing.assert_close(ours.players["vae"], theirs.players["vae"])
    for mine, other in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, other)


def test_the_discriminator_weighs_the_rows_that_are_not_shuffled(rng):
    """Those that are shuffled are drawn in proportion."""
    players = torch.nn.ModuleDict(small(FactorVAE)._make_players(4))
    x, noise = torch.rand(2, 5, 4), torch.randn(2, 5, 3)
    weight = torch.tensor([1.0, 3.0, 0.5, 0.25, 0.25])
    plain, weighed = (
        FactorVAE.objective(players, Batch(x, noise, 5, each), gamma=1.0)
        for each in (None, weight)
    )
    odds = plain.report["correlation"]
    joint = torch.nn.functional.softplus(-odds)
    difference = (weight * joint).mean() - joint.mean()
    torch.testing.assert_close(
        weighed.players["discriminator"] - plain.players["discriminator"],
        0.5 * difference,
    )


# A row of weight 0 is not there, and weights that are all equal are as none

FITS = [{}, {"init": "pca"}, {"early_stopping": True}, {"batch_size": 7}]


@pytest.mark.parametrize("params", FITS, ids=str)
def test_a_row_of_weight_0_is_not_there(AnyVAE, X, counts, params):
    vae = small(AnyVAE, **params)
    X = X + np.where(counts, 0, 1e5).astype(np.float32)[:, None]
    ours = clone(vae).fit(X, sample_weight=0.3 * (counts > 0))
    assert_same(ours, clone(vae).fit(X[counts > 0]), X)


@pytest.mark.parametrize("params", FITS, ids=str)
def test_equal_weights_are_as_none(AnyVAE, X, params):
    vae = small(AnyVAE, **params)
    for equal in (0.1, 3):
        ours = clone(vae).fit(X, sample_weight=np.full(len(X), equal))
        assert_same(ours, clone(vae).fit(X), X)


def test_a_row_of_weight_0_may_be_impossible(digits):
    X = digits[:50] + np.eye(50)[0][:, None].astype(np.float32)
    vae = small(BetaVAE, likelihood="bernoulli")
    with pytest.raises(ValueError, match="between 0 and 1"):
        clone(vae).fit(X)
    assert_same(vae.fit(X, sample_weight=1 - np.eye(50)[0]), clone(vae).fit(X[1:]), X)


def test_only_ratios_count(X, weight):
    vae = small(BetaVAE, init="pca")
    for factor in (1e-300, 4.0, 1e10):
        ours = clone(vae).fit(X, sample_weight=factor * weight)
        assert_close(ours, clone(vae).fit(X, sample_weight=weight), X, atol=1e-6)
    # whose sum is infinite
    huge = small(BetaVAE).fit(X, sample_weight=1e307 * weight)
    assert_close(huge, small(BetaVAE).fit(X, sample_weight=weight), X, atol=1e-6)


def test_a_row_of_next_to_no_weight_is_not_there(Estimator, X, counts):
    vae = small(Estimator, batch_size=8)
    ours = clone(vae).fit(X, sample_weight=np.where(counts, 1.0, 1e-60))
    assert_same(ours, vae.fit(X[counts > 0]), X)


def test_one_row_may_outweigh_all_others(Estimator, X):
    weight = np.where(np.arange(len(X)) == 3, 1e7, 1.0)
    vae = small(Estimator, batch_size=8).fit(X, sample_weight=weight)
    assert all(np.isfinite(curve).all() for curve in vae.history_.values())


# What is averaged over rows


def weighted_axes(X, weight, k):
    return np.linalg.eigh(np.cov(X.T, aweights=weight))[1][:, ::-1][:, :k]


def decoded_axes(vae):
    origin, *ends = vae.inverse_transform(np.eye(vae.n_components + 1)[:, 1:])
    return (np.array(ends) - origin).astype(np.float64).T


def degrees(vae, X, weight):
    axes = weighted_axes(X, weight, vae.n_components)
    return np.degrees(subspace_angles(decoded_axes(vae), axes).max())


def test_the_affine_model_spans_the_weighted_covariance(X, weight):
    vae = BetaVAE(**AFFINE, random_state=0)
    assert degrees(clone(vae).fit(X), X, weight) > 2
    vae.fit(X, sample_weight=weight)
    assert degrees(vae, X, weight) < 0.1
    left = np.linalg.eigvalsh(np.cov(X.T, aweights=weight, ddof=0))[:-3].mean()
    unbiased = len(X) / (len(X) - 1)
    assert vae.noise_variance_ == pytest.approx(left * unbiased, rel=1e-4)


def test_training_finds_the_weighted_covariance(rng):
    """In batches, of which some hold a row that counts a hundred times another."""
    n = 500
    scales = np.where(np.arange(n)[:, None] % 10, [1, 1, 4, 3], [4, 3, 1, 1])
    X = scales * rng.normal(size=(n, 4)) @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    weight = np.where(np.arange(n) % 10, 0.01, 1.0)
    params = {**AFFINE, "n_components": 2, "init": "random", "noise_variance": 1.0}
    vae = BetaVAE(**params, random_state=0, batch_size=100)
    vae.set_params(max_iter=60, learning_rate_init=2e-2).fit(X, sample_weight=weight)
    vae.set_params(warm_start=True, learning_rate_init=1e-3).fit(X, None, weight)
    assert degrees(vae, X, weight) < 0.5
    assert degrees(vae, X, np.ones(n)) > 45


def test_kl_and_history_are_weighted_means(AnyVAE, X, weight):
    vae = small(AnyVAE, max_iter=1, batch_size=16, **STILL)
    vae.fit(X, sample_weight=weight)
    expected = np.average(kl_of(vae, X), axis=0, weights=weight)
    assert not np.allclose(expected, kl_of(vae, X).mean(axis=0), rtol=1e-3)
    np.testing.assert_allclose(vae.kl_, expected, rtol=1e-4)
    np.testing.assert_allclose(vae.history_["kl"][-1], expected, rtol=1e-4)
    assert (np.diff(vae.kl_) <= 0).all()


def test_the_order_of_the_latents_is_that_of_the_weighted_kl(X):
    """The axis along which only the heavy rows differ comes first."""
    rng = np.random.default_rng(0)
    heavy, light = rng.normal(size=(20, 2)) * (3, 0.1), rng.normal(size=(200, 2))
    X = np.concatenate([heavy, light * (0.1, 3)]).astype(np.float32)
    firsts = []
    for weight in (None, np.repeat([100.0, 1.0], [20, 200])):
        vae = BetaVAE(**{**AFFINE, "n_components": 1}, random_state=0)
        axes = decoded_axes(vae.fit(X, sample_weight=weight))
        firsts.append(np.abs(axes[:, 0]).argmax())
    assert firsts == [1, 0]


def test_batches_count_as_much_as_their_rows(X, weight):
    """The mean of the batches' losses, and so of their gradients, is the whole's."""
    losses = [
        small(BetaVAE, max_iter=1, batch_size=size, **STILL)
        .fit(X, sample_weight=weight)
        .history_
        for size in (1, 16, 10_000)
    ]
    for each in losses[:2]:
        np.testing.assert_allclose(each["kl"], losses[2]["kl"], rtol=1e-5)
        total = each["reconstruction"] + 4 * each["kl"].sum(axis=1)
        np.testing.assert_allclose(each["loss"], total, rtol=1e-5)


def test_held_out_rows_count_by_their_weights(X, weight):
    vae = small(BetaVAE, early_stopping=True, validation_fraction=0.3, **STILL)
    vae.fit(X, sample_weight=weight)
    generator = torch.Generator().manual_seed(vae.net_.recipe_["seeds"]["training"])
    order = torch.randperm(len(X), generator=generator).numpy()
    held_out, kept = np.split(order, [round(0.3 * len(X))])
    for name, rows in (("validation_kl", held_out), ("kl", kept)):
        expected = np.average(kl_of(vae, X[rows]), axis=0, weights=weight[rows])
        np.testing.assert_allclose(vae.history_[name][0], expected, rtol=1e-4)


def test_score_is_a_weighted_mean(X, weight, counts):
    vae = small(BetaVAE).fit(X)
    bounds = vae.score_samples(X)
    expected = np.average(bounds, weights=weight)
    assert vae.score(X, sample_weight=weight) == pytest.approx(expected, rel=1e-6)
    assert vae.score(X, None, 0.0 + counts) == pytest.approx(
        vae.score(repeated(X, counts)), rel=1e-6
    )
    X = np.concatenate([X, np.full_like(X[:1], 1e30)])  # whose density is 0
    assert vae.score(X) == -np.inf
    assert vae.score(X, sample_weight=[*weight, 0.0]) == pytest.approx(expected)


@pytest.mark.parametrize("shift", [0.0, 1e9])
def test_far_columns(X, weight, shift):
    vae = small(BetaVAE, init="pca").fit(X.astype(np.float64) + shift, None, weight)
    near = small(BetaVAE, init="pca").fit(X, sample_weight=weight)
    np.testing.assert_allclose(
        vae.inverse_transform(np.zeros((1, 3))) - shift,
        near.inverse_transform(np.zeros((1, 3))),
        atol=1e-3,
    )


def test_wide_tables(rng):
    """Whose principal axes are found by a sample of rows."""
    heavy, light = rng.normal(size=(2, 2, 1500))
    X = rng.normal(size=(300, 2)) * (3, 2) @ light
    X[::3] = rng.normal(size=(100, 2)) * (3, 2) @ heavy
    X = (X + rng.normal(size=X.shape)).astype(np.float32)
    weight = np.where(np.arange(300) % 3, 1e-3, 1.0)
    vae = BetaVAE(**{**AFFINE, "n_components": 2}, random_state=0, max_iter=1, **STILL)
    assert degrees(vae.fit(X, sample_weight=weight), X, weight) < 0.5


# Calls that go on


def test_partial_fit_takes_weights(Estimator, X, counts):
    ours, theirs, plain = (small(Estimator, batch_size=16) for _ in range(3))
    for _ in range(2):
        ours.partial_fit(X, sample_weight=counts > 0)
        theirs.partial_fit(X[counts > 0])
        plain.partial_fit(X)
    assert_same(ours, theirs, X)
    before = ours.transform(X)
    ours.partial_fit(X, sample_weight=counts)
    theirs.partial_fit(X[counts > 0])
    assert np.abs(ours.transform(X) - theirs.transform(X)).max() > 1e-5
    assert np.abs(ours.transform(X) - before).max() > 1e-5
    assert np.abs(plain.transform(X) - before).max() > 1e-5


class Interrupted(Checkpoint):
    """Presses Ctrl-C after the first epoch."""

    def on_fit_task_end(self, estimator, context):
        super().on_fit_task_end(estimator, context)
        raise KeyboardInterrupt


def test_a_checkpoint_goes_on_with_the_same_weights(X, weight, tmp_path):
    whole = small(BetaVAE).fit(X, sample_weight=weight)
    path = tmp_path / "vae.joblib"
    with pytest.raises(KeyboardInterrupt):
        small(BetaVAE).set_callbacks(Interrupted(path)).fit(X, sample_weight=weight)
    resumed = small(BetaVAE).set_callbacks(Checkpoint(path))
    for other in (None, weight[::-1]):
        with pytest.raises(ValueError, match="differs in sample_weight:"):
            resumed.fit(X, sample_weight=other)
    assert_same(resumed.fit(X, sample_weight=weight), whole, X)


def test_monitors_score_by_the_weights(X, weight):
    monitor = ScoringMonitor(
        scoring=lambda vae, X, y, sample_weight=None: {
            "elbo": vae.score(X, y, sample_weight)
        }
    )
    vae = small(BetaVAE).set_callbacks(monitor).fit(X, sample_weight=weight)
    scores = [row["elbo"] for row in monitor.get_logs().data]
    assert len(set(scores)) == SMALL["max_iter"]
    assert scores[-1] == vae.score(X, sample_weight=weight)


# Searches


@pytest.mark.parametrize("early_stopping", [False, True])
def test_stacks_are_lone_fits(AnyVAE, X, weight, early_stopping):
    vae = small(AnyVAE, batch_size=40, early_stopping=early_stopping)
    search = ReplicaGridSearch(
        vae, {}, n_replicas=2, random_state=0, return_estimators=True
    ).fit(X, sample_weight=weight)
    for seed, stacked in zip(search.replica_seeds_, search.estimators_[0], strict=True):
        lone = clone(vae).set_params(random_state=int(seed))
        lone.fit(X, sample_weight=weight)
        assert_close(stacked, lone, X, atol=1e-3)
        for name, curve in lone.history_.items():
            np.testing.assert_allclose(
                stacked.history_[name], curve, rtol=1e-3, atol=1e-3, err_msg=name
            )


@pytest.mark.parametrize("scoring", ["udr", "elbo"])
def test_a_search_without_the_rows_of_weight_0(X, counts, scoring):
    def searched(X, **weight):
        params = {"n_replicas": 2, "scoring": scoring, "random_state": 0}
        return ReplicaGridSearch(small(BetaVAE), {}, **params).fit(X, **weight)

    ours, theirs = searched(X, sample_weight=counts > 0), searched(X[counts > 0])
    assert_same(ours.best_estimator_, theirs.best_estimator_, X)
    for name in ("mean_score", "mean_kl", "mean_reconstruction"):
        np.testing.assert_array_equal(ours.cv_results_[name], theirs.cv_results_[name])


def test_a_search_judges_by_the_weights(X, weight):
    """Of replicas that do not move; of rows of which some count more."""
    vae = small(BetaVAE, **STILL)
    params = {"n_replicas": 2, "scoring": "elbo", "validation_fraction": 0.5}
    search = ReplicaGridSearch(vae, {}, **params, random_state=0)
    search.fit(X, sample_weight=weight)
    best = search.best_estimator_
    expected = best.kl_.sum()
    found = search.cv_results_[f"replica{search.best_replica_}_kl"][0]
    assert found == pytest.approx(expected, rel=1e-4)
    assert search.score(X, sample_weight=weight) == best.score(X, None, weight)
    # weights that leave few rows to speak of: the least likely, or the likeliest
    order = np.argsort(best.score_samples(X, n_draws=1))
    heavy = np.full(len(X), 1e-6)
    heavy[order[:30]] = 1.0
    low = search.fit(X, sample_weight=heavy).best_score_
    heavy = np.full(len(X), 1e-6)
    heavy[order[-30:]] = 1.0
    assert low < search.fit(X, sample_weight=heavy).best_score_


def test_a_search_checkpoint_tells_weights_apart(X, weight, tmp_path):
    def searched(weight):
        search = ReplicaGridSearch(small(BetaVAE), {}, n_replicas=2, random_state=0)
        search.set_callbacks(SearchCheckpoint(tmp_path))
        return search.fit(X, sample_weight=weight).best_estimator_

    first = searched(weight)
    assert_same(searched(weight), first, X)
    assert len(list(tmp_path.iterdir())) == 1
    searched(weight[::-1])
    searched(None)
    assert len(list(tmp_path.iterdir())) == 3


def test_through_a_pipeline(X, counts):
    pipeline = make_pipeline(StandardScaler(), small(BetaVAE))
    pipeline.fit(X, betavae__sample_weight=counts > 0)
    scaled = StandardScaler().fit_transform(X)
    expected = small(BetaVAE).fit(scaled[counts > 0]).transform(scaled)
    np.testing.assert_array_equal(pipeline.transform(X), expected)


def test_metadata_routing(X, weight):
    """A Pipeline in a search: each step takes, in fit and score, what it asks for."""
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        vae = small(BetaVAE).set_fit_request(sample_weight=True)
        vae.set_partial_fit_request(sample_weight=True)
        pipeline = make_pipeline(scaler, vae.set_score_request(sample_weight=True))
        search = GridSearchCV(pipeline, {"betavae__beta": [1.0, 4.0]}, cv=KFold(2))
        search.fit(X, sample_weight=weight)
        for number, (train, test) in enumerate(KFold(2).split(X)):
            scaler = StandardScaler().fit(X[train], sample_weight=weight[train])
            lone = small(BetaVAE, beta=1.0)
            lone.fit(scaler.transform(X[train]), sample_weight=weight[train])
            score = lone.score(scaler.transform(X[test]), sample_weight=weight[test])
            assert search.cv_results_[f"split{number}_test_score"][0] == score
        replicas = ReplicaGridSearch(vae, {}, n_replicas=2, random_state=0)
        replicas.set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(scaler, replicas).fit(X, sample_weight=weight)
        assert np.isfinite(pipeline.transform(X)).all()


# What is refused


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda weight: -weight, "Negative values in data passed to `sample_weight`"),
        (lambda weight: 0 * weight, "at least one non-zero"),
        (lambda weight: np.where(weight > 1, np.nan, 1), "sample_weight contains NaN"),
        (lambda weight: weight[1:], r"sample_weight.shape == \(88,\)"),
        (lambda weight: weight[:, None], "must be 1D"),
    ],
    ids=["negative", "all 0", "NaN", "too few", "2-D"],
)
def test_bad_weights(X, weight, spoil, message):
    fitted = small(BetaVAE).fit(X)
    search = ReplicaGridSearch(small(BetaVAE), {}, n_replicas=2)
    for method in (small(BetaVAE).fit, fitted.partial_fit, fitted.score, search.fit):
        with pytest.raises(ValueError, match=message):
            method(X, sample_weight=spoil(weight))
    assert fitted.n_iter_ == SMALL["max_iter"]


def plain_elbo(players, batch):
    terms = players["vae"](batch.x[0], batch.noise[0])
    loss = (terms.nll + terms.kl.sum(dim=-1)).mean()
    return Losses({"vae": loss}, {"reconstruction": terms.nll, "kl": terms.kl})


@with_parameters
class PlainVAE(BaseVAE):
    """One whose objective knows nothing of weights."""

    objective = staticmethod(plain_elbo)


def test_an_objective_that_takes_no_notice_is_refused(X, weight):
    message = (
        "sample_weight would have no effect: the objective of PlainVAE averages the "
        r"loss of vae over .* all counted alike\. Take batch\.mean\(values\) where it t"
    )
    vae = small(PlainVAE)
    with pytest.raises(ValueError, match=message):
        vae.fit(X, sample_weight=weight)
    vae.fit(X, sample_weight=np.arange(len(X)) % 2)  # rows that count count alike
    before = vae.transform(X)
    with pytest.raises(ValueError, match=message):
        vae.partial_fit(X, sample_weight=weight)
    np.testing.assert_array_equal(vae.transform(X), before)
    search = ReplicaGridSearch(vae, {}, n_replicas=2, error_score="raise")
    with pytest.raises(ValueError, match=message):
        search.fit(X, sample_weight=weight)


def test_every_loss_has_to_take_notice(X, weight):
    def half(players, batch):
        losses = BetaVAE.objective(players, batch, beta=1.0)
        spy = players["spy"](players["vae"](batch.x[0], batch.noise[0]).z).mean()
        return Losses({**losses.players, "spy": spy}, losses.report)

    @with_parameters
    class SpiedVAE(BaseVAE):
        objective = staticmethod(half)

        def _make_players(self, n_features):
            spy = torch.nn.Linear(self.n_components, 1)
            return {**super()._make_players(n_features), "spy": spy}

    with pytest.raises(ValueError, match="averages the loss of spy over"):
        small(SpiedVAE).fit(X, sample_weight=weight)


def test_looking_whether_it_does_leaves_no_trace(X, weight):
    """Layers that count what they see have seen the training alone."""

    def network(n_features, n_components):
        encoder = torch.nn.Sequential(
            torch.nn.BatchNorm1d(n_features),
            torch.nn.Linear(n_features, 2 * n_components),
        )
        return encoder, torch.nn.Linear(n_components, n_features)

    vae = small(BetaVAE, network=network, batch_size=30).fit(X, sample_weight=weight)
    seen = vae.net_.module_["vae"].encoder[0].num_batches_tracked
    assert seen == vae.n_iter_ * 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(vae.transform(X)).all()
