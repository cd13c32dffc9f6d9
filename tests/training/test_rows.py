import numpy as np
import pytest
import torch

from sk_bvae.training import rows as rows_module
from sk_bvae.training.rows import Batches, Rows, draw_pass, draw_whole_pass

CPU = torch.device("cpu")


@pytest.fixture(params=["float32", "uint8", "bool"])
def array(request, rng):
    return rng.integers(0, 2, size=(23, 3)).astype(request.param)


def test_rows_wider_than_a_block_come_one_by_one(array, monkeypatch):
    monkeypatch.setattr(rows_module, "BLOCK_BYTES", 1)
    assert [len(block) for block in Rows(array, CPU).raw_blocks()] == [1] * 23


def test_what_a_gpu_would_hold_is_what_batches_are(array, monkeypatch):
    monkeypatch.setattr(rows_module, "BLOCK_ROWS", 7)
    rows = Rows(array, CPU)
    resident = rows._move()
    assert resident.dtype == torch.from_numpy(array).dtype
    np.testing.assert_array_equal(resident, array)


def test_pages_of_a_map_are_released_once_enough_are_read(tmp_path, monkeypatch):
    np.save(tmp_path / "X.npy", np.arange(4096.0 * 6).reshape(6, 4096))
    array = np.load(tmp_path / "X.npy", mmap_mode="r")
    released = []
    monkeypatch.setattr(rows_module, "release_pages", released.append)
    monkeypatch.setattr(rows_module, "RESIDENT_BYTES", 3 * array[0].nbytes)
    monkeypatch.setattr(rows_module, "NEIGHBOURHOOD_BYTES", 1)
    rows = Rows(array, CPU)
    for row in range(6):
        rows[torch.tensor([row])]
        assert len(released) == (row + 1) // 4
    assert released[0] is array


def test_batches_are_float32_whatever_the_array(array):
    rows = Rows(array, CPU)
    batch = rows[torch.tensor([3, 1])]
    assert batch.dtype == torch.float32
    np.testing.assert_array_equal(batch, array[[3, 1]])


def test_in_memory_arrays_are_not_copied(array):
    assert Rows(array, CPU).array is array


def batches_of(rows, batch_size, training, n_views=1):
    generator = torch.Generator().manual_seed(0)
    return Batches(rows, batch_size, n_views, 2, generator, training)


def test_a_pass_visits_every_row_once_in_an_order_of_its_own(array):
    array = np.arange(23, dtype=np.float32)[:, None]
    batches = batches_of(Rows(array, CPU), 5, training=True)
    passes = [
        torch.cat([x[0] for x, *_ in batches]).flatten().tolist() for _ in range(2)
    ]
    assert [x.shape[1] for x, *_ in batches] == [5, 5, 5, 5, 3]
    assert len(batches) == 5
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(23))
    assert passes[0] != passes[1]


def test_rows_to_validate_on_stay_in_order(array):
    batches = batches_of(Rows(array, CPU), 5, training=False)
    together = torch.cat([x[0] for x, *_ in batches])
    np.testing.assert_array_equal(together, array)


@pytest.mark.parametrize("training", [True, False])
def test_noise_is_drawn_anew_for_training_only(array, training):
    batches = batches_of(Rows(array, CPU), 5, training)
    first, second = (torch.cat([one.noise[0] for one in batches]) for _ in range(2))
    assert first.shape == (23, 2)
    assert torch.equal(first, second) != training
    assert len(first.unique()) == first.numel()


def test_positions_of_any_shape(array):
    rows = Rows(array, CPU)
    positions = torch.tensor([[3, 1], [0, 22]])
    np.testing.assert_array_equal(rows[positions], array[positions.numpy()])


def test_restricted_rows_are_a_view(array):
    rows = Rows(array, CPU).restrict(torch.tensor([4, 7, 9]))
    assert len(rows) == 3
    assert rows.array is array
    visited = torch.cat([x[0] for x, *_ in batches_of(rows, 2, training=True)])
    assert sorted(map(tuple, visited.tolist())) == sorted(
        map(tuple, array[[4, 7, 9]].astype(float).tolist())
    )


def test_blocks_are_all_rows_in_order(array):
    together = torch.cat(list(Rows(array, CPU).blocks(10)))
    np.testing.assert_array_equal(together, array)


def test_range(array):
    low, high = Rows(array, CPU).range
    np.testing.assert_array_equal(low, array.min(axis=0))
    np.testing.assert_array_equal(high, array.max(axis=0))
    wide = np.zeros((5000, 1), dtype=np.float32)
    wide[1] = 3.5
    wide[4999] = -2
    assert Rows(wide, CPU).range == (-2.0, 3.5)


@pytest.mark.parametrize("n_rows", [23, 2048, 5000])
def test_moments_are_of_all_rows(rng, n_rows):
    array = rng.normal(size=(n_rows, 3)) * [1, 100, 1e-6] + [0, 1e6, 7]
    mean, variance = Rows(array, CPU).moments
    np.testing.assert_allclose(mean, array.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, array.var(axis=0), rtol=1e-8)


