import numpy as np
import pytest
from scipy import stats

from sk_bvae.utils._random import draw_seeds, normal_by_row, private_random_state


@pytest.fixture
def X(rng):
    return rng.normal(size=(3000, 4)).astype(np.float32)


def test_noise_is_standard_normal(X):
    noise = normal_by_row(X, 20, seed=0)
    assert noise.shape == (3000, 20)
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    assert np.abs(noise).max() < 7


def test_noise_of_different_rows_and_draws_is_independent(X):
    noise = normal_by_row(X, 20, seed=0)
    between_draws = np.corrcoef(noise.T) - np.eye(20)
    assert np.abs(between_draws).max() < 5 / np.sqrt(3000)
    neighbours = np.corrcoef(noise[:-1].ravel(), noise[1:].ravel())[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(60_000)


def test_noise_follows_its_row_anywhere(X):
    noise = normal_by_row(X, 5, seed=0)
    order = np.random.default_rng(1).permutation(len(X))
    np.testing.assert_array_equal(normal_by_row(X[order], 5, seed=0), noise[order])
    np.testing.assert_array_equal(normal_by_row(X[7:8], 5, seed=0), noise[7:8])


def test_close_rows_get_unrelated_noise(X):
    nudged = np.nextafter(X, np.float32(np.inf))
    noise, other = normal_by_row(X, 5, seed=0), normal_by_row(nudged, 5, seed=0)
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(15_000)


def test_binary_rows_get_unrelated_noise():
    X = ((np.arange(256)[:, None] >> np.arange(8)) & 1).astype(np.float32)
    noise = normal_by_row(X, 8, seed=0)
    assert len(np.unique(noise)) == noise.size


def test_the_sign_of_zero_does_not_matter():
    zero = np.zeros((1, 3), dtype=np.float32)
    np.testing.assert_array_equal(
        normal_by_row(zero, 4, seed=0), normal_by_row(-zero, 4, seed=0)
    )


def test_another_seed_gives_other_noise(X):
    noise, other = normal_by_row(X, 5, seed=0), normal_by_row(X, 5, seed=1)
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(15_000)


def test_seeds_come_from_random_state():
    assert draw_seeds(3, 2) == draw_seeds(3, 2) != draw_seeds(4, 2)
    stream = np.random.RandomState(3)
    assert draw_seeds(stream, 2) == draw_seeds(3, 2)
    assert draw_seeds(stream, 2) != draw_seeds(3, 2)


def test_no_random_state_leaves_numpys_alone(global_random_states):
    before = global_random_states()
    assert draw_seeds(None, 2) != draw_seeds(None, 2)
    assert global_random_states() == before


def test_none_gives_a_fresh_generator():
    first, second = private_random_state(None), private_random_state(None)
    assert first is not np.random.mtrand._rand
    assert (first.randint(2**31, size=4) != second.randint(2**31, size=4)).any()


def test_seeds_and_generators():
    rng = np.random.RandomState(3)
    assert private_random_state(rng) is rng
    assert private_random_state(3).randint(100) == rng.randint(100)


def test_rows_with_gaps_have_noise_too(X):
    X[:, 1] = np.nan
    noise = normal_by_row(X, 5, seed=0)
    X.view(np.uint32)[:, 1] = 0xFFC12345  # another pattern that is no number
    np.testing.assert_array_equal(normal_by_row(X, 5, seed=0), noise)
    assert len(np.unique(noise)) == noise.size
