"""Columns of several kinds, from the parameter to valid rows."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sk_bvae import BetaVAE
from sk_bvae.callbacks import Checkpoint, SearchCheckpoint
from sk_bvae.inspection import (
    LatentTraversalDisplay,
    ReconstructionDisplay,
    SampleDisplay,
)
from sk_bvae.model_selection import ReplicaGridSearch
from sk_bvae.nn import Bernoulli, Gaussian, Likelihood

NUMBERS, KINDS = ["height", "width"], ["colour", "shape"]
LIKELIHOOD = [
    ("gaussian", NUMBERS),
    ("categorical", make_column_selector("^colour_")),
    ("categorical", make_column_selector("^shape_")),
    ("poisson", ["visits"]),
    ("bernoulli", ["member"]),
]
KINDS_LISTED = [kind for kind, _ in LIKELIHOOD]


@pytest.fixture(scope="module")
def people():
    """A table in which two hidden numbers move columns of every kind."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(300, 2))
    return pd.DataFrame(
        {
            "visits": rng.poisson(np.exp(2 + 0.8 * z[:, 1])),
            "height": 170 + 10 * z[:, 0] + 3 * rng.normal(size=300),
            "colour": np.array(["blue", "green", "red"])[
                (z[:, 0] > -1).astype(int) + (z[:, 0] > 0.5)
            ],
            "width": 50 - 4 * z[:, 0] + rng.normal(size=300),
            "shape": np.where(
                z[:, 1] + 0.3 * rng.normal(size=300) > 0, "round", "flat"
            ),
            "member": rng.random(300) < 1 / (1 + np.exp(-2 * z[:, 1])),
        }
    )


def encoder():
    transformer = make_column_transformer(
        (StandardScaler(), NUMBERS),
        (OneHotEncoder(sparse_output=False), KINDS),
        ("passthrough", ["visits", "member"]),
        verbose_feature_names_out=False,
    )
    return transformer.set_output(transform="pandas")


@pytest.fixture(scope="module")
def table(people):
    """The same, encoded: nine named columns."""
    return encoder().fit_transform(people)


def fast(Estimator=BetaVAE, **params):
    defaults = {"likelihood": LIKELIHOOD, "hidden_layer_sizes": (32,), "max_iter": 5}
    defaults |= {"early_stopping": False, "random_state": 0}
    return Estimator(2, **defaults | params)


@pytest.fixture(scope="module")
def fitted(table):
    weights = {"beta": 1, "learning_rate_init": 1e-2, "max_iter": 60}
    return fast(**weights).fit(table)


# What comes out


def test_means_and_probabilities(fitted, table):
    means = pd.DataFrame(
        fitted.inverse_transform(fitted.transform(table)), columns=table.columns
    )
    for start in ("colour_", "shape_"):
        own = means.filter(regex=f"^{start}")
        np.testing.assert_allclose(own.sum(axis=1), 1, rtol=1e-5)
        assert (
            own.to_numpy().argmax(1) == table[own.columns].to_numpy().argmax(1)
        ).mean() > 0.85
    assert np.corrcoef(np.log(means["visits"]), np.log(table["visits"] + 1))[0, 1] > 0.8
    assert np.corrcoef(means["height"], table["height"])[0, 1] > 0.9
    assert means["member"].between(0, 1).all()


def test_sampled_rows_are_valid(fitted, table):
    drawn = pd.DataFrame(fitted.sample(500, random_state=0), columns=table.columns)
    for start in ("colour_", "shape_"):
        own = drawn.filter(regex=f"^{start}")
        assert set(np.unique(own)) == {0.0, 1.0}
        assert (own.sum(axis=1) == 1).all()
    assert set(drawn["member"]) == {0.0, 1.0}
    assert (drawn["visits"] == drawn["visits"].round()).all()
    assert (drawn["visits"] >= 0).all()
    np.testing.assert_allclose(drawn.mean(), table.mean(), rtol=0.3, atol=0.1)


