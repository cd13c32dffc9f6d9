import pickle

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import train_test_split

from sk_bvae.datasets._hdf5 import HDF5Array

SHAPE = (600, 4, 3)


@pytest.fixture(scope="module", params=[None, (1, 4, 3), (7, 2, 3), (500, 1, 1)])
def stored(request, tmp_path_factory):
    array = np.arange(np.prod(SHAPE), dtype=np.int32).reshape(SHAPE)
    path = tmp_path_factory.mktemp("hdf5") / "array.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("group/array", data=array, chunks=request.param)
    return path, array


KEYS = {
    "integer": 3,
    "negative": -1,
    "numpy_integer": np.int64(599),
    "slice": slice(10, 300),
    "reverse": slice(None, None, -7),
    "empty": slice(5, 5),
    "list": [5, 599, 5, -600, 256],
    "empty_list": np.array([], dtype=int),
    "matrix": np.array([[4, 2], [300, 2]]),
    "mask": np.arange(600) % 37 == 0,
    "range": range(3, 400, 90),
    "pixel": (slice(0, 9), 2),
    "one_pixel": (7, 1, 2),
    "pairs": ([1, 500], [3, 0]),
    "columns": (slice(2, 4), [2, 0]),
    "rows_ellipsis": ([9, 1], Ellipsis),
    "ellipsis": (Ellipsis, 1),
    "new_axis": (None, 3),
    "everything": (),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_indexing_is_that_of_numpy(stored, key):
    path, array = stored
    found = HDF5Array(path, "group/array")[key]
    assert_array_equal(found, array[key], strict=True)


def test_flatten(stored):
    path, array = stored
    rows = HDF5Array(path, "group/array", flatten=True)
    assert rows.shape == (600, 12)
    assert_array_equal(rows[[400, 2], 5], array.reshape(600, 12)[[400, 2], 5])


def test_it_looks_like_an_array(stored):
    path, array = stored
    lazy = HDF5Array(path, "group/array")
    assert len(lazy) == 600
    assert lazy.ndim == 3
    assert lazy.dtype == np.int32
    assert "shape (600, 4, 3), int32" in repr(lazy)
    assert_array_equal(np.asarray(lazy, dtype=np.float32), array.astype(np.float32))
    assert_array_equal(list(lazy)[17], array[17])


@pytest.mark.parametrize("key", [600, -601, [0, 600], (0, 4)])
def test_out_of_range(stored, key):
    with pytest.raises(IndexError, match="out of bounds"):
        HDF5Array(stored[0], "group/array")[key]


def test_no_copy_is_refused(stored):
    with pytest.raises(ValueError, match="without a copy"):
        np.array(HDF5Array(stored[0], "group/array"), copy=False)


def test_pickle(stored):
    path, array = stored
    lazy = pickle.loads(pickle.dumps(HDF5Array(path, "group/array")))
    assert_array_equal(lazy[2:5], array[2:5])


def test_scikit_learn_splits_it(stored):
    path, array = stored
    rows = HDF5Array(path, "group/array", flatten=True)
    split = train_test_split(rows, random_state=0)
    expected = train_test_split(array.reshape(600, -1), random_state=0)
    for part, other in zip(split, expected, strict=True):
        assert_array_equal(part, other)


def test_only_what_is_indexed_is_read(stored, monkeypatch):
    path, _ = stored
    lazy = HDF5Array(path, "group/array")
    read = []
    getitem = h5py.Dataset.__getitem__

    def spy(dataset, key):
        read.append(key)
        return getitem(dataset, key)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", spy)
    lazy[[3, 599, 1]]
    assert read == [slice(1, 4), slice(599, 600)]
