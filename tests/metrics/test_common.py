"""What every metric on codes and factors has in common."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import UndefinedMetricWarning

from sk_bvae.metrics import (
    beta_vae_score,
    dci_score,
    explicitness_score,
    factor_vae_score,
    infomec_score,
    interventional_robustness_score,
    modularity_score,
    mutual_info_gap,
    mutual_info_matrix,
    sap_score,
)

pytestmark = pytest.mark.usefixtures("few_trees")


def beta_vae(Z, Y, random_state=0, **options):
    options = {"n_train": 200, "n_test": 200, "max_iter": 300} | options
    return beta_vae_score(Z, Y, random_state=random_state, **options)


def factor_vae(Z, Y, random_state=0):
    return factor_vae_score(Z, Y, n_train=500, n_test=500, random_state=random_state)


def dci(Z, Y, random_state=0):
    result = dci_score(Z, Y, random_state=random_state)
    return result.disentanglement + result.completeness + result.informativeness


def infomec(Z, Y, random_state=0):
    result = infomec_score(Z, Y, random_state=random_state)
    return result.modularity + result.explicitness + result.compactness


def explicitness(Z, Y, random_state=0):
    return explicitness_score(Z, Y, random_state=random_state)


def sap(Z, Y, random_state=0):
    return sap_score(Z, Y, random_state=random_state)


DRAWING = [explicitness, sap, dci, infomec, beta_vae, factor_vae]
SCORES = [
    mutual_info_gap,
    modularity_score,
    interventional_robustness_score,
    *DRAWING,
]
NAMES = {
    explicitness: "explicitness_score",
    sap: "sap_score",
    dci: "dci_score",
    infomec: "infomec_score",
    beta_vae: "beta_vae_score",
    factor_vae: "factor_vae_score",
}
INTEGER_ONLY = [
    score for score in SCORES if score is not interventional_robustness_score
]
every_score = pytest.mark.parametrize("score", SCORES, ids=lambda f: f.__name__)
drawing_scores = pytest.mark.parametrize("score", DRAWING, ids=lambda f: f.__name__)
integer_scores = pytest.mark.parametrize(
    "score", INTEGER_ONLY, ids=lambda f: f.__name__
)


@every_score
def test_order_and_sign_of_the_codes_do_not_matter(score, codes, factors):
    changed = codes[:, [2, 0, 3, 1]] * [1, -1, -1, 1]
    # Trees that choose between equal splits may choose otherwise.
    tolerance = 0.05 if score is dci else 1e-9
    assert score(changed, factors) == pytest.approx(
        score(codes, factors), abs=tolerance
    )


@every_score
def test_order_of_the_factors_does_not_matter(score, codes, factors):
    # What is drawn, and the ties of trees, follow the order of the factors.
    tolerance = 0.05 if score in (dci, beta_vae, factor_vae) else 1e-9
    assert score(codes, factors[:, [2, 0, 1]]) == pytest.approx(
        score(codes, factors), abs=tolerance
    )


@integer_scores
def test_labels_of_the_classes_do_not_matter(score, codes, factors):
    relabelled = np.array([7, -3, 40, 11, 5, 100])[factors]
    assert score(codes, relabelled) == pytest.approx(score(codes, factors), abs=0.05)


@every_score
@pytest.mark.parametrize("value", [0.0, 0.1, -1e6])
def test_dead_code_beside_live_ones(score, codes, factors, value):
    alive = score(codes, factors)
    Z = np.column_stack([codes, np.full(len(codes), value)])
    got = score(Z, factors)
    if score is modularity_score:  # counts a dead code as 0
        alive *= 4 / 5
    tolerance = 0.05 if score is dci else 1e-9
    if score is dci:  # completeness is to the base of the number of codes
        tolerance = 0.3
    assert got == pytest.approx(alive, abs=tolerance)


@every_score
def test_only_dead_codes(score, factors):
    Z = np.full((len(factors), 2), 0.1)
    if score in (interventional_robustness_score, factor_vae):
        message = r"is 0\. (Check .* collapsed|If the codes .* active_threshold)\.$"
        with pytest.warns(UndefinedMetricWarning, match=message):
            assert score(Z, factors) == 0
    else:
        assert 0 <= score(Z, factors) < 0.6


@every_score
def test_one_code(score, codes, factors):
    assert 0 <= score(codes[:, :1], factors) <= 3


@every_score
def test_duplicated_codes(score, codes, factors):
    assert 0 <= score(codes[:, [0, 0, 1, 1, 2, 2]], factors) <= 3


@pytest.mark.parametrize("score", [mutual_info_gap, sap], ids=["mig", "sap"])
def test_duplicated_codes_leave_no_gap(score, codes, factors):
    assert score(np.hstack([codes, codes]), factors) == 0


@every_score
def test_fewer_samples_than_bins(score):
    Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 4)
    Z = Y + 0.1 * np.random.RandomState(0).normal(size=Y.shape)
    assert 0 < score(Z, Y) <= 3


@every_score
def test_constant_factor_is_named_and_left_out(score, codes, factors):
    Y = np.insert(factors, 1, 5, axis=1)
    name = NAMES.get(score, score.__name__)
    with pytest.warns(UndefinedMetricWarning, match=rf"^{name}: .*columns 1 of Y"):
        got = score(codes, Y)
    assert got == pytest.approx(score(codes, factors), abs=1e-9)


@every_score
def test_no_factor_varies(score, codes):
    Y = np.zeros((len(codes), 2), dtype=int)
    with pytest.warns(UndefinedMetricWarning) as caught:
        assert np.isnan(score(codes, Y))
    assert "columns 0, 1 of Y" in str(caught[0].message)
    assert "no factor remains" in str(caught[0].message)
    assert "before splitting it), or drop the columns." in str(caught[0].message)


@every_score
def test_kinds_of_input(score, codes, factors):
    expected = score(codes, factors)
    read_only = np.asfortranarray(codes)
    read_only.flags.writeable = False
    assert score(read_only, factors) == expected
    assert score(codes.tolist(), factors.tolist()) == expected
    frame = pd.DataFrame(factors, index=range(7, 7 + len(factors)), columns=list("abc"))
    assert score(pd.DataFrame(codes), frame) == expected
    assert score(codes, factors.astype(np.float32)) == expected
    assert score(codes, factors.astype(np.uint8)) == expected


@every_score
def test_inputs_are_left_as_they_were(score, codes, factors):
    Z, Y = codes.copy(), factors.copy()
    score(Z, Y)
    assert np.array_equal(Z, codes)
    assert np.array_equal(Y, factors)


@drawing_scores
def test_draws_follow_the_seed(score, codes, factors):
    assert score(codes, factors, 3) == score(codes, factors, 3)
    generators = [np.random.RandomState(3) for _ in range(2)]
    assert len({score(codes, factors, rng) for rng in generators}) == 1


@every_score
def test_nothing_global_is_drawn(score, codes, factors, global_random_states):
    before = global_random_states()
    score(codes, factors, *([None] if score in DRAWING else []))
    assert global_random_states() == before


@every_score
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda Z, Y: (Z, Y[:, 0]),
            r"column per factor.*(300,).*as one column: num",
        ),
        (lambda Z, Y: (Z[:, 0], Y), "Expected 2D array, got 1D"),
        (lambda Z, Y: (Z[:-1], Y), "inconsistent numbers of samples"),
        (lambda Z, Y: (np.where(Z > 1, np.nan, Z), Y), "Input Z contains NaN"),
        (lambda Z, Y: (np.where(Z > 1, np.inf, Z), Y), "Input Z contains infinity"),
        (lambda Z, Y: (Z, np.where(Y > 1, np.nan, Y)), "Input Y contains NaN"),
        (
            lambda Z, Y: (Z, np.array(list("abcdef"))[Y]),
            r"Y must hold num.*OrdinalEncoder[.]$",
        ),
        (lambda Z, Y: (Z[:1], Y[:1]), "minimum of 2 is required"),
        (lambda Z, Y: (Z[:, :0], Y), r"0 feature[(]s[)]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "rows",
)
def test_bad_input_is_named(score, codes, factors, spoil, message):
    with pytest.raises(ValueError, match=message):
        score(*spoil(codes, factors))


@pytest.mark.parametrize(
    ("constant", "columns", "outcome"),
    [([1], "1", "left out"), ([0, 1, 2], "0, 1, 2", "left out, and no factor remains")],
)
def test_what_is_left_out_is_said(codes, factors, constant, columns, outcome):
    Y = factors.copy()
    Y[:, constant] = 4
    with pytest.warns(UndefinedMetricWarning) as caught:
        mutual_info_gap(codes, Y)
    assert (
        f"mutual_info_gap: the factors in columns {columns} of Y hold a single value, "
        f"so it is undefined for them and they are {outcome}. Score rows"
    ) in str(caught[0].message)


@integer_scores
def test_continuous_factors_are_refused_where_classes_are_needed(score, codes, factors):
    Y = factors.astype(float)
    Y[:, 2] /= 4
    held = Y[Y[:, 2] % 1 != 0, 2][0]
    with pytest.raises(ValueError, match=rf"column 2 holds {held}\. .* bins first\.$"):
        score(codes, Y)


def test_continuous_factors_where_they_are_defined(factors):
    Y = factors / 7 + np.random.RandomState(0).normal(size=factors.shape)
    assert sap_score(-Y, Y, continuous_factors=True) == pytest.approx(1, abs=0.02)
    assert 0.5 < interventional_robustness_score(-Y, Y) <= 1


@every_score
def test_class_missing_from_the_test_half(score, codes, factors):
    Y = factors.copy()
    Y[0, 1] = 99  # one row only: it cannot be in both halves
    if score is not explicitness:
        assert np.isfinite(score(codes, Y))
        return
    with pytest.warns(UndefinedMetricWarning, match="columns 1 of Y.*test rows only"):
        got = score(codes, Y)
    assert got == score(codes, factors[:, [0, 2]])


def test_ordered_rows_are_shuffled_before_they_are_split():
    Y = np.stack(np.meshgrid(range(4), range(20), indexing="ij"), -1).reshape(-1, 2)
    Y = np.repeat(Y, 5, axis=0)
    assert explicitness_score(Y / [4, 20], Y, random_state=0) > 0.8
    with pytest.warns(UndefinedMetricWarning, match="columns 0 of Y"):
        explicitness_score(Y / [4, 20], Y, shuffle=False)


def test_mutual_info_matrix_accepts_a_constant_factor(codes, factors):
    Y = np.insert(factors, 0, 5, axis=1)
    assert np.all(mutual_info_matrix(codes, Y)[:, 0] == 0)
