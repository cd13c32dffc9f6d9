"""Fitting and using a model: input, output, and the attributes of a fit."""

import gc
import re
import weakref

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.stats import kstest
from sklearn.decomposition import PCA, FactorAnalysis
from skorch.callbacks import Callback, EarlyStopping, GradientNormClipping

from sk_bvae import BetaVAE, CapacityVAE
from sk_bvae.estimators import _vae
from sk_bvae.nn import Bernoulli, Likelihood, mlp
from sk_bvae.nn._bounds import importance_weighted_bound

FAST = {
    "hidden_layer_sizes": (16,),
    "max_iter": 3,
    "random_state": 0,
    "beta": 1,
    "init": "random",
    "early_stopping": False,
}


def fast(**params):
    return BetaVAE(**{**FAST, **params})


# What a fit leaves behind


def test_attributes_of_a_fit(digits):
    vae = fast(n_components=4).fit(digits)
    assert vae.n_features_in_ == 64
    assert vae.n_iter_ == 3
    assert vae.kl_.shape == (4,)
    assert vae.history_["kl"].shape == (3, 4)
    assert vae.history_.keys() == {"loss", "reconstruction", "kl"}
    assert vae.loss_curve_ is vae.history_["loss"]
    assert vae.n_active_components_ == (vae.kl_ > 0.01).sum()
    assert vae.noise_variance_ > 0
    assert not hasattr(fast(likelihood="bernoulli").fit(digits), "noise_variance_")


@pytest.mark.parametrize("network", ["mlp", "higgins_fc", "burgess_conv", "callable"])
@pytest.mark.filterwarnings("ignore:No latent")
def test_latents_are_ordered_by_kl_for_every_network(digits, network):
    X = np.tile(digits[:150], (1, 4))
    params = {"network": network, "batch_size": 10, "max_iter": 2}
    if network == "callable":
        params["network"] = lambda n_features, n_components: mlp(
            n_features, n_components, hidden_layer_sizes=(9,), activation="tanh"
        )
    vae = fast(n_components=5, **params).fit(X)
    mean, std = vae.posterior(X)
    kl = (0.5 * (mean**2 + std**2 - 1) - np.log(std)).mean(axis=0)
    np.testing.assert_allclose(kl, vae.kl_, rtol=1e-3, atol=1e-6)
    assert (np.diff(vae.kl_) <= 0).all()
    assert not (vae.net_.module_["vae"].order == torch.arange(5)).all()


@pytest.mark.usefixtures("may_waste_nats")
def test_a_latent_knows_what_part_of_its_kl_all_rows_share(AnyVAE, digits):
    vae = AnyVAE(4, max_iter=2, random_state=0, init="random", early_stopping=False)
    shared = np.square(vae.fit_transform(digits).mean(axis=0)) / 2
    np.testing.assert_allclose(vae.kl_shift_, shared, rtol=1e-3, atol=1e-7)
    assert (vae.kl_shift_ <= vae.kl_).all()
    assert vae.net_.module_["vae"].order.tolist() != [0, 1, 2, 3]


def test_the_history_of_each_latent_has_the_same_order(digits):
    vae = fast(max_iter=30).fit(digits)
    np.testing.assert_allclose(vae.history_["kl"][-1], vae.kl_, rtol=0.2, atol=0.05)


def test_validation_terms_are_in_the_history(digits):
    vae = fast(early_stopping=True).fit(digits)
    assert vae.history_["validation_loss"].shape == (3,)
    assert vae.history_["validation_kl"].shape == (3, 10)
    assert vae.history_["validation_reconstruction"].shape == (3,)


def test_early_stopping_stops_and_keeps_the_best_epoch(digits):
    params = {
        "early_stopping": True,
        "n_iter_no_change": 2,
        "learning_rate_init": 0.03,
        "init": "random",
    }
    vae = fast(max_iter=60, **params).fit(digits)
    losses = vae.history_["validation_loss"]
    assert vae.n_iter_ < 60
    assert losses.argmin() == len(losses) - 3
    module = vae.net_.module_["vae"].state_dict()
    best = fast(max_iter=int(losses.argmin()) + 1, **params).fit(digits)
    for name, weights in best.net_.module_["vae"].state_dict().items():
        if name != "order":
            torch.testing.assert_close(weights, module[name])


