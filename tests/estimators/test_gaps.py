"""Values that are missing."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils import get_tags

from sk_bvae import BetaVAE
from sk_bvae.inspection import (
    BiplotDisplay,
    ComponentsDisplay,
    LatentTraversalDisplay,
    RateDistortionDisplay,
    ReconstructionDisplay,
    TrainingDisplay,
)
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.nn import Likelihood

SMALL = {
    "n_components": 2,
    "hidden_layer_sizes": (8,),
    "max_iter": 3,
    "init": "random",
    "random_state": 0,
}
PCA_START = {"beta": 1.0, "init": "pca", "early_stopping": False, "random_state": 0}


def with_gaps(X, share, rng):
    return np.where(rng.random(X.shape) < share, np.nan, X)


@pytest.fixture
def table(rng):
    """Two factors in six columns, a fifth of it missing."""
    X = rng.normal(size=(150, 2)) @ rng.normal(size=(2, 6))
    return with_gaps(X + 0.3 * rng.normal(size=X.shape), 0.2, rng)


class Laplace(Likelihood):
    """A likelihood of the user's own, which knows nothing of gaps."""

    def nll_by_feature(self, output, x):
        assert x.isfinite().all()
        return (output - x).abs() + np.log(2)

    def mean(self, output):
        return output

    def draw(self, output, generator):
        return output


# What is computed of rows with gaps


def test_the_likelihood_is_of_what_is_observed(table):
    vae = BetaVAE(**SMALL).fit(table).net_.module_["vae"]
    x = torch.from_numpy(table).float()
    noise = torch.zeros(len(x), 2)
    with torch.no_grad():
        terms = vae.as_for(x)(x, noise)
        center = torch.from_numpy(np.nanmean(table, axis=0)).float()
        filled = torch.where(x.isnan(), center, x)
        whole = vae.as_for(filled)(filled, noise)
        output, target = vae.decoder(whole.z), vae.likelihood.standardize(filled)
        by_feature = vae.likelihood.nll_by_feature(output, target).double()
    torch.testing.assert_close(terms.kl, whole.kl)
    expected = np.where(np.isnan(table), 0, by_feature).sum(axis=1)
    np.testing.assert_allclose(terms.nll, expected, rtol=1e-4, atol=1e-4)


def test_what_stands_in_a_gap_has_no_gradient(table):
    vae = BetaVAE(**SMALL).fit(table).net_.module_["vae"]
    x = torch.from_numpy(table[:20]).float()
    vae.as_for(x)(x, torch.zeros(20, 2)).nll.sum().backward()
    assert all(p.grad.isfinite().all() for p in vae.decoder.parameters())


def test_whole_rows_are_scored_as_by_a_model_that_knows_of_no_gaps(table):
    whole = table[~np.isnan(table).any(axis=1)]
    vae = BetaVAE(**SMALL).fit(table)
    module = vae.net_.module_["vae"]
    x = torch.from_numpy(whole).float()
    module.has_gaps = False
    with torch.no_grad():
        expected = module.posterior(x)[0]
    np.testing.assert_array_equal(vae.transform(whole), expected)
    scores = vae.score_samples(whole)
    module.has_gaps = True  # what the fit left, and nothing that predictions go by
    np.testing.assert_array_equal(vae.score_samples(whole), scores)
    np.testing.assert_array_equal(vae.impute(whole), whole)


def test_a_bound_over_fewer_entries_is_the_marginal_density(rng):
    """Of a normal distribution, which has it in closed form."""
    loadings = rng.normal(size=(2, 5))
    X = rng.normal(size=(2000, 2)) @ loadings + 0.5 * rng.normal(size=(2000, 5))
    X[:1000, 3:] = np.nan
    vae = BetaVAE(2, max_iter=20, **PCA_START).fit(X)
    part = X[:1000]
    covariance = loadings.T[:3] @ loadings[:, :3] + 0.25 * np.eye(3)
    apart = part[:, :3]
    expected = -0.5 * (
        np.einsum("ni,ij,nj->n", apart, np.linalg.inv(covariance), apart)
        + np.linalg.slogdet(2 * np.pi * covariance)[1]
    )
    assert abs(vae.score(part) - expected.mean()) < 0.05


def test_noise_does_not_depend_on_which_nan_it_is(table):
    vae = BetaVAE(**SMALL).fit(table)
    other = table.astype(np.float32)
    other.view(np.uint32)[np.isnan(other)] = 0xFFC12345
    assert np.isnan(other).sum() == np.isnan(table).sum()
    same = table.astype(np.float32)
    np.testing.assert_array_equal(vae.score_samples(other), vae.score_samples(same))
    np.testing.assert_array_equal(vae.impute(other), vae.impute(same))


