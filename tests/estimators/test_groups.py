from itertools import combinations

import numpy as np
import pytest

from sk_bvae.estimators import group_by_factors
from sk_bvae.estimators._groups import group_as_given


def one_apart(Y, column):
    """Pair the rows that differ in a column and in no other, one by one."""
    return {
        (i, j)
        for i, j in combinations(range(len(Y)), 2)
        if [*np.flatnonzero(Y[i] != Y[j])] == [column]
    }


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", [int, float])
def test_groups_are_of_rows_that_differ_in_one_factor_alone(seed, kind):
    rng = np.random.default_rng(seed)
    Y = rng.integers(3, size=(25, 4)).astype(kind) / (1 if kind is int else 8)
    groups = group_by_factors(Y)
    assert groups.dtype == np.int32
    for column in range(4):
        paired = one_apart(Y, column)
        own = groups[:, column]
        grouped = {
            (i, j)
            for i, j in combinations(range(25), 2)
            if own[i] == own[j] != -1 and Y[i, column] != Y[j, column]
        }
        assert grouped == paired
        np.testing.assert_array_equal(own >= 0, np.isin(range(25), [*sum(paired, ())]))


def test_everything_else_varies_where_rows_agree_in_all_factors():
    Y = [[0, 0], [0, 1], [1, 0], [0, 0], [1, 0], [1, 1]]
    last = group_by_factors(Y)[:, -1]
    assert last[0] == last[3] >= 0
    assert last[2] == last[4] >= 0
    assert last[0] != last[2]
    assert (last[[1, 5]] == -1).all()


def test_unlabelled_rows_are_alone_and_of_no_factor():
    Y = np.array([[0, 0], [0, 1], [-1, -1], [1, 0], [1, 0], [-1, -1]])
    groups = group_by_factors(Y)
    assert (groups[[2, 5], :2] == -1).all()
    there = groups[groups[:, 2] >= 0, 2]
    assert sorted(np.unique(there, return_counts=True)[1]) == [1, 1, 2]


def test_a_single_factor_may_be_one_dimensional():
    groups = group_by_factors([3.5, 1.0, 3.5])
    np.testing.assert_array_equal(groups, [[0, 0], [0, -1], [0, 0]])


@pytest.mark.parametrize(
    "Y",
    [
        [[0, 0], [1, 0], [0, 0]],  # the second never varies
        [[0, 0], [1, 0], [2, 1]],  # it never varies alone
        [[0, 0], [1, 0], [-1, -1]],
    ],
)
def test_a_factor_that_never_varies_alone_is_named(Y):
    with pytest.raises(
        ValueError, match="column 1 of y varies alone: of the 3 samples"
    ):
        group_by_factors(Y)


def test_labels_of_groups():
    labels = np.array([["a", "x"], ["b", "x"], ["a", "y"], ["c", "x"]], dtype=object)
    labels[3, 1] = -1
    groups = group_as_given(labels, 4)
    np.testing.assert_array_equal(
        groups, [[0, 0, 0], [-1, 0, 1], [0, -1, 2], [-1, -1, 3]]
    )


def test_one_label_for_each_row_is_one_factor():
    groups = group_as_given([7, 7, -1, 3, 3], 5)
    np.testing.assert_array_equal(groups[:, 0], [1, 1, -1, 0, 0])


def test_groups_of_one_row_are_none():
    with pytest.raises(ValueError, match="column 0 of groups varies alone"):
        group_as_given(np.arange(5), 5)


def test_groups_of_other_rows_are_refused():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        group_as_given([0, 0], 5)


def test_rows_that_are_marked_in_part_are_refused():
    with pytest.raises(ValueError, match="Row 1 of y holds -1 in column 0"):
        group_by_factors([[0, 0], [-1, 0], [-1, -1], [1, 0]])
