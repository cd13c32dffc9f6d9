import pickle
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA

from sk_bvae.datasets import _sprites, make_shapes2d

SIZES = [3, 6, 40, 32, 32]
N_GRID = 737_280


def genuine_frames():
    with np.load(Path(__file__).parent / "data" / "dsprites_frames.npz") as file:
        images = np.unpackbits(file["packed"], axis=1).reshape(-1, 64, 64)
        return images, file["factors"]


@pytest.fixture(scope="module")
def render():
    return make_shapes2d(1, random_state=0).render


def small_grid(**params):
    """Make all of 2 x 3 x 5 x 4 x 4 combinations."""
    sizes = {"n_scales": 3, "n_orientations": 5, "n_positions": 4}
    return make_shapes2d(None, shapes=["heart", "ellipse"], **sizes, **params)


def test_genuine_frames_are_met(render):
    images, factors = genuine_frames()
    wrong = (render(factors) != images).sum(axis=(1, 2))
    assert len(wrong) == 213
    assert (wrong == 0).sum() >= 209
    assert wrong.max() <= 4


@pytest.mark.parametrize(
    ("shape", "small", "large"), [(0, 100, 400), (1, 76, 288), (2, 58, 222)]
)
def test_pixels_of_upright_shapes(render, shape, small, large):
    images = render([[shape, 0, 0, 0, 0], [shape, 5, 0, 0, 0]])
    assert images.sum(axis=(1, 2)).tolist() == [small, large]


@pytest.mark.parametrize("seed", [0, 1])
def test_ten_principal_components_explain_what_the_paper_says(seed):
    X, _ = make_shapes2d(20_000, random_state=seed, return_X_y=True)
    pca = PCA(10, svd_solver="randomized", iterated_power=2, random_state=0)
    explained = pca.fit(X.astype(np.float32)).explained_variance_ratio_.sum()
    assert explained == pytest.approx(0.608, abs=0.003)


def test_bunch():
    shapes = make_shapes2d(50, random_state=0)
    assert shapes.data.shape == (50, 4096)
    assert shapes.data.dtype == shapes.images.dtype == np.uint8
    assert set(np.unique(shapes.data)) == {0, 1}
    assert np.shares_memory(shapes.data, shapes.images)
    assert_array_equal(shapes.images.reshape(50, -1), shapes.data)
    assert shapes.target.shape == (50, 5)
    assert shapes.target.dtype == np.int64
    assert shapes.factor_sizes == [len(v) for v in shapes.factor_values] == SIZES
    assert len(shapes.factor_names) == 5
    assert "not* the original" in shapes.DESCR
    assert_array_equal(shapes.render(shapes.target), shapes.images)


def test_factor_values(render):
    shape, scale, orientation, x, y = render.factor_values
    assert shape.tolist() == ["square", "ellipse", "heart"]
    assert_array_equal(scale, np.linspace(0.5, 1, 6))
    assert_array_equal(orientation, np.linspace(0, 2 * np.pi, 40))
    assert_array_equal(x, np.linspace(0, 1, 32))
    assert_array_equal(y, x)


def test_return_X_y():
    X, y = make_shapes2d(20, random_state=0, return_X_y=True)
    shapes = make_shapes2d(20, random_state=0)
    assert_array_equal(X, shapes.data)
    assert_array_equal(y, shapes.target)


def test_grid_is_in_mixed_radix_order():
    grid = small_grid()
    assert len(grid.target) == 2 * 3 * 5 * 4 * 4
    places = np.ravel_multi_index(grid.target.T, grid.factor_sizes)
    assert_array_equal(places, np.arange(len(places)))
    assert_array_equal(grid.render(grid.target), grid.images)


def test_draws_are_uniform_and_independent():
    _, y = make_shapes2d(
        6000, image_size=16, n_scales=3, random_state=0, return_X_y=True
    )
    counts = np.zeros((3, 3))
    np.add.at(counts, (y[:, 0], y[:, 1]), 1)
    assert np.abs(counts / 6000 - 1 / 9).max() < 0.02
    assert [len(np.unique(column)) for column in y.T] == [3, 3, 40, 32, 32]