# Fits


def test_every_model_takes_gaps(AnyVAE, table):
    vae = AnyVAE(**SMALL, early_stopping=True).fit(table)
    assert np.isfinite(vae.history_["loss"]).all()
    assert np.isfinite(vae.history_["validation_loss"]).all()
    assert np.isfinite(vae.kl_).all()
    assert np.isfinite(vae.transform(table)).all()
    assert np.isfinite(np.stack(vae.posterior(table))).all()
    assert np.isfinite(vae.score(table))
    assert np.isfinite(vae.partial_fit(table).history_["loss"]).all()
    filled = vae.impute(table)
    gaps = np.isnan(table)
    np.testing.assert_array_equal(filled[~gaps], table[~gaps])
    assert np.isfinite(filled).all()
    again = pickle.loads(pickle.dumps(vae))
    np.testing.assert_array_equal(again.impute(table), filled)
    assert get_tags(vae).input_tags.allow_nan


@pytest.mark.filterwarnings("ignore:No latent of this")
@pytest.mark.parametrize("likelihood", ["bernoulli", Laplace()])
@pytest.mark.parametrize("gaps_in_training", [True, False])
def test_other_likelihoods(table, likelihood, gaps_in_training):
    table = np.clip((table + 3) / 6, 0, 1)
    X = table if gaps_in_training else np.nan_to_num(table, nan=0.25)
    vae = BetaVAE(beta=0.01, likelihood=likelihood, **SMALL).fit(X)
    center = vae.net_.module_["vae"].center.numpy()
    atol = 1e-5 if gaps_in_training else 0.1  # whole rows are averaged over a sample
    np.testing.assert_allclose(center, np.nanmean(X, axis=0), rtol=0, atol=atol)
    filled = vae.impute(table)
    assert np.isfinite(filled).all()
    assert np.isfinite(vae.score_samples(table)).all()
    empty = np.full((1, 6), np.nan)
    np.testing.assert_allclose(vae.transform(empty), vae.transform([center]), atol=1e-5)


@pytest.mark.parametrize("first_has_gaps", [True, False])
def test_a_model_takes_gaps_that_its_first_rows_had_or_had_not(table, first_has_gaps):
    whole = np.where(np.isnan(table), 0.0, table)
    first, second = (table, whole) if first_has_gaps else (whole, table)
    vae = BetaVAE(**SMALL).fit(first)
    center = vae.net_.module_["vae"].center.clone()
    vae.partial_fit(second)
    assert torch.equal(vae.net_.module_["vae"].center, center)
    assert np.isfinite(vae.transform(table)).all()


def test_nobody_looks_for_gaps_in_a_step_where_there_are_none(table, monkeypatch):
    whole = np.where(np.isnan(table), 0.0, table)

    def fail(self, output, x):
        raise AssertionError("is for rows with gaps")

    vae = BetaVAE(**SMALL, likelihood="gaussian")
    monkeypatch.setattr("sk_bvae.nn.Gaussian.nll_by_feature", fail)
    vae.fit(whole).score(whole)
    with pytest.raises(AssertionError, match="gaps"):
        vae.fit(table)


@pytest.mark.parametrize("layers", [(), (8,)])
def test_the_affine_model_goes_on_from_its_start(table, layers):
    vae = BetaVAE(2, hidden_layer_sizes=layers, max_iter=30, **PCA_START).fit(table)
    loss = vae.history_["loss"]
    assert len(loss) == 30
    assert loss[-1] < loss[0] - 0.02


def test_far_means(table):
    far = table + np.array([1e7, -1e8, 0, 0, 0, 0])
    near, away = (BetaVAE(2, **PCA_START, max_iter=20).fit(X) for X in (table, far))
    gaps = np.isnan(table)
    filled = away.impute(far) - np.array([1e7, -1e8, 0, 0, 0, 0])
    assert np.abs(filled - near.impute(table))[gaps].mean() < 0.1
    np.testing.assert_array_equal(away.impute(far)[~gaps], far[~gaps])