def test_far_means_are_taken_off_before_the_cast(rng):
    small = rng.normal(size=(50, 3))
    array = small + np.array([0, 1e9, 1e5])
    rows = Rows(array, CPU).without_far_means()
    assert rows.shift[0] == 0
    batch = rows[torch.arange(50)].numpy() + rows.shift
    np.testing.assert_allclose(batch, array, rtol=0, atol=1e-6)
    constant = np.column_stack([small, np.full(50, 1e9), np.full(50, 7.0)])
    shift = Rows(constant, CPU).without_far_means().shift
    np.testing.assert_array_equal(shift, [0, 0, 0, 1e9, 0])
    near = Rows(small, CPU)
    assert near.without_far_means() is near


@pytest.mark.parametrize("kind", ["float64", "float16", "int8", "int64", "uint16"])
def test_other_numbers_are_cast_a_batch_at_a_time(rng, kind):
    array = rng.integers(0, 100, size=(9, 2)).astype(kind)
    batch = Rows(array, CPU)[torch.tensor([3, 1])]
    assert batch.dtype == torch.float32
    np.testing.assert_array_equal(batch, array[[3, 1]])


def test_views_look_at_their_own_rows_only():
    array = np.arange(10, dtype=np.float32)[:, None]
    rows = Rows(array, CPU)
    assert rows.range == (0, 9)
    view = rows.restrict(torch.tensor([8, 3, 5, 4]))
    assert view.range == (3, 8)
    assert view.moments == (5, 3.5)
    assert torch.cat(list(view.blocks(3))).flatten().tolist() == [8, 3, 5, 4]
    assert view.restrict(torch.tensor([1, 2])).range == (3, 5)


@pytest.mark.parametrize("training", [True, False])
def test_views_of_a_batch_have_orders_and_noise_of_their_own(array, training):
    array = np.arange(23, dtype=np.float32)[:, None]
    batches = list(batches_of(Rows(array, CPU), 5, training, n_views=3))
    assert {batch.n_rows for batch in batches} == {23}
    x, noise = (torch.cat([batch[i] for batch in batches], dim=1) for i in (0, 1))
    assert x.shape == (3, 23, 1)
    assert noise.shape == (3, 23, 2)
    orders = {tuple(view.flatten().tolist()) for view in x}
    assert len(orders) == 3
    assert all(sorted(order) == list(range(23)) for order in orders)
    assert len(noise.unique()) == noise.numel()


def test_a_map_gives_the_rows_that_an_array_gives(tmp_path, rng):
    array = rng.integers(0, 255, size=(300, 7), dtype=np.uint8)
    np.save(tmp_path / "X.npy", array)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    positions = torch.from_numpy(rng.permutation(300)[:101])
    for view in (mapped, mapped[5:]):
        some = positions[positions < len(view)]
        batch = Rows(view, CPU)[some]
        np.testing.assert_array_equal(batch, np.asarray(view)[some.numpy()])


def test_a_part_stays_a_part_without_its_far_means(rng):
    array = 1e6 + rng.normal(size=(23, 3))
    part = Rows(array, CPU).restrict(torch.arange(20)).without_far_means()
    assert len(part) == 20
    np.testing.assert_allclose(part.shift, array[:20].mean(axis=0))


def test_views_share_what_is_on_the_device(monkeypatch):
    """Else each net of a stack would have a copy of the data there."""
    monkeypatch.setattr(rows_module, "_fits", lambda device, array: True)
    X = np.arange(12.0).reshape(6, 2)
    rows = Rows(X, CPU)
    one, other = (rows.restrict(torch.tensor(kept)) for kept in ([0, 2], [5, 1]))
    assert one.resident is other.resident is rows.resident
    np.testing.assert_array_equal(other[other.positions], X[[5, 1]])


# Weights


def test_rows_that_count_are_a_view(array):
    weight = np.arange(23.0) % 3
    rows = Rows(array, CPU).weigh(weight)
    counts = np.flatnonzero(weight)
    assert rows.array is array
    np.testing.assert_array_equal(rows.positions, counts)
    np.testing.assert_allclose(rows.weight, weight[counts] / weight[counts].mean())
    part = rows.restrict(torch.tensor([0, 1, 2]))
    np.testing.assert_allclose(part.weight, np.array([1, 2, 1]) * 3 / 4)
    assert rows.restrict(torch.tensor([0, 2])).weight is None  # they count alike
    assert Rows(array, CPU).weigh(np.full(23, 0.1)).weight is None


def test_whole_weights_say_how_many_rows_there_are(array):
    rows, weight = Rows(array, CPU), np.arange(23.0)
    assert rows.n_counted == 23
    assert rows.weigh(weight).n_counted == weight.sum()
    assert rows.weigh(weight / 2).n_counted == 22
    assert rows.weigh(weight % 2 * 5).n_counted == 11


