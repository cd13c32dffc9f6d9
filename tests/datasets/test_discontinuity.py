import numpy as np
import pytest
from numpy.testing import assert_allclose

from sk_bvae.datasets import factor_discontinuity, make_shapes2d


def test_by_hand():
    X = [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]
    Y = [[0, 0], [0, 1], [0, 3]]
    # 2 pixels of 2 change, then 3 of 1.5.
    assert_allclose(factor_discontinuity(X, Y), [np.nan, (1 + 2) / 2])


def test_pairs_differ_in_one_factor_alone():
    X = np.eye(4, dtype=int)
    Y = [[0, 0], [1, 1], [2, 3], [3, 2]]
    assert np.isnan(factor_discontinuity(X, Y)).all()


def test_order_and_repetitions_do_not_matter():
    X, Y = make_shapes2d(
        None, shapes=["heart"], n_scales=2, n_orientations=4, n_positions=4,
        return_X_y=True,
    )  # fmt: skip
    expected = factor_discontinuity(X, Y)
    order = np.random.RandomState(0).permutation(np.repeat(np.arange(len(X)), 2))
    assert_allclose(factor_discontinuity(X[order], Y[order]), expected)


def test_blank_images_do_not_change():
    assert factor_discontinuity(np.zeros((2, 3)), [[0], [1]]) == [0.0]


def test_grows_with_sparsity_and_not_with_the_amount_of_data():
    def mean_over_transforms(coverage, subset):
        X, Y = make_shapes2d(
            None, shapes=["ellipse"], n_orientations=12, n_positions=12,
            coverage=coverage, subset=subset, random_state=0, return_X_y=True,
        )  # fmt: skip
        return factor_discontinuity(X, Y)[1:].mean()

    sparse = [mean_over_transforms(c, "sparse") for c in (1.0, 0.7, 0.4)]
    continuous = [mean_over_transforms(c, "continuous") for c in (1.0, 0.7, 0.4)]
    assert sparse[0] == continuous[0]
    assert sparse[0] < sparse[1] < sparse[2]
    assert max(continuous) < sparse[1]


def test_inconsistent_lengths():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        factor_discontinuity([[0], [1]], [[0]])