def test_replicas_in_a_stack_are_what_lone_fits_are(table):
    search = ReplicaGridSearch(
        BetaVAE(**{**SMALL, "random_state": None}),
        {"beta": [1, 4]},
        n_replicas=2,
        random_state=0,
        return_estimators=True,
    ).fit(table)
    assert get_tags(search).input_tags.allow_nan
    for row, beta in enumerate([1, 4]):
        for column, seed in enumerate(search.replica_seeds_):
            lone = BetaVAE(**{**SMALL, "random_state": int(seed)}, beta=beta).fit(table)
            stacked = search.estimators_[row][column]
            np.testing.assert_allclose(
                stacked.history_["loss"], lone.history_["loss"], rtol=1e-4
            )
            Z = np.abs(lone.transform(table))
            np.testing.assert_allclose(np.abs(stacked.transform(table)), Z, atol=1e-2)
    assert np.isfinite(search.impute(table, n_draws=8)).all()
    assert np.isfinite(search.cv_results_["mean_reconstruction"]).all()
    RateDistortionDisplay.from_estimator(search)


def test_displays(table):
    vae = BetaVAE(**SMALL).fit(table)
    TrainingDisplay.from_estimator(vae)
    ReconstructionDisplay.from_estimator(vae, table)
    ComponentsDisplay.from_estimator(vae)
    BiplotDisplay.from_estimator(vae, table)
    LatentTraversalDisplay.from_estimator(vae, table)


# Beside other things that a fit and a model can do


def test_weights_of_rows(table):
    """A weight of 2 is a row that is there twice."""
    weight = np.arange(150) % 3
    full = {**SMALL, "batch_size": 1000, "init": "pca"}
    weighted = BetaVAE(**full).fit(table, sample_weight=weight)
    repeated = BetaVAE(**full).fit(np.repeat(table, weight, axis=0))
    ours, theirs = (
        each.net_.module_["vae"].state_dict() for each in (weighted, repeated)
    )
    for name in ("center", "likelihood.scale"):
        torch.testing.assert_close(ours[name], theirs[name])
    np.testing.assert_allclose(
        weighted.impute(table), repeated.impute(table), rtol=0, atol=0.2
    )


def test_columns_of_several_kinds(table, rng):
    groups = np.eye(3)[rng.integers(3, size=150)]
    groups[::7] = np.nan
    X = np.hstack([table[:, :3], groups])
    kinds = [("gaussian", [0, 1, 2]), ("categorical", [3, 4, 5])]
    vae = BetaVAE(beta=0.01, likelihood=kinds, **SMALL).fit(X)
    assert np.isfinite(vae.score_samples(X)).all()
    filled = vae.impute(X)
    np.testing.assert_allclose(filled[:, 3:].sum(axis=1), 1, rtol=1e-5)
    X[X[:, 3] == 1, 3] = np.nan  # a third of a category
    with pytest.raises(ValueError, match="one-hot"):
        vae.fit(X)


def test_shares_of_columns_add_up(table):
    vae = BetaVAE(**SMALL).fit(table)
    shares = vae.score_features(table)
    np.testing.assert_allclose(
        shares.sum(axis=1), vae.score_samples(table), rtol=1e-4, atol=1e-4
    )
    gaps = np.isnan(table)
    assert (shares[gaps] == 0).all()
    assert (shares[~gaps] != 0).all()


def test_latents_are_explained_by_what_is_observed(rng):
    X = rng.normal(size=(2000, 2)) @ rng.normal(size=(2, 6))
    X += 0.3 * rng.normal(size=X.shape)
    whole, part = (
        BetaVAE(2, max_iter=30, **PCA_START).fit(data)
        for data in (X, with_gaps(X, 0.1, rng))
    )
    ratios = [each.explained_variance_ratio_.sum() for each in (whole, part)]
    assert ratios[1] == pytest.approx(ratios[0], abs=0.05)
    assert np.isfinite(part.components_).all()


def test_where_nothing_that_is_observed_varies_nothing_is_explained(table):
    vae = BetaVAE(2, max_iter=20, **PCA_START).fit(table)
    vae.partial_fit([[1.0] * 3 + [5.0] * 3, [1.0] * 3 + [np.nan] * 3])
    assert (vae.explained_variance_ratio_ == 0).all()


def test_a_likelihood_of_whole_rows_only(table):
    class Whole(Laplace):
        nll_by_feature = Likelihood.nll_by_feature

        def nll(self, output, x):
            return (output - x).abs().sum(dim=-1)

    message = r"Whole has no .* which rows with gaps, and .* in a density, need\.$"
    with pytest.raises(NotImplementedError, match=message):
        BetaVAE(likelihood=Whole(), **SMALL).fit(table)


# Patterns of gaps