@pytest.mark.parametrize("init", ["random", "pca"])
def test_the_start_may_be_the_best_epoch(digits, init):
    """Where training only makes it worse, the weights are what they were."""
    params = {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 9}
    params["init"] = init
    vae = fast(learning_rate_init=1.0, **params).fit(digits)
    start = fast(learning_rate_init=1e-12, **params).fit(digits)
    assert vae.n_iter_ == 2
    np.testing.assert_allclose(vae.transform(digits), start.transform(digits), 1e-4)


def test_early_stopping_holds_on_to_no_data(digits):
    X = digits[:100].copy()
    vae = fast(early_stopping=True).fit(X)
    held = weakref.ref(X)
    del X
    gc.collect()
    assert held() is None
    assert vae.n_iter_ > 0


def test_a_validation_set_of_ones_own(digits):
    """It is watched, and X is trained on whole."""
    X, X_val = digits[:300], digits[300:350]
    params = {"early_stopping": True, "max_iter": 4, "init": "random"}
    watched = fast(**params).fit(X, X_val=X_val)
    alone = fast(**{**params, "early_stopping": False}).fit(X)
    np.testing.assert_array_equal(watched.loss_curve_, alone.loss_curve_)
    loss = watched.history_["validation_loss"]
    assert loss.shape == (4,)
    elbo = watched.score_samples(X_val, n_draws=1).mean()  # by other draws
    assert loss[-1] == pytest.approx(-elbo, rel=0.1)


def test_a_validation_set_stops_the_fit(digits):
    """Rows of noise are never explained better than at the start."""
    noise = np.random.default_rng(0).normal(0, 30, size=(50, digits.shape[1]))
    params = {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 30}
    vae = fast(**params).fit(digits, X_val=noise)
    assert vae.n_iter_ < 30


@pytest.mark.parametrize(
    ("params", "X_val", "message"),
    [
        ({"early_stopping": False}, np.zeros((3, 64)), "set early_stopping=True"),
        ({"early_stopping": True}, np.zeros((3, 63)), "63 features"),
        ({"early_stopping": True}, np.full((3, 64), np.inf), "infinity"),
        ({"early_stopping": True}, np.full((3, 64), np.nan), "X has none"),
        (
            {"early_stopping": True, "likelihood": "bernoulli"},
            np.full((3, 64), 2.0),
            "between 0 and 1",
        ),
    ],
)
def test_a_bad_validation_set_is_refused(digits, params, X_val, message):
    with pytest.raises(ValueError, match=message):
        fast(**params).fit(digits / 16, X_val=X_val)


def test_early_stopping_leaves_rows_to_train_on():
    with pytest.raises(ValueError, match="2 of 2 rows, which leaves none to train"):
        fast(early_stopping=True, validation_fraction=0.9).fit(np.eye(2))


@pytest.mark.filterwarnings("ignore:No latent")
def test_a_single_row_is_trained_on_to_the_end():
    vae = fast(early_stopping=True).fit(np.zeros((1, 3)))
    assert vae.n_iter_ == 3
    assert "validation_loss" not in vae.history_


# Methods


def test_transform_is_the_posterior_mean_every_time(digits):
    vae = fast().fit(digits)
    Z = vae.transform(digits)
    np.testing.assert_array_equal(vae.transform(digits), Z)
    mean, std = vae.posterior(digits)
    np.testing.assert_array_equal(mean, Z)
    assert Z.dtype == std.dtype == np.float32
    assert (std > 0).all()
    np.testing.assert_allclose(fast().fit_transform(digits), Z)


