"""Rows of an array as batches of tensors, cast only as they are used."""

import copy

import numpy as np
import torch

from sk_bvae.utils._memory import is_mapped, release_pages

# How much of a memory map may be in memory before its pages are handed back. Touching
# a row brings in its neighbourhood: on Linux 64 KiB, or 2 MiB of a file that is cached
# in huge pages. So rows are gathered a few at a time.
RESIDENT_BYTES = 64 * 2**20
NEIGHBOURHOOD_BYTES = 2 * 2**20
ROWS_AT_ONCE = RESIDENT_BYTES // NEIGHBOURHOOD_BYTES

# A GPU that has at least this many times the data's size free gets all of it at once.
HEADROOM = 2


class Rows(torch.utils.data.Dataset):
    """The rows of a 2-D array, taken a batch at a time.

    The array is neither copied nor converted: a batch is one gather and one cast to
    float32. On a GPU with room for it the array is moved there once.

    Parameters
    ----------
    array : ndarray of shape (n_samples, n_features)
        Of any real dtype; may be a read-only memory map.

    device : torch.device
        Where batches are wanted.
    """

    def __init__(self, array, device):
        self.array = array
        self.device = device
        self.resident = _copy_to(device, array) if _fits(device, array) else None
        self.positions = torch.arange(len(array))
        self.bytes_resident = 0

    def __len__(self):
        """Count the rows."""
        return len(self.positions)

    def restrict(self, positions):
        """Make a view of the rows at some positions; nothing is copied."""
        view = copy.copy(self)
        view.positions = positions
        return view

    def __getitem__(self, positions):
        """Gather rows of the array by their positions, as float32 on the device."""
        if self.resident is not None:
            return self.resident[positions.to(self.device)].float()
        batch = self._gather(positions.numpy())
        return torch.from_numpy(batch).to(self.device, torch.float32)

    def _gather(self, positions):
        if not is_mapped(self.array):
            return self.array.take(positions, axis=0)
        batch = np.empty((len(positions), self.array.shape[1]), self.array.dtype)
        for start in range(0, len(positions), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            # positions are valid; the default mode would buffer what it writes
            self.array.take(positions[some], axis=0, out=batch[some], mode="clip")
            self._count(batch[some])
        return batch

    def blocks(self, n_rows):
        """Yield all rows in order, ``n_rows`` at a time."""
        return (self[positions] for positions in self.positions.split(n_rows))

    def sample(self, n_rows):
        """Gather at most ``n_rows`` rows, evenly spaced."""
        stride = -(-len(self.array) // n_rows)
        return self[torch.arange(0, len(self.array), stride)]

    def range(self, n_rows):
        """Find the smallest and the largest value, reading ``n_rows`` at a time."""
        lows, highs = [], []
        for start in range(0, len(self.array), n_rows):
            block = self.array[start : start + n_rows]
            lows.append(block.min())
            highs.append(block.max())
            self._count(block)
        return float(min(lows)), float(max(highs))

    def _count(self, rows):
        self.bytes_resident += len(rows) * max(rows[0].nbytes, NEIGHBOURHOOD_BYTES)
        if self.bytes_resident > RESIDENT_BYTES:
            release_pages(self.array)
            self.bytes_resident = 0


class Batches:
    """Every row once, in a new random order at each pass; or in order.

    Parameters
    ----------
    rows : Rows
        Where batches come from.

    batch_size : int
        Rows in a batch; the last one of a pass may be smaller.

    generator : torch.Generator or None
        The source of the order; None keeps the rows as they stand.
    """

    def __init__(self, rows, batch_size, generator=None):
        self.rows = rows
        self.batch_size = batch_size
        self.generator = generator

    def __len__(self):
        """Count the batches of a pass."""
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self):
        """Yield pairs of a batch and None, the shape that skorch expects."""
        positions = self.rows.positions
        if self.generator is not None:
            order = torch.randperm(len(positions), generator=self.generator)
            positions = positions[order]
        for batch in positions.split(self.batch_size):
            yield self.rows[batch], None


def _fits(device, array):
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return HEADROOM * array.nbytes < free


def _copy_to(device, array):
    """Copy block by block, so that a memory map is never whole in host memory."""
    dtype = torch.from_numpy(array[:0].copy()).dtype
    resident = torch.empty(array.shape, dtype=dtype, device=device)
    for start in range(0, len(array), 4096):
        block = array[start : start + 4096].copy()
        resident[start : start + 4096] = torch.from_numpy(block)
    return resident
