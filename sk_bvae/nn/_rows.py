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
    """Every row once, with noise for its latents.

    A pass for training has an order and noise of its own. Other passes keep the rows
    in order, and all have the same noise.

    Parameters
    ----------
    rows : Rows
        Where batches come from.

    batch_size : int
        Rows in a batch; the last one of a pass may be smaller.

    n_components : int
        How many latents need noise.

    generator : torch.Generator
        The source of order and noise.

    training : bool
        Whether passes are for training.
    """

    def __init__(self, rows, batch_size, n_components, generator, training):
        self.rows = rows
        self.batch_size = batch_size
        self.n_components = n_components
        self.generator = generator
        self.training = training

    def __len__(self):
        """Count the batches of a pass."""
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self):
        """Yield pairs of a batch and its noise."""
        generator = self.generator if self.training else self.generator.clone_state()
        order, noise = draw_pass(generator, len(self.rows), self.n_components)
        positions = self.rows.positions
        positions = positions[order] if self.training else positions
        noise = noise.to(self.rows.device)
        for start in range(0, len(positions), self.batch_size):
            some = slice(start, start + self.batch_size)
            yield self.rows[positions[some]], noise[some]


def draw_pass(generator, n_rows, n_components):
    """Draw the order of the rows and the noise of a pass.

    On the CPU, so that they are the same on every device, and all at once, so that a
    GPU is not kept waiting at every step.
    """
    order = torch.randperm(n_rows, generator=generator)
    return order, torch.randn(n_rows, n_components, generator=generator)


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