def test_patterns_that_training_has_not_seen(table):
    X = table.copy()
    X[:, 4:] = np.where(np.isnan(X[:, 4:]), 0.0, X[:, 4:])  # two whole columns
    vae = BetaVAE(**SMALL).fit(X)
    X[:10, 2:] = np.nan
    X[10:20, 4:] = np.nan
    assert np.isfinite(vae.impute(X)).all()


def test_nine_in_ten_missing(rng):
    X = with_gaps(rng.normal(size=(300, 5)) + 3, 0.9, rng)
    vae = BetaVAE(**SMALL).fit(X)
    filled = vae.impute(X)
    assert np.isfinite(filled).all()
    assert abs(filled.mean() - 3) < 0.5


@pytest.mark.parametrize("likelihood", ["gaussian", "bernoulli"])
def test_a_column_with_nothing_in_it(table, likelihood):
    X = np.clip((table + 3) / 6, 0, 1)
    vae = BetaVAE(beta=0.01, likelihood=likelihood, **SMALL).fit(X)
    expected = vae.transform(X)
    X[:, 3] = np.nan
    assert np.isfinite(vae.impute(X)).all()  # it was there in training
    with pytest.raises(ValueError, match="Nothing is observed in the columns 3: drop"):
        vae.fit(X)
    named = pd.DataFrame(X, columns=list("abcdef"))
    with pytest.raises(ValueError, match="columns 'd': drop"):
        BetaVAE(likelihood=likelihood, **SMALL).fit(named)
    assert vae.transform(X).shape == expected.shape  # still the first fit's


def test_a_row_with_nothing_in_it(table):
    X = table.copy()
    X[7] = np.nan
    vae = BetaVAE(1, beta=1, init="pca", max_iter=50, random_state=0).fit(X)
    assert vae.score_samples(X)[7] <= 1e-6  # of nothing the density is 1
    assert vae.score_samples(X)[7] > -5
    filled = vae.impute(X[7:8])
    assert np.abs(filled - np.nanmean(X, axis=0)).max() < np.nanstd(X)


def test_infinities_are_still_refused(table):
    X = table.copy()
    X[0, 0] = np.inf
    vae = BetaVAE(**SMALL).fit(table)
    for method in (vae.fit, vae.transform, vae.score_samples, vae.impute):
        with pytest.raises(ValueError, match="infinity"):
            method(X)
    X[0, 0] = 1e39
    with pytest.raises(ValueError, match="column 0, which float32 cannot hold"):
        vae.fit(X)


def test_what_the_likelihood_cannot_produce_is_found_beside_gaps(table):
    with pytest.raises(ValueError, match="between 0 and 1, but X ranges"):
        BetaVAE(likelihood="bernoulli", **SMALL).fit(table)


@pytest.mark.parametrize("method", ["impute", "score_features", "score_samples"])
def test_the_column_that_its_likelihood_cannot_produce_is_named(rng, method):
    frame = pd.DataFrame({"height": rng.normal(size=40), "smokes": np.arange(40) % 2.0})
    likelihood = {"height": "gaussian", "smokes": "bernoulli"}
    vae = BetaVAE(likelihood=likelihood, **SMALL).fit(frame)
    frame.loc[3, "smokes"] = 2.0
    with pytest.raises(ValueError, match=r"Column 'smokes': .* between 0 and 1"):
        getattr(vae, method)(frame)


def test_a_diverged_fit_names_the_column(table):
    X = table * np.array([1, 1, 10, 1, 1, 1])
    with pytest.raises(ValueError, match="largest scale is 2"):
        BetaVAE(learning_rate_init=1e30, **SMALL).fit(X)


# Containers


@pytest.fixture
def vae(table):
    return BetaVAE(**SMALL).fit(table)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_arrays_keep_their_dtype(vae, table, dtype):
    X = table.astype(dtype)
    filled = vae.impute(X, n_draws=4)
    assert type(filled) is np.ndarray
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled[~np.isnan(X)], X[~np.isnan(X)])
    assert np.isnan(X).any()  # X itself is left as it was


def test_data_frames_of_pandas(table):
    X = pd.DataFrame(table, columns=list("abcdef"), index=np.arange(150)[::-1])
    X["a"] = np.arange(150)  # a column of integers
    X["b"] = X["b"].astype(np.float32)
    X["c"] = pd.array(np.where(X["c"].isna(), None, 3), dtype="Int64")
    vae = BetaVAE(**SMALL).fit(X)
    filled = vae.impute(X)
    assert list(filled.columns) == list("abcdef")
    assert filled.index.equals(X.index)
    assert not filled.isna().any(axis=None)
    assert filled["a"].equals(X["a"])
    assert filled["b"].dtype == np.float32
    assert filled["c"].dtype == np.float64
    for name in X:
        there = X[name].notna()
        assert (filled[name][there] == X[name][there]).all()