def test_noise_variance_is_told_by_column(fitted, table):
    noise = pd.Series(fitted.noise_variance_, index=table.columns)
    assert noise["height"] == noise["width"]
    assert 0 < noise["height"] < 1
    assert noise.drop(NUMBERS).isna().all()


def test_a_gaussian_of_its_own_has_a_scale_and_a_noise_variance_of_its_own(people):
    X = people[NUMBERS] * [1, 1000]
    own = fast(likelihood={"height": "gaussian", "width": "gaussian"}, max_iter=60)
    scores = [own.fit(X).score(X), own.fit(X * [1, 1e-3]).score(X * [1, 1e-3])]
    assert scores[1] - scores[0] == pytest.approx(np.log(1000), abs=0.05)
    assert own.noise_variance_[0] > 2 * own.noise_variance_[1]


def test_means_far_from_0_are_taken_off_the_gaussian_columns_alone(table):
    far = table.assign(height=table["height"] + 1e6, visits=table["visits"] + 10_000)
    vae = fast().fit(far)
    assert list(np.flatnonzero(vae.net_.shift_)) == [table.columns.get_loc("height")]
    means = vae.inverse_transform(vae.transform(far))
    assert abs(means[:, 0].mean() - 1e6) < 1
    assert abs(means[:, table.columns.get_loc("visits")].mean() - 10_000) < 100


# How columns are chosen


def test_every_way_to_choose_is_the_same(table):
    groups = [[0, 1], [2, 3, 4], [5, 6], [7], [8]]
    names = [list(table.columns[group]) for group in groups]
    slices = [slice(group[0], group[-1] + 1) for group in groups]
    masks = [np.isin(range(9), group) for group in groups]
    expected = fast().fit(table).transform(table)
    for way in (
        list(zip(KINDS_LISTED, names, strict=True)),
        list(zip(KINDS_LISTED, slices, strict=True)),
        list(zip(KINDS_LISTED, masks, strict=True)),
        [
            *zip(KINDS_LISTED[:4], slices[:4], strict=True),
            ("bernoulli", slice("member", None)),
        ],
        {tuple(own): kind for own, kind in zip(names, KINDS_LISTED, strict=True)},
        list(zip(KINDS_LISTED, [*groups[:3], -2, "member"], strict=True)),
    ):
        Z = fast(likelihood=way).fit(table).transform(table)
        np.testing.assert_array_equal(Z, expected)
    by_position = fast(likelihood=list(zip(KINDS_LISTED, groups, strict=True)))
    np.testing.assert_array_equal(
        by_position.fit(table.to_numpy(float)).transform(table.to_numpy(float)),
        expected,
    )


def test_columns_are_chosen_by_dtype(people):
    X = people[[*NUMBERS, "visits", "member"]]
    select = make_column_selector
    vae = fast(
        likelihood=[
            ("bernoulli", select(dtype_include=bool)),
            ("poisson", select(dtype_include=int)),
            (Gaussian(), select(dtype_include=float)),
            ("categorical", select("^nothing")),
        ]
    ).fit(X)
    assert np.isfinite(vae.noise_variance_).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("likelihood", "message"),
    [
        (LIKELIHOOD[:4], "The columns 'member' have no likelihood"),
        ([*LIKELIHOOD, ("gaussian", ["visits"])], "'visits' have several likelihoods"),
        ([("gaussian", ["weight"])], r"likelihood.0.: .*not columns.*'weight'"),
        ([("gaussian", [12])], r"likelihood.0.: all features must be in .0, 8."),
        (
            [("cauchy", [0])],
            r"likelihood.0. is of the kind 'cauchy', which is neither",
        ),
        ([("gaussian", [0], [1])], r"likelihood.0.=.* must be a pair"),
        ({"height": "cauchy"}, r"likelihood.'height'. is of the kind 'cauchy'"),
        ([(np.zeros(3), "gaussian")], r"likelihood.0. is of the kind array"),
        ([], "have no likelihood"),
    ],
)
def test_wrong_columns_are_named(table, likelihood, message):
    with pytest.raises(ValueError, match=message):
        fast(likelihood=likelihood).fit(table)