def test_blocks_do_not_show(digits):
    vae = fast().fit(digits)
    one_by_one = np.vstack([vae.transform(row[None]) for row in digits[:20]])
    np.testing.assert_allclose(vae.transform(digits)[:20], one_by_one, atol=1e-5)


def test_inverse_transform_is_the_mean_of_the_likelihood(digits):
    vae = fast(max_iter=20).fit(digits * 100 + 7)
    X = vae.inverse_transform(vae.transform(digits * 100 + 7))
    assert X.shape == digits.shape
    explained = 1 - ((X - 7) / 100 - digits).var() / digits.var()
    assert explained > 0.5
    probabilities = fast(likelihood="bernoulli").fit(digits)
    X = probabilities.inverse_transform(probabilities.transform(digits))
    assert X.min() >= 0
    assert X.max() <= 1


def test_inverse_transform_names_a_wrong_width(digits):
    with pytest.raises(ValueError, match="X has 3 columns, but BetaVAE has 10"):
        fast().fit(digits).inverse_transform(np.zeros((2, 3)))


@pytest.mark.filterwarnings("ignore:No latent")
def test_sample_draws_from_the_model(rng):
    X = rng.normal([3, -1], [2, 0.5], size=(3000, 2)) @ np.array([[1, 0.5], [0, 1]])
    vae = BetaVAE(2, beta=1, hidden_layer_sizes=(), random_state=0).fit(X)
    drawn = vae.sample(20_000, random_state=1)
    np.testing.assert_allclose(drawn.mean(axis=0), X.mean(axis=0), atol=0.15)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(X.T), atol=0.25)
    again = vae.sample(20_000, random_state=1)
    np.testing.assert_array_equal(again, drawn)
    assert vae.sample().shape == (1, 2)
    binary = fast(likelihood="bernoulli").fit(X > 0).sample(50, random_state=0)
    assert set(np.unique(binary)) == {0, 1}


@pytest.mark.parametrize("n", [0, -1, 1.5])
def test_numbers_of_draws_are_checked(digits, n):
    vae = fast().fit(digits)
    with pytest.raises((TypeError, ValueError), match="n_samples"):
        vae.sample(n)
    for score in (vae.score_samples, vae.score_features):
        with pytest.raises((TypeError, ValueError), match=r"^n_draws"):
            score(digits, n_draws=n)


def test_scores_are_the_same_at_every_call(digits):
    vae = fast().fit(digits)
    scores = vae.score_samples(digits)
    np.testing.assert_array_equal(vae.score_samples(digits), scores)
    assert vae.score(digits) == pytest.approx(scores.mean())
    some = vae.score_samples(digits[100:120])
    np.testing.assert_allclose(some, scores[100:120], rtol=1e-4)


def test_beta_plays_no_part_in_the_score(digits):
    vae = fast().fit(digits)
    before = vae.score(digits)
    assert vae.set_params(beta=100).score(digits) == before


def test_one_draw_estimates_the_elbo(digits):
    vae = fast(max_iter=20).fit(digits)
    elbo = -vae.history_["reconstruction"][-1] - vae.kl_.sum()
    assert vae.score_samples(digits, n_draws=1).mean() == pytest.approx(elbo, abs=1.0)
    assert vae.score_samples(digits, n_draws=50).mean() > elbo


def test_the_draws_of_a_score_are_from_the_posterior(digits, monkeypatch):
    """Where the bound is tight, draws that are too narrow would go unseen in it."""
    seen = []

    def watch(vae, x, noise):
        seen.append(noise.numpy().ravel())
        return importance_weighted_bound(vae, x, noise)

    monkeypatch.setattr(_vae, "importance_weighted_bound", watch)
    fast().fit(digits[:100]).score_samples(digits[:100], n_draws=100)
    noise = np.concatenate(seen)
    assert noise.std() == pytest.approx(1, abs=0.008)
    assert kstest(noise, "norm").pvalue > 0.01


