"""Scorers of transformers, in scikit-learn's model selection."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA, FastICA
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sk_bvae.metrics import (
    dci_score,
    gaussian_total_correlation,
    make_disentanglement_scorer,
    mutual_info_gap,
    sap_score,
)

pytestmark = pytest.mark.usefixtures("few_trees")

NAMES = [
    "mig",
    "modularity",
    "explicitness",
    "dci_disentanglement",
    "dci_completeness",
    "dci_informativeness",
    "infomec_modularity",
    "infomec_explicitness",
    "infomec_compactness",
    "sap",
    "beta_vae",
    "factor_vae",
    "irs",
    "neg_gaussian_total_correlation",
    "neg_gaussian_wasserstein_correlation",
    "n_active_components",
]
SHUFFLED = KFold(3, shuffle=True, random_state=0)


@pytest.fixture
def factors():
    """Return 400 draws of three independent factors with 6, 7 and 8 classes."""
    return np.random.RandomState(0).randint([6, 7, 8], size=(400, 3))


@pytest.fixture
def X(factors):
    """Return data in which PCA mixes the factors and ICA does not."""
    return factors @ [[1.0, 2.0, 0.0, 1.0], [1.0, -1.0, 3.0, 0.0], [0.5, 0.2, 0.2, 1.0]]


@pytest.fixture
def slot():
    """Return a pipeline with a slot for the codes, and what to try in it."""
    pipeline = Pipeline([("scale", StandardScaler()), ("codes", "passthrough")])
    return pipeline, {"codes": [PCA(3), FastICA(3, random_state=0)]}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search(X, factors, slot, n_jobs):
    scoring = make_disentanglement_scorer("mig")
    search = GridSearchCV(*slot, scoring=scoring, cv=SHUFFLED, n_jobs=n_jobs)
    search.fit(X, factors)
    assert isinstance(search.best_params_["codes"], FastICA)
    by_hand = [
        mutual_info_gap(
            clone(search.best_estimator_).fit(X[train]).transform(X[test]),
            factors[test],
        )
        for train, test in SHUFFLED.split(X)
    ]
    got = [search.cv_results_[f"split{i}_test_score"][1] for i in range(3)]
    assert got == pytest.approx(by_hand)
    assert search.score(X, factors) > 0.8


def test_several_at_once_on_frames(X, factors):
    scoring = {name: make_disentanglement_scorer(name) for name in ("mig", "irs")}
    estimator = make_pipeline(PCA(3)).set_output(transform="pandas")
    frames = pd.DataFrame(X).add_prefix("x"), pd.DataFrame(factors)
    scores = cross_validate(estimator, *frames, scoring=scoring, cv=SHUFFLED)
    assert np.all(scores["test_mig"] > 0)
    assert np.all(scores["test_irs"] > 0)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_scores_and_pickles(X, factors, name):
    scorer = pickle.loads(pickle.dumps(make_disentanglement_scorer(name)))
    score = scorer(PCA(3).fit(X), X, factors)
    assert isinstance(score, float)
    assert np.isfinite(score)


def test_larger_is_better(X, factors):
    pca = PCA(3).fit(X)
    dependent = make_disentanglement_scorer("neg_gaussian_total_correlation")
    assert dependent(StandardScaler().fit(X[:, :3]), X[:, :3], factors) < -0.1
    assert dependent(pca, X, factors) == -gaussian_total_correlation(pca.transform(X))


def test_options_reach_the_metric(X, factors):
    pca = PCA(3).fit(X)
    Z = pca.transform(X)
    scorer = make_disentanglement_scorer("sap", random_state=5, test_size=0.2)
    assert scorer(pca, X, factors) == sap_score(
        Z, factors, random_state=5, test_size=0.2
    )
    parts = dci_score(Z, factors, random_state=5)
    scorer = make_disentanglement_scorer("dci_completeness", random_state=5)
    assert scorer(pca, X, factors) == parts.completeness


def mean_code(Z, Y, *, power=1):
    return np.mean(Z) ** power + Y.max()


def test_callable_metric(X, factors):
    scorer = make_disentanglement_scorer(mean_code, power=2)
    pca = PCA(3).fit(X)
    expected = mean_code(pca.transform(X), factors, power=2)
    assert pickle.loads(pickle.dumps(scorer))(pca, X, factors) == expected
    assert repr(scorer) == "make_disentanglement_scorer('mean_code', power=2)"
    scorer = make_disentanglement_scorer("sap", test_size=0.3, random_state=0)
    expected = "make_disentanglement_scorer('sap', test_size=0.3, random_state=0)"
    assert repr(scorer) == expected


def test_mistakes_are_named_before_the_search(factors):
    with pytest.raises(ValueError, match=r"Unknown metric 'nig'.*'mig'"):
        make_disentanglement_scorer("nig")
    with pytest.raises(ValueError, match=re.escape(str(sorted(NAMES)))):
        make_disentanglement_scorer("")
    with pytest.raises(TypeError, match="n_bin"):
        make_disentanglement_scorer("mig", n_bin=3)
    for name in ("dci_completeness", "neg_gaussian_total_correlation"):
        with pytest.raises(TypeError, match="bins"):
            make_disentanglement_scorer(name, bins=3)


def test_mistakes_at_scoring(X, factors):
    scorer = make_disentanglement_scorer()
    pca = PCA(3).fit(X)
    with pytest.raises(ValueError, match=r"needs the factors: .* as y"):
        scorer(pca, X)
    with pytest.raises(ValueError, match="one column per factor"):
        scorer(pca, X, factors[:, 0])
    classifier = DummyClassifier().fit(X, factors[:, 0])
    with pytest.raises(TypeError, match="DummyClassifier has none"):
        scorer(classifier, X, factors)


def ordered_grid(*sizes):
    return np.stack(np.meshgrid(*map(np.arange, sizes), indexing="ij"), -1).reshape(
        -1, len(sizes)
    )


def find_cut_factors(Y):
    """List the columns that the scorer's warning of unshuffled folds names."""
    scorer = make_disentanglement_scorer(lambda Z, Y: 0.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scorer(FunctionTransformer(), Y, Y)
    named = [re.search(r"columns ([\d, ]+) of Y", str(one.message)) for one in caught]
    return {int(column) for found in named for column in found[1].split(", ")}


GRIDS = [
    ordered_grid(3, 6, 40),
    ordered_grid(3, 6, 40) + 1,
    ordered_grid(40, 6, 3)[:, ::-1],  # the first column runs fastest
    np.repeat(ordered_grid(5, 4, 3), 7, axis=0),
    ordered_grid(120),
]
every_grid = pytest.mark.parametrize("Y", GRIDS, ids=lambda Y: str(Y.max(axis=0)))


@every_grid
@pytest.mark.parametrize("n_splits", [2, 3, 5, 10])
def test_unshuffled_folds_of_an_ordered_grid_are_noticed(Y, n_splits):
    found = [find_cut_factors(Y[test]) for _, test in KFold(n_splits).split(Y)]
    assert any(found)
    for columns, (_, test) in zip(found, KFold(n_splits).split(Y), strict=True):
        for column in columns:
            assert set(Y[test, column]) < set(Y[:, column])


@every_grid
@pytest.mark.parametrize("n_splits", [2, 3, 5, 10])
@pytest.mark.parametrize("seed", range(5))
def test_shuffled_folds_and_whole_grids_raise_no_alarm(Y, n_splits, seed):
    folds = KFold(n_splits, shuffle=True, random_state=seed)
    for _, test in folds.split(Y):
        assert not find_cut_factors(Y[test])
    shuffled = np.random.RandomState(seed).permutation(Y)
    for _, test in KFold(n_splits).split(shuffled):
        assert not find_cut_factors(shuffled[test])
    assert not find_cut_factors(Y)


def test_a_whole_grid_of_a_factor_of_two_values_raises_no_alarm():
    assert not find_cut_factors(ordered_grid(2, 6, 20))


def test_a_row_that_lacks_at_the_end_is_no_alarm_and_two_are():
    """Of 120: one percent, and never less than one."""
    assert not find_cut_factors(ordered_grid(4, 5, 6)[:119])
    assert find_cut_factors(ordered_grid(4, 5, 6)[:118]) == {0}
    assert not find_cut_factors(ordered_grid(3, 10, 10)[:297])
    assert find_cut_factors(ordered_grid(3, 10, 10)[:296]) == {0}
    assert not find_cut_factors(ordered_grid(4, 5, 6)[1:])
    assert find_cut_factors(ordered_grid(4, 5, 6)[2:]) == {0}


def test_few_or_continuous_rows_are_in_no_order_to_speak_of():
    assert not find_cut_factors(ordered_grid(3, 3)[3:])
    assert not find_cut_factors(ordered_grid(30)[21:])
    assert find_cut_factors(ordered_grid(30)[20:])
    assert not find_cut_factors(ordered_grid(30)[5:] / 7)


def test_warning_in_a_grid_search():
    Y = ordered_grid(4, 5, 6)
    X = Y + 0.1 * np.random.RandomState(0).normal(size=Y.shape)
    scoring = make_disentanglement_scorer("irs")
    search = GridSearchCV(PCA(), {"n_components": [2, 3]}, scoring=scoring)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, Y)
    messages = [str(one.message) for one in caught if one.category is UserWarning]
    assert any(
        "unshuffled fold of an ordered grid" in message
        and "factors in columns 0 of Y" in message
        and "grid: almost every row is the combination of factors that follows the one "
        "before"
        in message
        and "a part of their values only. Shuffle the folds, for example with "
        "cv=KFold(5, shuffle=True"
        in message
        for message in messages
    )
    search.set_params(cv=SHUFFLED).fit(X, Y)  # raises if anything warns