@pytest.mark.parametrize(
    "columns",
    ["height", ["height"], slice("height", "width"), make_column_selector("h")],
)
def test_names_need_a_frame(table, columns):
    with pytest.raises(
        ValueError, match=r"likelihood\[0\].*\(in a Pipeline, set_out.* by position\.$"
    ):
        fast(likelihood=[("gaussian", columns)]).fit(table.to_numpy(float))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("visits", -1, "Column 'visits': The Poisson likelihood needs.*leave counts"),
        ("member", 2, "Column 'member': The Bernoulli likelihood"),
        ("shape_flat", 3, "Column 'shape_flat': The Categorical.*OneHotEncoder"),
        ("shape_flat", 0, "'shape_flat', 'shape_round' are no one-hot code.*drop=None"),
    ],
)
def test_wrong_values_are_named(table, column, value, message):
    with pytest.raises(ValueError, match=message):
        fast().fit(table.assign(**{column: value}))


def test_wrong_values_are_named_when_rows_are_scored(fitted, table):
    with pytest.raises(ValueError, match="Column 'visits': The Poisson likelihood"):
        fitted.score(table.assign(visits=-1))


def test_noise_variance_belongs_into_the_list(table):
    with pytest.raises(ValueError, match=r"pass sk_bvae\.nn\.Gaussian\(0\.5\) there"):
        fast(noise_variance=0.5).fit(table)
    listed = [(Gaussian(0.5), NUMBERS), *LIKELIHOOD[1:]]
    noise = fast(likelihood=listed).fit(table).noise_variance_
    np.testing.assert_array_equal(noise[:3], [0.5, 0.5, np.nan])


@pytest.mark.parametrize("kind", ["poisson", "categorical"])
def test_one_kind_for_all_columns(people, table, kind):
    X = {"poisson": people[["visits"]], "categorical": table.iloc[:, 2:5]}[kind]
    vae = fast(likelihood=kind).fit(X)
    assert np.isfinite(vae.score(X))
    with pytest.raises(ValueError, match=f"The {kind.title()} likelihood needs values"):
        fast(likelihood=kind).fit(-X)


# Wherever a model goes


def test_every_model_takes_them(AnyVAE, table):
    vae = fast(AnyVAE).fit(table)
    assert np.isfinite(vae.history_["loss"]).all()
    assert np.isfinite(vae.score(table))


def test_a_stack_learns_what_each_learns_alone(table):
    search = ReplicaGridSearch(
        fast(),
        {"beta": [0.5, 1]},
        n_replicas=2,
        scoring=_loss,
        random_state=0,
        return_estimators=True,
        error_score="raise",
        refit=lambda results: 0,
    ).fit(table)
    for estimator in np.ravel(search.estimators_):
        assert [kind for kind, _ in estimator.likelihood] == KINDS_LISTED
        alone = clone(estimator).fit(table)
        np.testing.assert_allclose(estimator.loss_curve_, alone.loss_curve_, rtol=1e-4)


def _loss(estimator, X, y):
    return -estimator.loss_curve_[-1]


def test_searches_choose_between_likelihoods(table):
    one = [(Gaussian(), NUMBERS), *LIKELIHOOD[1:]]
    for search in (
        GridSearchCV(fast(), {"likelihood": [LIKELIHOOD, one]}, cv=2),
        ReplicaGridSearch(
            fast(), {"likelihood": [LIKELIHOOD, one]}, scoring="elbo", random_state=0
        ),
    ):
        assert np.isfinite(search.fit(table).best_score_)


def test_what_a_search_kept_is_of_columns_and_not_of_names(table, tmp_path):
    X = table[["height", "visits"]]
    search = ReplicaGridSearch(
        fast(likelihood={"height": "gaussian", "visits": "poisson"}),
        {"beta": [1]},
        scoring="elbo",
        random_state=0,
        error_score="raise",
    ).set_callbacks(SearchCheckpoint(tmp_path))
    search.fit(X)
    with pytest.raises(ValueError, match="Column 0: The Poisson likelihood"):
        search.fit(X.rename(columns={"height": "visits", "visits": "height"}))