@pytest.mark.parametrize("n_rows", [23, 5000])
def test_weighted_moments(rng, n_rows):
    array = rng.normal(size=(n_rows, 3)) * [1, 100, 1e-6] + [0, 1e6, 7]
    weight = rng.exponential(size=n_rows) * (np.arange(n_rows) > n_rows // 2)
    mean, variance = Rows(array, CPU).weigh(weight).moments
    expected = np.average(array, axis=0, weights=weight)
    np.testing.assert_allclose(mean, expected, rtol=1e-12)
    expected = np.cov(array.T, aweights=weight, ddof=0).diagonal()
    np.testing.assert_allclose(variance, expected, rtol=1e-8)


@pytest.mark.parametrize("training", [True, False])
def test_views_after_the_first_take_rows_as_often_as_they_count(training):
    weight = np.array([1.0, 1.0, 1.0, 1.0, 8.0, 8.0])
    rows = Rows(np.zeros((6, 1)), CPU).weigh(weight)
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        drawn = draw_whole_pass(generator, rows, 2, 2, 1, training)
        own, other = drawn.order.numpy()
        np.testing.assert_array_equal(np.sort(own), np.arange(6))
        assert np.isin(other, [4, 5]).sum() >= 4


def test_weights_come_with_their_rows(rng):
    weight = rng.exponential(size=23)
    rows = Rows(np.arange(23.0)[:, None], CPU).weigh(weight)
    for training in (True, False):
        for batch in batches_of(rows, 5, training):
            expected = weight[batch.x[0, :, 0].long()] / weight.mean()
            np.testing.assert_allclose(batch.sample_weight, expected, rtol=1e-6)


def test_mean_of_a_function(rng):
    array, weight = rng.normal(size=(23, 3)), rng.exponential(size=23)
    rows = Rows(array, CPU)
    for each, w in ((rows, None), (rows.weigh(weight), weight)):
        expected = np.average(array**2, axis=0, weights=w)
        np.testing.assert_allclose(each.mean(torch.square, 5), expected, rtol=1e-5)


def test_further_views_are_drawn_in_proportion():
    weight = torch.tensor([0.0625, 0.5, 1.0, 2.4375]).double()
    counts = torch.zeros(2, 4)
    for seed in range(2000):
        generators = [torch.Generator().manual_seed(seed) for _ in range(2)]
        order, noise = draw_pass(generators[0], 4, 3, 2, weight)
        plain = draw_pass(generators[1], 4, 3, 2)
        assert torch.equal(order[0], plain[0][0])
        assert torch.equal(noise, plain[1])
        for view in (0, 1):
            drawn = order[1 + view].bincount(minlength=4)
            assert ((drawn - weight).abs() < 2).all()
            counts[view] += drawn
    np.testing.assert_allclose(counts / 2000, weight.expand(2, 4), atol=0.05)
    assert len({tuple(order[1].tolist()), tuple(order[2].tolist())}) == 2


def array_with_gaps(rng, n_rows=5000):
    array = rng.normal(loc=[0, 1e6, -3, 2], size=(n_rows, 4))
    array[rng.random(array.shape) < 0.3] = np.nan
    array[:2048, 2] = np.nan  # all of the first block
    return array


def test_gaps_are_left_out_of_range_and_moments(rng):
    array = array_with_gaps(rng)
    rows = Rows(array, CPU)
    np.testing.assert_array_equal(
        rows.range, [np.nanmin(array, 0), np.nanmax(array, 0)]
    )
    mean, variance = rows.moments
    np.testing.assert_allclose(mean, np.nanmean(array, axis=0), rtol=1e-10)
    np.testing.assert_allclose(variance, np.nanvar(array, axis=0), rtol=1e-8)
    np.testing.assert_array_equal(rows.incomplete(), np.isnan(array).any(axis=1))


def test_a_column_with_nothing_in_it_has_no_moments(rng):
    array = array_with_gaps(rng)
    array[:, 2] = np.nan
    mean, variance = Rows(array, CPU).moments
    np.testing.assert_array_equal(np.isnan(mean), [False, False, True, False])
    np.testing.assert_array_equal(np.isnan(variance), [False, False, True, False])


@pytest.mark.parametrize("known_by", ["range", "moments", "has_gaps"])
def test_gaps_are_found_in_whatever_pass_comes_first(rng, known_by, monkeypatch):
    array = rng.normal(size=(5000, 4))
    whole = Rows(array, CPU)
    part = Rows(np.where(np.arange(5000)[:, None] == 4999, np.nan, array), CPU)
    getattr(whole, known_by), getattr(part, known_by)
    before = part.restrict(torch.arange(4999))
    monkeypatch.setattr(Rows, "raw_blocks", lambda rows: pytest.fail("another pass"))
    assert not whole.has_gaps
    assert not whole.restrict(torch.arange(3)).has_gaps
    assert part.has_gaps
    monkeypatch.undo()
    assert not before.has_gaps


def test_no_pass_looks_for_gaps_in_integers(array, monkeypatch):
    monkeypatch.setattr(Rows, "raw_blocks", lambda rows: pytest.fail("a pass"))
    if array.dtype != np.float32:
        assert not Rows(array, CPU).has_gaps


def test_far_means_are_those_of_what_is_observed(rng):
    rows = Rows(array_with_gaps(rng), CPU)
    away = rows.without_far_means()
    np.testing.assert_array_equal(away.shift, [0, rows.moments[0][1], 0, 0])
    assert away.has_gaps