# A few labels


@pytest.fixture
def some(factors):
    """Return the factors of every fourth row; the others are marked as unlabelled."""
    some = np.full_like(factors, -1)
    some[::4] = factors[::4]
    return some


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_unlabelled_rows_are_left_out(name, container, X, factors, some):
    scorer = make_disentanglement_scorer(name, **options_of(name))
    pca = PCA(2).fit(X)
    expected = scorer(pca, X[::4], factors[::4])
    score = scorer(pca, container(X), container(some))
    assert score == pytest.approx(expected, nan_ok=True)


def options_of(name):
    draws = ("beta_vae", "factor_vae", "sap", "explicitness", "dci", "infomec")
    return {"random_state": 0} if name.startswith(draws) else {}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_labelled", [0, 1])
def test_fewer_than_two_labels_are_too_few(name, n_labelled, X, factors, some):
    some[n_labelled:] = -1
    scorer = make_disentanglement_scorer(name)
    message = rf"{n_labelled} of 400 rows of y are labelled .* fewer than .*{name}"
    with pytest.raises(ValueError, match=message):
        scorer(PCA(2).fit(X), X, some)


@pytest.mark.parametrize("name", ["beta_vae", "factor_vae", "sap", "dci_completeness"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_fewer_labels_than_a_metric_needs(name, X, factors):
    some = np.full_like(factors, -1)
    some[:3] = factors[:3]
    scorer = make_disentanglement_scorer(name, **options_of(name))
    with pytest.raises(ValueError, match=r"3 of 400 rows .* more, with several va"):
        scorer(PCA(2).fit(X), X, some)


def test_a_metric_of_ones_own_may_be_undefined(X, some):
    scorer = make_disentanglement_scorer(lambda Z, Y: np.nan)
    assert np.isnan(scorer(PCA(2).fit(X), X, some))


def test_rows_that_are_marked_in_part_are_refused(X, some):
    some[5, 1] = 3
    scorer = make_disentanglement_scorer("mig")
    with pytest.raises(ValueError, match="Row 5 of y holds -1 in column 0"):
        scorer(PCA(2).fit(X), X, some)


def test_without_unlabelled_rows_minus_1_is_a_class(X, factors):
    scorer = make_disentanglement_scorer("mig")
    pca, shifted = PCA(2).fit(X), factors - [1, 0, 0]
    assert scorer(pca, X, shifted) == scorer(pca, X, factors)


def test_labelled_rows_that_are_a_part_of_a_grid_are_noticed():
    some = ordered_grid(4, 5, 6)
    X = some + 0.1 * np.random.RandomState(0).normal(size=some.shape)
    some[:60] = -1
    scorer = make_disentanglement_scorer("irs")
    with pytest.warns(UserWarning, match="unshuffled fold of an ordered grid"):
        scorer(PCA(2).fit(X), X, some)


def test_in_grid_search_with_a_few_labels(X, some):
    slot = Pipeline([("codes", "passthrough")])
    codes = [PCA(3), FastICA(3, whiten="unit-variance", random_state=0)]
    search = GridSearchCV(
        slot,
        {"codes": codes},
        scoring=make_disentanglement_scorer("mig"),
        cv=SHUFFLED,
    ).fit(X, some)
    assert isinstance(search.best_params_["codes"], FastICA)
