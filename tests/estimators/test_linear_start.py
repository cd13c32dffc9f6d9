"""The start where the affine model ends, and the affine model itself."""

import pickle

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sk_bvae import DIPVAE, BetaVAE, CapacityVAE
from sk_bvae.callbacks import Checkpoint
from sk_bvae.estimators._beta_vae import beta_elbo
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.nn import Gaussian
from sk_bvae.nn._closed_form import Spectrum, linear_optimum
from sk_bvae.training import principal
from sk_bvae.training.principal import principal_axes
from sk_bvae.training.rows import Rows

TABLES = {"digits": load_digits, "breast cancer": load_breast_cancer, "wine": load_wine}
SMALL = {"init": "pca", "hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


def affine(k, **params):
    params = {"beta": 1.0, "init": "pca", "random_state": 0, **params}
    return BetaVAE(k, hidden_layer_sizes=(), **params)


def decoded_axes(vae):
    """The directions in which a decoder moves, as columns."""
    origin, *ends = vae.inverse_transform(np.eye(vae.n_components + 1)[:, 1:])
    return (np.array(ends) - origin).astype(np.float64).T


def spectrum(X, k, noise_variance):
    values = np.linalg.eigvalsh(np.cov(X.T))[::-1]
    return Spectrum(values[:k], values.sum(), X.shape[1], noise_variance)


@pytest.fixture(params=TABLES)
def table(request):
    """A table in its own units, and rows that are held out."""
    return train_test_split(TABLES[request.param]().data, random_state=0)


# The affine model


@pytest.mark.parametrize("k", [2, 5, 10])
def test_the_affine_model_is_pca(table, k):
    X, X_new = table
    vae, pca = affine(k).fit(X), PCA(k).fit(X)
    assert vae.score(X_new) == pytest.approx(pca.score(X_new), rel=1e-4)
    assert vae.noise_variance_ == pytest.approx(pca.noise_variance_, rel=1e-3)
    angles = subspace_angles(decoded_axes(vae), pca.components_.T)
    assert np.degrees(angles.max()) < 0.1
    assert vae.n_iter_ == 1


@pytest.mark.filterwarnings("ignore:No latent of this")  # beta=16, learned noise
@pytest.mark.parametrize("beta", [4.0, 16.0])
@pytest.mark.parametrize("noise_variance", [None, 1.0])
def test_the_affine_model_is_the_closed_form(table, beta, noise_variance):
    X, _ = table
    vae = affine(5, beta=beta, noise_variance=noise_variance).fit(X)
    optimum = linear_optimum(spectrum(X, 5, noise_variance), beta)
    assert vae.n_active_components_ == (optimum.lengths > 0).sum()
    assert vae.noise_variance_ == pytest.approx(optimum.noise_variance, rel=1e-3)
    np.testing.assert_allclose(vae.kl_, optimum.kl, rtol=1e-2, atol=0.01)


def test_no_step_is_taken_but_further_training_is_possible(digits):
    vae = affine(5, early_stopping=True).fit(digits)
    expected = vae.transform(digits)
    assert vae.history_.keys() == {"loss", "reconstruction", "kl"}
    again = affine(5, learning_rate_init=1.0, max_iter=50).fit(digits)
    np.testing.assert_array_equal(again.transform(digits), expected)
    vae.partial_fit(digits)
    assert vae.n_iter_ == 2
    assert np.abs(vae.transform(digits) - expected).max() > 1e-4


def test_a_search_solves_every_candidate(digits):
    grid = {"beta": [1.0, 4.0]}
    search = ReplicaGridSearch(
        affine(4), grid, n_replicas=2, scoring="elbo", random_state=0
    ).fit(digits)
    scores = search.cv_results_["mean_score"]
    assert scores[0] > scores[1]
    assert search.cv_results_["std_score"].max() < 0.5  # of the draws
    assert search.best_estimator_.n_iter_ == 1


def test_an_objective_of_ones_own_is_trained(digits):
    """The closed form is the optimum of BetaVAE's objective, and of no other."""

    class Twice(BetaVAE):
        @staticmethod
        def objective(players, batch, *, beta):
            return beta_elbo(players, batch, beta=2 * beta)

    params = {"hidden_layer_sizes": (), "init": "pca", "random_state": 0}
    assert Twice(2, beta=1, max_iter=3, **params).fit(digits).n_iter_ == 3


@pytest.mark.filterwarnings("ignore:No latent of this")
def test_data_without_a_scale_are_trained_on():
    assert affine(2, max_iter=3).fit(np.ones((5, 3))).n_iter_ == 3


# Networks beside it


def test_a_network_starts_where_the_affine_model_ends(table):
    X, X_new = table
    vae = BetaVAE(5, beta=1, max_iter=1, learning_rate_init=1e-12, random_state=0)
    score = vae.set_params(early_stopping=False).fit(X).score(X_new)
    assert score == pytest.approx(PCA(5).fit(X).score(X_new), rel=1e-4)


def test_training_leaves_the_affine_model_behind(digits):
    start = affine(10).fit(digits[::2]).score(digits[1::2])
    vae = BetaVAE(10, beta=1, init="pca", max_iter=20, random_state=0)
    assert vae.fit(digits[::2]).score(digits[1::2]) > start + 5


@pytest.mark.usefixtures("small_discriminator")
def test_no_other_model_is_worse_off(AnyVAE, digits):
    losses = [
        AnyVAE(5, **{**SMALL, "init": init, "max_iter": 5}).fit(digits[::3]).loss_curve_
        for init in ("pca", "random")
    ]
    assert losses[0][-1] < losses[1][-1]


def test_a_gaussian_likelihood_starts_alike_by_name_and_as_an_object(digits):
    vaes = [BetaVAE(5, likelihood=own, **SMALL) for own in ("gaussian", Gaussian())]
    one, other = (vae.fit(digits[::3]).transform(digits) for vae in vaes)
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("capacity", [2.0, 8.0])
def test_a_capacity_without_a_ramp_is_met_at_the_start(digits, capacity):
    params = {"capacity": capacity, "capacity_ramp": 0.0, "max_iter": 1}
    vae = CapacityVAE(5, init="pca", learning_rate_init=1e-12, random_state=0, **params)
    assert vae.fit(digits).kl_.sum() == pytest.approx(capacity, abs=0.05)


def test_a_capacity_that_grows_starts_without_nats(digits):
    vae = CapacityVAE(5, init="pca", learning_rate_init=1e-12, max_iter=1)
    vae.set_params(capacity=8.0, capacity_ramp=1.0, random_state=0)
    with pytest.warns(UserWarning, match="No latent"):
        assert vae.fit(digits).kl_.sum() == pytest.approx(0, abs=0.05)


def test_a_dead_latent_that_is_worth_its_nats_wakes(rng):
    X = rng.normal(size=(400, 3)) * (2.0, 1.0, 0.01)
    flat = X * (1, 0, 1)
    params = {"beta": 1.0, "noise_variance": 0.05, "init": "pca", "random_state": 0}
    vae = BetaVAE(2, hidden_layer_sizes=(), batch_size=100, **params)
    assert vae.partial_fit(flat).n_active_components_ == 1
    vae.set_params(learning_rate_init=1e-2)
    for _ in range(150):
        vae.partial_fit(X)
    assert vae.n_active_components_ == 2
    assert vae.kl_[1] > 0.8 * 0.5 * np.log(1 / 0.05)


def test_held_out_rows_have_no_say_in_the_start(rng):
    """Else the start would look better than anything that training can find."""
    X = rng.normal(size=(60, 20))
    params = {**SMALL, "beta": 1.0, "early_stopping": True, "learning_rate_init": 1e-12}
    vae = BetaVAE(10, validation_fraction=0.5, **params).fit(X)
    assert vae.history_["validation_loss"][0] > vae.history_["loss"][0] + 5


def test_stacks_start_as_lone_fits_do(digits):
    search = ReplicaGridSearch(
        BetaVAE(3, **SMALL),
        {"beta": [1.0, 4.0], "init": ["pca"]},
        n_replicas=2,
        random_state=0,
        return_estimators=True,
    ).fit(digits)
    for row, beta in zip(search.estimators_, (1.0, 4.0), strict=True):
        for replica, seed in zip(row, search.replica_seeds_, strict=True):
            vae = BetaVAE(3, **{**SMALL, "beta": beta, "random_state": int(seed)})
            ours, theirs = vae.fit(digits).transform(digits), replica.transform(digits)
            np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.filterwarnings("ignore:No latent")
def test_other_networks_and_likelihoods_start_at_random(digits):
    X = np.tile(digits, (1, 4))[:100]
    for params in ({"likelihood": "bernoulli"}, {"network": "higgins_conv"}):
        if "network" in params:
            X = np.zeros((4, 4096), np.float32) + np.linspace(0, 1, 4)[:, None]
        ours, theirs = (
            BetaVAE(2, **{**SMALL, "init": init, **params}).fit(X).loss_curve_
            for init in ("pca", "random")
        )
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.filterwarnings("ignore:No latent")
def test_rows_that_are_left_to_train_on_may_be_alike():
    """One is held out of two; the scale is that of both."""
    X = np.array([[0.1, -0.1], [0.6, 0.1]])
    vae = BetaVAE(2, **SMALL, early_stopping=True).fit(X)
    assert np.isfinite(vae.transform(X)).all()


@pytest.mark.parametrize(
    ("X", "params"),
    [
        (np.ones((5, 3)), {"beta": 0.0}),
        (np.arange(12.0).reshape(4, 3), {}),
        (np.arange(3.0)[None], {}),
        (np.eye(3) * 1e15, {"beta": 0.0}),
        (np.eye(4)[:, :2] * 1e-15, {"n_components": 9}),
    ],
    ids=["constant", "of rank 1", "one row", "huge, beta=0", "more latents"],
)
@pytest.mark.parametrize("layers", [(), (4,)])
def test_odd_data(X, params, layers):
    params = {"n_components": 2, "beta": 0.1, **params}
    vae = BetaVAE(**{**SMALL, **params, "hidden_layer_sizes": layers}).fit(X)
    assert np.isfinite(vae.transform(X)).all()
    assert np.isfinite(vae.score_samples(X)).all()


def test_pickles_and_checkpoints_go_on(digits, tmp_path):
    whole = BetaVAE(3, beta=1.0, **{**SMALL, "max_iter": 4}).fit(digits)
    path = tmp_path / "vae.joblib"
    for _ in range(2):
        vae = BetaVAE(3, beta=1.0, **{**SMALL, "max_iter": 4})
        vae.set_callbacks(Checkpoint(path)).fit(digits)
        loaded = pickle.loads(pickle.dumps(vae))
        np.testing.assert_array_equal(loaded.transform(digits), whole.transform(digits))
    for each in (whole, loaded):
        each.partial_fit(digits)
    np.testing.assert_array_equal(loaded.transform(digits), whole.transform(digits))


# Principal axes


def test_principal_axes_are_those_of_pca(digits, monkeypatch):
    rows, pca = Rows(digits, torch.device("cpu")), PCA(5).fit(digits.astype(float))
    found = [principal_axes(rows, 5, seed=0)]
    monkeypatch.setattr(principal, "WHOLE_COVARIANCE", 10)
    found.append(principal_axes(rows, 5, seed=0))
    for axes in found:
        np.testing.assert_allclose(axes.eigenvalues, pca.explained_variance_, rtol=1e-3)
        assert np.degrees(subspace_angles(axes.axes.T, pca.components_.T).max()) < 0.5
        assert axes.total == pytest.approx(digits.var(axis=0, ddof=1).sum())


def test_wide_data_are_sampled(rng, monkeypatch):
    """Never a dense matrix of columns by columns, nor all rows at once."""
    monkeypatch.setattr(principal, "SAMPLE_NUMBERS", 200 * 3000)
    X = (rng.normal(size=(2000, 2)) * (3, 1)) @ rng.normal(size=(2, 3000))
    X = (X + rng.normal(size=X.shape) / 10).astype(np.float32)
    found = principal_axes(Rows(X, torch.device("cpu")), 2, seed=0)
    angles = subspace_angles(found.axes.T, PCA(2).fit(X).components_.T)
    assert np.degrees(angles.max()) < 2
    vae = DIPVAE(2, **SMALL).fit(X)
    assert np.isfinite(vae.loss_curve_).all()


def test_the_sample_of_wide_data_is_the_seeds(rng, monkeypatch):
    monkeypatch.setattr(principal, "WHOLE_COVARIANCE", 3)
    monkeypatch.setattr(principal, "SAMPLE_NUMBERS", 1)  # two rows for each axis
    rows = Rows(rng.normal(size=(300, 40)), torch.device("cpu"))
    first, again, other = (principal_axes(rows, 3, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.axes, again.axes)
    assert not np.allclose(first.axes, other.axes)
    np.testing.assert_allclose(first.axes @ first.axes.T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(("shape", "n_axes"), [((2, 40), 2), ((30, 3), 3)])
def test_no_more_axes_than_rows_or_columns(rng, shape, n_axes):
    rows = Rows(rng.normal(size=shape), torch.device("cpu"))
    assert len(principal_axes(rows, 5, seed=0).axes) == n_axes


def test_far_columns_and_restricted_rows(rng):
    X = rng.normal(size=(100, 3)) * (1, 2, 3) + (1e6, 0, -1e7)
    rows = Rows(X, torch.device("cpu")).without_far_means().restrict(torch.arange(50))
    found = principal_axes(rows, 3, seed=0)
    expected = np.linalg.svd(X[:50] - X[:50].mean(axis=0))[1] ** 2 / 49
    np.testing.assert_allclose(found.eigenvalues, expected, 1e-6)


def test_where_a_value_is_missing_the_mean_stands_in(rng, monkeypatch):
    X = rng.normal(size=(100, 4)) * (1, 2, 3, 4) + 5
    X[rng.random(X.shape) < 0.3] = np.nan
    filled = np.where(np.isnan(X), np.nanmean(X, axis=0), X)
    found = [principal_axes(Rows(X, torch.device("cpu")), 4, seed=0)]
    monkeypatch.setattr(principal, "WHOLE_COVARIANCE", 3)
    found.append(principal_axes(Rows(X, torch.device("cpu")), 4, seed=0))
    expected = PCA().fit(filled).explained_variance_
    for axes in found:
        np.testing.assert_allclose(axes.eigenvalues, expected)
        assert axes.total == pytest.approx(expected.sum())


def test_gaps_and_weights_together(rng):
    X = rng.normal(size=(100, 3)) * (1, 2, 3) + 5
    X[rng.random(X.shape) < 0.3] = np.nan
    times = rng.integers(0, 3, size=100)
    weighed = Rows(X, torch.device("cpu")).weigh(times.astype(float))
    repeated = Rows(np.repeat(X, times, axis=0), torch.device("cpu"))
    found, expected = (principal_axes(rows, 3, seed=0) for rows in (weighed, repeated))
    ratio = found.eigenvalues / expected.eigenvalues
    np.testing.assert_allclose(ratio, found.total / expected.total, rtol=1e-6)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)


def test_weights_of_dead_latents_are_the_seeds(rng):
    X = rng.normal(size=(100, 6)).astype(np.float32)

    def start(seed):
        return affine(4, beta=50.0, random_state=seed).fit(X).net_.module_["vae"]

    with pytest.warns(UserWarning, match="No latent"):
        first, again, other = (start(seed).encoder[0].weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.isclose(first[:4], other[:4]).any()