def test_scores_can_be_laid_beside_scikit_learns(rng):
    X = rng.normal(size=(800, 3)) @ rng.normal(size=(3, 8)) * 5
    X += rng.normal(size=X.shape)
    vae = BetaVAE(
        3, beta=1, hidden_layer_sizes=(), learning_rate_init=1e-2, random_state=0
    ).fit(X)
    assert vae.score(X) == pytest.approx(PCA(3).fit(X).score(X), rel=0.02)
    assert vae.score(X) == pytest.approx(FactorAnalysis(3).fit(X).score(X), rel=0.02)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e4])
def test_units_do_not_matter(digits, factor):
    """Scaling and shifting X moves every density by the same log volume."""
    base, scaled = fast().fit(digits), fast().fit(digits * factor + 3 * factor)
    moved = digits * factor + 3 * factor
    np.testing.assert_allclose(
        scaled.transform(moved), base.transform(digits), atol=2e-3
    )
    expected = base.score(digits) - 64 * np.log(factor)
    assert scaled.score(moved) == pytest.approx(expected, abs=0.5)


def test_feature_names_and_containers(digits):
    frame = pd.DataFrame(digits, columns=[f"pixel{i}" for i in range(64)])
    vae = fast(n_components=2).fit(frame)
    assert list(vae.feature_names_in_) == list(frame.columns)
    assert list(vae.get_feature_names_out()) == ["betavae0", "betavae1"]
    Z = vae.set_output(transform="pandas").transform(frame)
    assert isinstance(Z, pd.DataFrame)
    assert list(Z.columns) == ["betavae0", "betavae1"]
    Z = vae.set_output(transform="polars").transform(frame)
    assert isinstance(Z, pl.DataFrame)
    assert Z.columns == ["betavae0", "betavae1"]
    vae = CapacityVAE(2, max_iter=1, random_state=0).fit(digits)
    names = vae.get_feature_names_out()
    assert list(names) == ["capacityvae0", "capacityvae1"]


# Going on


def test_partial_fit_is_one_epoch_of_fit(digits):
    whole, parts = fast().fit(digits), fast()
    for _ in range(3):
        parts.partial_fit(digits)
    np.testing.assert_array_equal(parts.transform(digits), whole.transform(digits))
    np.testing.assert_array_equal(parts.loss_curve_, whole.loss_curve_)
    assert parts.n_iter_ == 3


def test_fit_starts_afresh_unless_warm(digits):
    cold = fast().fit(digits).fit(digits)
    np.testing.assert_array_equal(cold.loss_curve_, fast().fit(digits).loss_curve_)
    warm = fast(warm_start=True).fit(digits).fit(digits)
    assert warm.n_iter_ == 6
    long = fast(max_iter=6).fit(digits)
    np.testing.assert_array_equal(warm.transform(digits), long.transform(digits))


def test_a_warm_start_cannot_change_the_network(digits):
    vae = fast(warm_start=True).fit(digits)
    with pytest.raises(ValueError, match="n_components, activation cannot change"):
        vae.set_params(n_components=3, activation="tanh").fit(digits)


def test_going_on_with_other_columns_is_refused(digits):
    for vae in (fast(warm_start=True).fit(digits), fast().partial_fit(digits)):
        method = vae.fit if vae.warm_start else vae.partial_fit
        with pytest.raises(ValueError, match="X has 5 features, but BetaVAE is expect"):
            method(digits[:, :5])


# Input


KINDS = {
    "list": lambda X: X.tolist(),
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "float64": lambda X: X.astype(np.float64),
    "Fortran order": np.asfortranarray,
    "int64": lambda X: X.astype(np.int64),
    "uint8": lambda X: X.astype(np.uint8),
    "bool": lambda X: X.astype(bool),
}


