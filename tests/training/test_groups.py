import numpy as np
import pytest
import torch

from sk_bvae.estimators import group_by_factors
from sk_bvae.nn import Batch
from sk_bvae.training.groups import draw_groups
from sk_bvae.training.rows import Batches, Rows

GRID = np.stack(np.meshgrid(*map(np.arange, (3, 4, 5)), indexing="ij"), -1)
GRID = GRID.reshape(-1, 3)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(groups, batch_size, seed=0):
    groups = torch.from_numpy(np.asarray(groups, dtype=np.int32))
    order, (varies, group) = draw_groups(generator(seed), groups, batch_size)
    return order.numpy(), varies.numpy(), group.numpy()


# What is drawn


@pytest.mark.parametrize("batch_size", [7, 12, 60])
def test_one_factor_varies_in_the_groups_of_a_batch(batch_size):
    order, varies, group = draw(group_by_factors(GRID), batch_size)
    assert len(order) == len(group) == len(GRID)
    for number, kind in enumerate(varies):
        some = slice(number * batch_size, (number + 1) * batch_size)
        (factor,) = np.flatnonzero(kind)
        for each in np.unique(group[some]):
            rows = GRID[order[some][group[some] == each]]
            others = np.delete(rows, factor, axis=1)
            assert (others == others[0]).all()


def test_rows_of_a_group_come_together_and_each_of_them_once():
    order, varies, group = draw(group_by_factors(GRID), batch_size=20)
    for number, kind in enumerate(varies):
        some = slice(20 * number, 20 * number + 20)
        (size,) = np.array(GRID.max(axis=0) + 1)[np.flatnonzero(kind)]
        _, counts = np.unique(group[some], return_counts=True)
        assert (counts[:-1] <= size).all()
        assert np.count_nonzero(np.diff(group[some])) == len(counts) - 1
        assert len(np.unique(order[some])) == 20


def test_kinds_that_there_are_come_equally_often():
    groups = np.repeat([[0, -1, 0, 0]], 90, axis=0)
    _, varies, _ = draw(groups, batch_size=10)
    np.testing.assert_array_equal(varies.sum(axis=0), [3, 0, 3, 3])


def test_with_fewer_batches_than_kinds_all_have_their_turn():
    groups = np.zeros((10, 3))
    first = [draw(groups, 10, seed)[1].argmax() for seed in range(300)]
    assert np.bincount(first).min() > 70


def test_rows_come_equally_often_in_the_long_run():
    """Those of the last batch apart, as there may be room for a part of a group."""
    groups = np.arange(60)[:, None] // 2
    counts = sum(
        np.bincount(draw(groups, 60, seed)[0], minlength=60) for seed in range(20)
    )
    assert (counts == 20).all()


def test_a_few_rows_in_groups_fill_an_epoch():
    groups = np.full((100, 1), -1)
    groups[[3, 5, 8]] = 0
    order, _, group = draw(groups, batch_size=10)
    np.testing.assert_array_equal(np.unique(order), [3, 5, 8])
    assert (group == 0).all()
    assert np.ptp(np.bincount(order)[[3, 5, 8]]) <= 1


def test_draws_differ_and_can_be_repeated():
    groups = group_by_factors(GRID)
    first, again, other = (draw(groups, 7, seed)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_no_groups_at_all_are_refused():
    with pytest.raises(ValueError, match="None of the rows that count"):
        draw(np.full((10, 2), -1), 5)


# Batches


@pytest.fixture
def rows():
    X = GRID.astype(np.float32)
    rows = Rows(X, torch.device("cpu")).group(group_by_factors(GRID))
    return rows.restrict(torch.arange(10, 57))


def test_batches_say_what_their_rows_have_in_common(rows):
    batches = list(Batches(rows, 10, 2, 4, generator(), training=True))
    assert [len(batch.group) for batch in batches] == [10, 10, 10, 10, 7]
    for batch in batches:
        (factor,) = batch.varies.nonzero().squeeze(1).tolist()
        same = batch.group[:, None] == batch.group
        agree = (batch.x[0][:, None] == batch.x[0]).numpy()
        assert np.delete(agree, factor, axis=2)[same].all()
        assert not agree[..., factor][same].all()


def test_batches_to_look_at_are_in_order_and_everything_varies(rows):
    batches = list(Batches(rows, 10, 1, 4, generator(), training=False))
    x = torch.cat([batch.x[0] for batch in batches])
    np.testing.assert_array_equal(x, GRID[10:57])
    for batch in batches:
        assert batch.varies.all()
        assert len(batch.group.unique()) == len(batch.group)


def test_other_models_batches_have_no_groups():
    rows = Rows(GRID.astype(np.float32), torch.device("cpu"))
    (batch,) = Batches(rows, 60, 1, 4, generator(), training=True)
    assert batch.varies is None
    with pytest.raises(TypeError, match="BaseGroupedVAE are given batches that"):
        batch.group_mean(batch.x[0])


@pytest.mark.parametrize("weighted", [False, True])
def test_means_of_groups(rng, weighted):
    values = torch.from_numpy(rng.normal(size=(9, 3)))
    group = torch.from_numpy(rng.integers(4, size=9))
    weight = torch.from_numpy(rng.uniform(0.1, 2, size=9)) if weighted else None
    x = torch.zeros(1, 9, 1)
    means = Batch(x, x, 9, sample_weight=weight, group=group).group_mean(values)
    weight = np.ones(9) if weight is None else weight.numpy()
    for row in range(9):
        there = (group == group[row]).numpy()
        expected = np.average(values[there], axis=0, weights=weight[there])
        np.testing.assert_allclose(means[row], expected, rtol=1e-12)