def test_directions(render):
    """Classes move right and down, and turn counter-clockwise."""

    def center(factors):
        image = render([factors])[0]
        return np.array(np.nonzero(image)).mean(axis=1)

    row, column = center([2, 5, 0, 5, 5])
    assert center([2, 5, 0, 6, 5]) == pytest.approx([row, column + 32 / 31], abs=0.5)
    assert center([2, 5, 0, 5, 6]) == pytest.approx([row + 32 / 31, column], abs=0.5)
    image = render([[1, 5, 3, 16, 16]])[0]
    rows, columns = np.nonzero(image)
    assert np.corrcoef(rows, columns)[0, 1] < 0, "the long axis rises to the right"


def test_a_whole_turn_changes_nothing(render):
    first, last = render([[2, 3, 0, 7, 9], [2, 3, 39, 7, 9]])
    assert_array_equal(first, last)


def test_hearts_are_symmetric(render):
    left, right = render([[2, 5, 0, 0, 10], [2, 5, 0, 31, 10]])
    assert_array_equal(left[:, ::-1], right)


@pytest.mark.parametrize("image_size", [16, 33, 64])
def test_other_sizes_scale_the_geometry(image_size):
    """At three times the size every third pixel has the same centre."""
    small = make_shapes2d(300, image_size=image_size, random_state=0)
    large = make_shapes2d(300, image_size=3 * image_size, random_state=0)
    assert small.data.any(axis=1).all()
    assert_array_equal(large.images[:, 1::3, 1::3], small.images)


@pytest.mark.parametrize("image_size", [16, 64])
def test_no_sprite_is_cut_by_its_window(monkeypatch, image_size):
    shapes = make_shapes2d(600, image_size=image_size, random_state=0)
    wide = {name: o._replace(radius=25) for name, o in _sprites.OUTLINES.items()}
    monkeypatch.setattr(_sprites, "OUTLINES", wide)
    assert_array_equal(shapes.render(shapes.target), shapes.images)


def test_subset_of_shapes():
    hearts = make_shapes2d(30, shapes=("heart",), random_state=0)
    assert hearts.factor_sizes == [1, 6, 40, 32, 32]
    assert not hearts.target[:, 0].any()
    full = make_shapes2d(1).render
    factors = hearts.target + np.array([2, 0, 0, 0, 0])
    assert_array_equal(full(factors), hearts.images)


def test_batches_do_not_matter(render):
    factors = make_shapes2d(700, random_state=3, return_X_y=True)[1]
    one_by_one = np.concatenate([render(factors[i : i + 1]) for i in range(700)])
    assert_array_equal(render(factors), one_by_one)


def test_random_state():
    same = [make_shapes2d(40, random_state=7).data for _ in range(2)]
    assert_array_equal(*same)
    rng = np.random.RandomState(7)
    assert_array_equal(make_shapes2d(40, random_state=rng).data, same[0])
    assert (make_shapes2d(40, random_state=8).data != same[0]).any()


@pytest.mark.parametrize("random_state", [None, 0])
def test_the_global_random_state_is_untouched(random_state, global_random_states):
    before = global_random_states()
    make_shapes2d(5, coverage=0.5, random_state=random_state)
    assert global_random_states() == before


def test_render_can_be_pickled(render):
    factors = [[0, 1, 2, 3, 4], [2, 5, 0, 0, 31]]
    copy = pickle.loads(pickle.dumps(render))
    assert_array_equal(copy(factors), render(factors))


def test_render_nothing(render):
    assert render(np.empty((0, 5), dtype=int)).shape == (0, 64, 64)


@pytest.mark.parametrize("subset", ["sparse", "continuous"])
def test_coverage_keeps_a_share_of_the_values(subset):
    grid = make_shapes2d(
        None, n_scales=4, n_orientations=8, n_positions=6, coverage=0.5,
        subset=subset, random_state=0,
    )  # fmt: skip
    kept = [np.unique(column) for column in grid.target.T]
    assert [len(classes) for classes in kept] == [3, 2, 4, 3, 3]
    assert len(grid.data) == 3 * 2 * 4 * 3 * 3
    assert grid.factor_sizes == [3, 4, 8, 6, 6]
    neighbours = all((np.diff(classes) == 1).all() for classes in kept)
    assert neighbours == (subset == "continuous")
    assert_array_equal(grid.render(grid.target), grid.images)