def test_a_saved_model_goes_on(table, tmp_path):
    vae = fast().fit(table)
    loaded = pickle.loads(pickle.dumps(vae))
    np.testing.assert_array_equal(loaded.score_samples(table), vae.score_samples(table))
    for each in (vae, loaded):
        each.partial_fit(table)
    np.testing.assert_array_equal(loaded.transform(table), vae.transform(table))
    by_name = {
        "likelihood": [(kind, list(_columns(own, table))) for kind, own in LIKELIHOOD]
    }
    vae.set_params(**by_name, warm_start=True).fit(table)  # the same columns
    vae.set_params(likelihood=[("gaussian", slice(None))])
    with pytest.raises(ValueError, match="likelihood cannot change"):
        vae.fit(table)
    whole = fast(max_iter=4).fit(table)
    path = tmp_path / "vae.joblib"
    fast(max_iter=4).set_callbacks(Checkpoint(path)).fit(table)
    again = fast(max_iter=4).set_callbacks(Checkpoint(path)).fit(table)
    np.testing.assert_array_equal(again.transform(table), whole.transform(table))


def _columns(selected, X):
    return selected(X) if callable(selected) else selected


def test_partial_fit_in_batches(table):
    vae = fast()
    for start in range(0, 300, 100):
        vae.partial_fit(table[start : start + 100])
    assert np.isfinite(vae.score(table))


# Behind a ColumnTransformer


@pytest.fixture(scope="module")
def pipeline(people):
    return make_pipeline(encoder(), fast(beta=1)).fit(people)


def test_a_pipeline_from_the_raw_table(pipeline, people):
    assert pipeline.transform(people).shape == (300, 2)
    assert np.isfinite(pipeline.score(people))
    assert pipeline[-1].sample(3, random_state=0).shape == (3, 9)
    named = clone(pipeline).set_output(transform="pandas").fit(people)
    assert list(named.transform(people).columns) == ["betavae0", "betavae1"]


@pytest.mark.parametrize(
    "display", [LatentTraversalDisplay, ReconstructionDisplay, SampleDisplay]
)
def test_displays_say_what_to_pass_and_take_it(pipeline, people, display):
    data = () if display is SampleDisplay else (people,)
    with pytest.raises(TypeError, match=r"ColumnTransformer has none.*pipeline\[-1\]"):
        display.from_estimator(pipeline, *data)
    encoded = [pipeline[:-1].transform(people) for _ in data]
    drawn = display.from_estimator(pipeline[-1], *encoded)
    assert "colour_red" in [label.get_text() for label in drawn.ax_.get_xticklabels()]


# Likelihoods of one's own


class Sum(Likelihood):
    """One that forgets rows: its value is the batch's."""

    def nll_by_feature(self, output, x):
        return (output - x).square().mean()

    def mean(self, output):
        return output

    def draw(self, output, generator):
        return output


@pytest.mark.parametrize("listed", [False, True])
def test_likelihoods_of_ones_own_are_tried_before_training(table, listed):
    own = [("gaussian", NUMBERS), (Sum(), slice(2, None))] if listed else Sum()
    vae = fast(likelihood=own)
    with pytest.raises(ValueError, match=r"Sum\.nll_by_feature must make the shape"):
        vae.fit(table)
    assert not hasattr(vae, "net_")


def test_trying_one_draws_nothing_from_the_fit(table, global_random_states):
    before = global_random_states()
    instance = fast(likelihood=Bernoulli()).fit(table.iloc[:, 2:7])
    assert global_random_states() == before
    named = fast(likelihood="bernoulli").fit(table.iloc[:, 2:7])
    np.testing.assert_array_equal(named.loss_curve_, instance.loss_curve_)