def test_data_frames_of_polars(table):
    X = pl.DataFrame(table, schema=list("abcdef")).fill_nan(None)
    X = X.with_columns(a=pl.Series(range(150)), b=X["b"].cast(pl.Float32))
    filled = BetaVAE(**SMALL).fit(X).impute(X)
    assert filled.schema == X.schema
    assert filled["a"].equals(X["a"])
    assert filled.null_count().sum_horizontal().item() == 0
    there = X["b"].is_not_null()
    assert filled["b"].filter(there).equals(X["b"].filter(there))


@pytest.mark.parametrize(("name", "kind"), [("pandas", pd), ("polars", pl)])
def test_set_output(table, name, kind):
    vae = BetaVAE(**SMALL).set_output(transform=name).fit(table)
    filled = vae.impute(table)
    assert isinstance(filled, kind.DataFrame)
    assert list(filled.columns) == ["x0", "x1", "x2", "x3", "x4", "x5"]
    named = pd.DataFrame(table, columns=list("abcdef"))
    filled = BetaVAE(**SMALL).set_output(transform=name).fit(named).impute(named)
    assert isinstance(filled, kind.DataFrame)
    assert list(filled.columns) == list("abcdef")


def test_a_pipeline_behind_a_scaler(table):
    X = pd.DataFrame(5 + 100 * table, columns=list("abcdef"))
    pipe = make_pipeline(StandardScaler(), BetaVAE(**SMALL)).fit(X)
    assert np.isfinite(pipe.transform(X)).all()
    assert np.isfinite(pipe.score(X))
    scaled = pipe[:-1].transform(X)
    filled = pipe[:-1].inverse_transform(pipe[-1].impute(scaled))
    gaps = X.isna().to_numpy()
    np.testing.assert_allclose(filled[~gaps], X.to_numpy()[~gaps])
    assert np.isfinite(filled).all()


def test_a_memory_map_is_read_and_left_alone(vae, table, tmp_path):
    np.save(tmp_path / "X.npy", table)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    filled = vae.impute(mapped)
    assert type(filled) is np.ndarray
    np.testing.assert_array_equal(filled, vae.impute(table))


def test_too_few_draws(vae, table):
    assert np.isfinite(vae.impute(table, n_draws=1)).all()
    with pytest.raises(ValueError, match="n_draws"):
        vae.impute(table, n_draws=0)


def test_more_draws_than_are_decoded_at_once(vae, table):
    few, many = (vae.impute(table[:5], n_draws=n) for n in (1000, 3000))
    assert np.abs(few - many).max() < 0.2


# How good it is


def test_a_linear_gaussian_table_is_filled_by_the_conditional_mean(rng):
    loadings = rng.normal(size=(2, 12))
    true = rng.normal(size=(3000, 2)) @ loadings + 0.5 * rng.normal(size=(3000, 12))
    X = with_gaps(true, 0.2, rng)
    vae = BetaVAE(2, hidden_layer_sizes=(64,), max_iter=20, **PCA_START).fit(X)
    gaps, covariance = np.isnan(X), loadings.T @ loadings + 0.25 * np.eye(12)
    best = X.copy()
    for row, gap in zip(best, gaps, strict=True):
        row[gap] = covariance[np.ix_(gap, ~gap)] @ np.linalg.solve(
            covariance[np.ix_(~gap, ~gap)], row[~gap]
        )
    ours, theirs = (
        np.square(filled - true)[gaps].mean() for filled in (vae.impute(X), best)
    )
    assert ours < 1.02 * theirs


@pytest.mark.slow
def test_half_of_breast_cancer():
    """The authors' mask; their own figure is 0.2867."""
    true = scale(load_breast_cancer().data)
    mask = np.random.RandomState(1234).choice(true.size, true.size // 2, replace=False)
    X = true.copy()
    X.ravel()[mask] = np.nan

    def error(filled):
        return np.square(filled - true)[np.isnan(X)].mean()

    assert error(BetaVAE(10, **PCA_START).fit(X).impute(X)) < 0.285
    assert error(KNNImputer().fit_transform(X)) > 0.5
    assert error(SimpleImputer().fit_transform(X)) > 1
