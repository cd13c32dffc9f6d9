"""The table of a search."""

import numpy as np
import pytest

from sk_bvae.model_selection._results import (
    best_replica,
    first_of_rank_1,
    format_results,
    rank,
)


def test_table():
    candidates = [{"beta": 1}, {"beta": 4, "n_components": 3}]
    scores = np.array([[1.0, 3.0], [4.0, 8.0]])
    results = format_results(candidates, {"score": scores, "kl": 2 * scores})
    assert results["params"] == candidates
    np.testing.assert_array_equal(results["replica1_score"], [3, 8])
    np.testing.assert_array_equal(results["mean_score"], [2, 6])
    np.testing.assert_array_equal(results["std_kl"], [2, 4])
    np.testing.assert_array_equal(results["rank_score"], [2, 1])
    np.testing.assert_array_equal(results["param_beta"], [1, 4])
    assert results["param_n_components"].mask.tolist() == [True, False]


def test_ranks():
    assert rank(np.array([0.5, 2.0, np.nan, 2.0])).tolist() == [3, 1, 4, 1]
    assert rank(np.array([np.nan, np.nan])).tolist() == [1, 1]


def test_the_best():
    scores = np.array([[np.nan, 1.0], [0.1, -3.0], [np.nan, np.nan]])
    candidates = [{"beta": b} for b in (1, 2, 3)]
    with pytest.warns(UserWarning, match="non-finite"):
        results = format_results(candidates, {"score": scores})
    assert first_of_rank_1(results) == 1
    assert [best_replica(results, row, 2) for row in range(3)] == [1, 0, 0]