@pytest.mark.parametrize("convert", KINDS.values(), ids=KINDS)
def test_every_container_gives_the_same_fit(digits, convert):
    X = np.round(digits)
    expected = fast().fit(X).transform(X)
    data = convert(X)
    np.testing.assert_array_equal(fast().fit(data).transform(data), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_read_only_memory_maps_fit(digits, tmp_path, dtype):
    X = np.round(digits).astype(dtype)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    vae = fast().fit(mapped)
    np.testing.assert_array_equal(vae.transform(mapped), fast().fit(X).transform(X))


def test_data_is_never_written_to(digits):
    X = np.array(digits)
    fast().fit(X).score(X)
    np.testing.assert_array_equal(X, digits)


@pytest.mark.parametrize("shape", [(5, 64), (1, 64), (100, 1), (1, 1)])
@pytest.mark.parametrize("n_components", [1, 3])
@pytest.mark.filterwarnings("ignore:No latent")
def test_small_data_fits(rng, shape, n_components):
    X = rng.normal(size=shape)
    vae = fast(n_components=n_components).fit(X)
    assert vae.transform(X).shape == (shape[0], n_components)
    assert np.isfinite(vae.score_samples(X)).all()


@pytest.mark.parametrize("value", [-np.inf, np.inf])
def test_infinite_values_are_refused(digits, value):
    X = np.array(digits)
    X[3, 5] = value
    with pytest.raises(ValueError, match="infinity"):
        fast().fit(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([[0.0, 255.0]]), "ranges from 0 to 255: .*divide by 255"),
        (np.array([[-1.0, 1.0]]), "ranges from -1 to 1: scale the data"),
        (np.array([[0, 200]], dtype=np.uint8), "divide by 255"),
    ],
)
def test_bernoulli_says_what_it_saw(X, message):
    vae = fast(likelihood="bernoulli")
    with pytest.raises(ValueError, match=message):
        vae.fit(X)
    assert not hasattr(vae, "net_")
    fitted = fast(likelihood="bernoulli").fit(np.array([[0.0, 1.0], [1.0, 0.0]]))
    with pytest.raises(ValueError, match=message):
        fitted.score_samples(X)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"network": "burgess_conv", "image_shape": (8, 9)}, "makes 72 values, but X"),
        ({"network": "burgess_conv"}, "multiples of 16; got 8x8"),
        ({"device": "nonsense"}, 'device="nonsense" is not available here'),
        (
            {"likelihood": "bernoulli", "noise_variance": 1.0},
            "likelihood='gaussian' only",
        ),
        ({"net_params": {"lr": 1}}, "set learning_rate_init of the estimator instead"),
        ({"net_params": {"nonsense": 1}}, r"unexpected argument[(]s[)] nonsense"),
        ({"n_components": 0}, "'n_components' parameter of BetaVAE"),
        ({"beta": -1}, "'beta' parameter of BetaVAE"),
        ({"solver": "sgdd"}, "'solver' parameter of BetaVAE"),
    ],
)
def test_bad_parameters_are_named_before_training(digits, params, message):
    vae = fast(**params)
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        vae.fit(digits)
    assert not hasattr(vae, "net_")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_named(digits):
    with pytest.raises(ValueError, match='device="cuda" is not available here'):
        fast(device="cuda").fit(digits)


# Losses that are not finite


def test_divergence_names_the_epoch_and_the_column(digits):
    frame = pd.DataFrame(digits, columns=[f"pixel{i}" for i in range(64)])
    frame["pixel7"] *= 1e6
    with pytest.raises(ValueError, match=r"epoch 1.*column.*is 7 \('pixel7'\)"):
        fast(beta=1e38, batch_size=500).fit(frame)
    with pytest.raises(ValueError, match=r"scale is 7, with values up to 9\.38e\+05"):
        fast(beta=1e38).fit(frame.to_numpy())


def test_columns_of_very_different_scales_stay_finite(rng):
    X = rng.normal(size=(500, 8)) * np.logspace(-3, 4, 8)
    for Estimator in (BetaVAE, CapacityVAE):
        vae = Estimator(max_iter=20, random_state=0).fit(X)
        assert np.isfinite(vae.loss_curve_).all()
        assert np.isfinite(vae.score(X))


