"""Rows of an array as batches of tensors, cast only as they are used."""

import copy
from functools import cached_property

import numpy as np
import torch

from sk_bvae.nn import Batch
from sk_bvae.utils._memory import is_mapped, release_pages

# How much of a memory map may be in memory before its pages are handed back. Touching
# a row brings in its neighbourhood: on Linux 64 KiB, or 2 MiB of a file that is cached
# in huge pages. So rows are gathered a few at a time.
RESIDENT_BYTES = 64 * 2**20
NEIGHBOURHOOD_BYTES = 2 * 2**20
ROWS_AT_ONCE = RESIDENT_BYTES // NEIGHBOURHOOD_BYTES

# Rows that are looked at at once for the range of the values.
RANGE_ROWS = 1024

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
        vars(view).pop("range", None)
        view.positions = self.positions[positions]
        return view

    def __getitem__(self, positions):
        """Gather rows by positions of any shape, as float32 on the device."""
        if self.resident is not None:
            return self.resident[positions.to(self.device)].float()
        batch = self._gather(positions.numpy())
        return torch.from_numpy(batch).to(self.device, torch.float32)

    def _gather(self, positions):
        if not is_mapped(self.array):
            return self.array.take(positions, axis=0)
        shape, positions = positions.shape, positions.ravel()
        batch = np.empty((len(positions), self.array.shape[1]), self.array.dtype)
        for start in range(0, len(positions), ROWS_AT_ONCE):
            some = slice(start, start + ROWS_AT_ONCE)
            # positions are valid; the default mode would buffer what it writes
            self.array.take(positions[some], axis=0, out=batch[some], mode="clip")
            self._count(batch[some])
        return batch.reshape(*shape, -1)

    def blocks(self, n_rows):
        """Yield all rows in order, ``n_rows`` at a time."""
        return (self[positions] for positions in self.positions.split(n_rows))

    def sample(self, n_rows):
        """Gather at most ``n_rows`` rows, evenly spaced."""
        stride = -(-len(self) // n_rows)
        return self[self.positions[::stride]]

    @cached_property
    def range(self):
        """The smallest and the largest value, read a block at a time."""
        blocks = self.positions.split(RANGE_ROWS)
        ends = [(x.min(), x.max()) for x in (self._gather(b.numpy()) for b in blocks)]
        lows, highs = zip(*ends, strict=True)
        return float(min(lows)), float(max(highs))

    def _count(self, rows):
        self.bytes_resident += len(rows) * max(rows[0].nbytes, NEIGHBOURHOOD_BYTES)
        if self.bytes_resident > RESIDENT_BYTES:
            release_pages(self.array)
            self.bytes_resident = 0


class Batches:
    """Every row once in each view, with noise.

    A pass for training has an order and noise of its own. Other passes keep the rows
    in order, but for views after the first, and all have the same noise.

    Parameters
    ----------
    rows : Rows
        Where batches come from.

    batch_size : int
        Rows in a batch; the last one of a pass may be smaller.

    n_views : int
        Batches that make up a step.

    n_noise : int
        Draws for each row.

    generator : torch.Generator
        The source of order and noise.

    training : bool
        Whether passes are for training.
    """

    def __init__(self, rows, batch_size, n_views, n_noise, generator, training):
        self.rows = rows
        self.batch_size = batch_size
        self.n_views = n_views
        self.n_noise = n_noise
        self.generator = generator
        self.training = training

    def __len__(self):
        """Count the batches of a pass."""
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self):
        """Yield the batches of a pass."""
        generator = self.generator if self.training else self.generator.clone_state()
        n_rows = len(self.rows)
        order, noise = draw_pass(generator, n_rows, self.n_views, self.n_noise)
        if not self.training:
            order[0] = torch.arange(n_rows)
        positions = self.rows.positions[order]
        noise = noise.to(self.rows.device)
        for start in range(0, n_rows, self.batch_size):
            some = slice(start, start + self.batch_size)
            yield Batch(self.rows[positions[:, some]], noise[:, some], n_rows)


def draw_pass(generator, n_rows, n_views, n_noise):
    """Draw the order of the rows and the noise of a pass.

    On the CPU, so that they are the same on every device, and all at once, so that a
    GPU is not kept waiting at every step.

    Parameters
    ----------
    generator : torch.Generator
        The source of randomness.

    n_rows : int
        Rows of a pass.

    n_views : int
        Times that a pass takes each row.

    n_noise : int
        Draws for each row.

    Returns
    -------
    order : Tensor of shape (n_views, n_rows), dtype int64
        A permutation of the rows for each view.

    noise : Tensor of shape (n_views, n_rows, n_noise)
        Draws from N(0, 1).
    """
    orders = [torch.randperm(n_rows, generator=generator) for _ in range(n_views)]
    noise = torch.randn(n_views, n_rows, n_noise, generator=generator)
    return torch.stack(orders), noise


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
