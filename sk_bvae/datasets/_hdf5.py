"""An array on disk that is indexed like one in memory."""

import math

import numpy as np

# A block of fewer images would cost more in calls than in reading.
MIN_BLOCK = 256


class HDF5Array:
    """An array in an HDF5 file, read only where it is indexed.

    Slices, integers, masks and lists in any order select along the first axis; what
    stands behind them in the index applies to what was read. ``numpy.asarray`` reads
    it all. The file is open only while it is read, so that the object can be pickled,
    also into other processes.

    Parameters
    ----------
    path : path-like
        The HDF5 file.

    name : str
        The data set in the file.

    flatten : bool, default=False
        Whether all axes but the first are merged, to give scikit-learn rows.
    """

    def __init__(self, path, name, flatten=False):
        self.path, self.name, self.flatten = path, name, flatten
        with self._open() as file:
            dataset = file[name]
            self.dtype = dataset.dtype
            self.shape = self._rows_shape(dataset.shape)
            self._block_size = _block_size(dataset.chunks)

    @property
    def ndim(self):
        return len(self.shape)

    def __len__(self):
        return self.shape[0]

    def __repr__(self):
        return f"<HDF5Array {self.name!r}: shape {self.shape}, {self.dtype}>"

    def __array__(self, dtype=None, copy=None):
        """Read everything."""
        if copy is False:
            raise ValueError("An array on disk can't be read without a copy.")
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    def __getitem__(self, key):
        key = key if isinstance(key, tuple) else (key,)
        if not key or key[0] is None or key[0] is Ellipsis:
            return np.asarray(self)[key]
        first, *rest = key
        rows = np.arange(len(self))[first]
        found = self._read(rows.ravel())
        # The same kind of index again, on what was read: the rest then acts as NumPy's.
        if isinstance(first, slice):
            return found[(slice(None), *rest)]
        return found[(np.arange(rows.size).reshape(rows.shape)[()], *rest)]

    def _read(self, rows):
        """Read rows in any order, each block that holds some of them once."""
        found = np.empty((len(rows), *self.shape[1:]), dtype=self.dtype)
        order = np.argsort(rows, kind="stable")
        blocks = rows[order] // self._block_size
        with self._open() as file:
            dataset = file[self.name]
            for group in np.split(order, np.flatnonzero(np.diff(blocks)) + 1):
                if len(group):
                    found[group] = self._read_near(dataset, rows[group])
        return found

    def _read_near(self, dataset, rows):
        """Read rows of one block, given in ascending order."""
        block = dataset[rows[0] : rows[-1] + 1]
        return block.reshape(self._rows_shape(block.shape))[rows - rows[0]]

    def _rows_shape(self, shape):
        return (shape[0], math.prod(shape[1:])) if self.flatten else tuple(shape)

    def _open(self):
        import h5py

        return h5py.File(self.path, "r")


def _block_size(chunks):
    """Read whole chunks at once: decompressing one costs the same for each image."""
    chunk = chunks[0] if chunks else 1
    return chunk * math.ceil(MIN_BLOCK / chunk)