# Parameters that change the parts


class Poisson(Likelihood):
    """Counts; the example of the base class's docstring."""

    def nll_by_feature(self, output, x):
        return output.exp() - x * output + torch.lgamma(x + 1)

    def mean(self, output):
        return output.exp()

    def draw(self, output, generator):
        return torch.poisson(output.exp(), generator=generator)


def test_a_likelihood_of_ones_own(rng):
    rates = np.exp(2 + rng.normal(size=(400, 2)) @ rng.normal(size=(2, 6)) * 0.5)
    X = rng.poisson(rates)
    vae = fast(
        n_components=2, likelihood=Poisson(), learning_rate_init=1e-2, max_iter=50
    ).fit(X)
    means = vae.inverse_transform(vae.transform(X))
    assert np.corrcoef(means.ravel(), rates.ravel())[0, 1] > 0.6
    assert (vae.sample(10, random_state=0) >= 0).all()


def test_likelihood_objects_are_not_changed_by_a_fit(digits):
    likelihood = Bernoulli()
    vae = fast(likelihood=likelihood).fit(digits)
    assert vae.net_.module_["vae"].likelihood is not likelihood
    named = fast(likelihood="bernoulli").fit(digits)
    np.testing.assert_array_equal(vae.transform(digits), named.transform(digits))


@pytest.mark.parametrize(
    "solver", ["adam", "adagrad", "adamw", "rmsprop", torch.optim.SGD]
)
def test_solvers_lower_the_loss(digits, solver):
    step = 1e-4 if solver is torch.optim.SGD else 1e-2
    vae = fast(solver=solver, learning_rate_init=step).fit(digits)
    assert vae.loss_curve_[-1] < vae.loss_curve_[0]
    names = {"adam": torch.optim.Adam, "adagrad": torch.optim.Adagrad}
    if solver in names:
        assert isinstance(vae.net_.optimizer_, names[solver])
        assert vae.net_.optimizer_.defaults["fused"]


def test_layers_may_be_a_single_number(digits):
    one, listed = fast(hidden_layer_sizes=16), fast(hidden_layer_sizes=[16])
    expected = fast(hidden_layer_sizes=(16,)).fit(digits).transform(digits)
    for vae in (one, listed):
        np.testing.assert_array_equal(vae.fit(digits).transform(digits), expected)


def test_net_params_reach_skorch(digits):
    class Counting(Callback):
        def initialize(self):
            self.n_batches_ = 0
            return self

        def on_batch_end(self, net, training, **kwargs):
            self.n_batches_ += training

    counting = Counting()
    params = {
        "callbacks": [counting, GradientNormClipping(1.0)],
        "optimizer__weight_decay": 0.1,
    }
    vae = fast(net_params=params).fit(digits)
    assert counting.n_batches_ == 3 * 29
    assert vae.net_.optimizer_.defaults["weight_decay"] == 0.1
    plain = fast().fit(digits)
    assert not np.allclose(vae.transform(digits), plain.transform(digits))


def test_skorchs_early_stopping_stops_quietly(digits):
    stopping = EarlyStopping(
        "train_loss", patience=2, threshold=1e9, threshold_mode="abs"
    )
    vae = fast(max_iter=50, net_params={"callbacks": [stopping]}).fit(digits)
    assert vae.n_iter_ == 3


def test_verbose_prints_a_line_per_epoch(digits, capsys):
    fast(verbose=1).fit(digits)
    printed = capsys.readouterr().out
    assert "train_reconstruction" in printed
    assert len(printed.strip().splitlines()) == 2 + 3
    fast().fit(digits)
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore:No latent")
def test_an_estimator_that_nobody_holds_is_gone(Estimator, digits):
    """At once, and not when Python next looks for cycles: it can be large."""
    params = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
    vae = Estimator(2, **params).fit(digits[:64])
    net = weakref.ref(vae.net_)
    gc.disable()
    try:
        del vae
        assert net() is None
    finally:
        gc.enable()