def test_least_coverage_keeps_one_value():
    grid = make_shapes2d(None, coverage=1e-9, random_state=0)
    assert len(grid.data) == 3


def test_out_is_written_and_returned(tmp_path):
    out = np.lib.format.open_memmap(
        tmp_path / "shapes.npy", mode="w+", dtype=np.uint8, shape=(480, 4096)
    )
    out[:] = 7
    grid = small_grid(out=out)
    assert grid.data is out
    assert np.shares_memory(grid.images, out)
    out.flush()
    assert_array_equal(np.load(tmp_path / "shapes.npy"), small_grid().data)


def test_memory_beyond_the_output_is_small():
    out = np.empty((6400, 4096), dtype=np.uint8)
    tracemalloc.start()
    try:
        make_shapes2d(6400, out=out, random_state=0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < out.nbytes / 4


@pytest.mark.slow
def test_whole_grid_in_a_memory_map(tmp_path):
    out = np.lib.format.open_memmap(
        tmp_path / "shapes.npy", mode="w+", dtype=np.uint8, shape=(N_GRID, 4096)
    )
    start = time.process_time()
    grid = make_shapes2d(None, out=out)
    assert time.process_time() - start < 60
    images, factors = genuine_frames()
    places = np.ravel_multi_index(factors.T, SIZES)
    wrong = (grid.images[places] != images).sum(axis=(1, 2))
    assert (wrong == 0).sum() >= 209
    assert wrong.max() <= 4


def test_unknown_shape():
    with pytest.raises(ValueError, match=r"Unknown shape 'star': there are \['square'"):
        make_shapes2d(5, shapes=["square", "star"])


@pytest.mark.parametrize("shapes", [[], ["heart", "heart"]])
def test_shapes_not_named_once(shapes):
    with pytest.raises(ValueError, match="must name each shape once"):
        make_shapes2d(5, shapes=shapes)


@pytest.mark.parametrize(
    "params",
    [
        {"n_samples": 0},
        {"image_size": 15},
        {"shapes": "heart"},
        {"n_scales": 0},
        {"n_orientations": 0},
        {"n_positions": 2.5},
        {"coverage": 0},
        {"coverage": 1.5},
        {"subset": "random"},
        {"random_state": "seed"},
        {"out": [[0]]},
    ],
)
def test_bad_parameters_are_named(params):
    (name,) = params
    with pytest.raises(ValueError, match=f"'{name}' parameter of make_shapes2d"):
        make_shapes2d(**params)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty((10, 4095), np.uint8), r"shape \(10, 4096\).*\(10, 4095\)"),
        (np.empty((10, 4096)), "uint8.*got float64"),
        (np.empty((10, 8192), np.uint8)[:, ::2], "C-contiguous"),
        (np.broadcast_to(np.uint8(0), (10, 4096)), "C-contiguous and writeable"),
    ],
)
def test_bad_out(out, message):
    with pytest.raises(ValueError, match=message):
        make_shapes2d(10, out=out)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ([[0, 0, 0, 0]], r"shape \(n_samples, 5\).*got shape \(1, 4\)"),
        ([0, 0, 0, 0, 0], r"got shape \(5,\)"),
        ([[0, 0, 0, 0, 0.5]], "integer classes; got float64"),
        ([[3, 0, 0, 0, 0]], "shape has the classes 0 to 2; got 3"),
        ([[0, 0, 0, 0, 0], [0, 0, 40, 0, 0]], "orientation .* 0 to 39; got 40"),
        ([[0, 0, 0, -1, 0]], "position_x has the classes 0 to 31; got -1"),
    ],
)
def test_bad_factors(render, factors, message):
    with pytest.raises(ValueError, match=message):
        render(factors)
