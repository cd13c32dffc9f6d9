"""Rows of an array as batches of tensors, cast only as they are used."""

import copy
from functools import cached_property
from itertools import repeat
from typing import NamedTuple

import numpy as np
import torch

from sk_bvae.nn import Batch
from sk_bvae.training.groups import (
    Grouping,
    draw_groups,
    split_grouping,
    without_groups,
)
from sk_bvae.utils._memory import is_mapped, release_pages

# How much of a memory map may be in memory before its pages are handed back. Touching
# a row brings in its neighbourhood: on Linux 64 KiB, or 2 MiB of a file that is cached
# in huge pages. So rows are gathered a few at a time.
RESIDENT_BYTES = 64 * 2**20
NEIGHBOURHOOD_BYTES = 2 * 2**20
ROWS_AT_ONCE = RESIDENT_BYTES // NEIGHBOURHOOD_BYTES

# What is looked at at once for the range, the means and the variances.
BLOCK_ROWS = 2048
BLOCK_BYTES = 32 * 2**20

# float32 holds 24 bits of a number. Where a column is further from 0 than this many of
# its standard deviations, more than ten of them say the same in every row.
FAR_FROM_0 = 1024

# What torch takes as it is; NumPy casts the rest.
CAST_BY_TORCH = {np.dtype(kind) for kind in (np.float32, np.uint8, np.bool_)}

# Small batches are gathered together, as many as fit into this: a gather takes longer
# to begin than to do.
GATHERED_BYTES = 2**18

# A GPU that has at least this many times the data's size free gets all of it at once.
HEADROOM = 2


class Rows(torch.utils.data.Dataset):
    """The rows of a 2-D array, taken a batch at a time.

    The array is neither copied nor converted: a batch is one gather and one cast to
    float32, after whatever has to be taken off for float32 to hold the rest. On a GPU
    with room for it the array is moved there once.

    Parameters
    ----------
    array : ndarray of shape (n_samples, n_features)
        Of any real dtype; may be a read-only memory map.

    device : torch.device
        Where batches are wanted.

    shift : ndarray of shape (n_features,), dtype float64, default=None
        What is taken off each column before the cast. None takes nothing off.
    """

    def __init__(self, array, device, shift=None):
        self.array = array
        self.device = device
        self.shift = shift
        self.positions = torch.arange(len(array), device="cpu")
        self.sample_weight = None  # of each position, as given: see `weigh`
        self.groups = None  # of each position: see `group`
        self.bytes_resident = 0
        self.on_device = []  # the array's one copy there, which views share

    def __len__(self):
        """Count the rows."""
        return len(self.positions)

    def restrict(self, positions):
        """Make a view of the rows at some positions; nothing is copied."""
        view = copy.copy(self)
        for computed in ("range", "moments", "weight"):
            vars(view).pop(computed, None)
        if vars(view).get("has_gaps"):  # a part of what is whole is whole
            del view.has_gaps
        view.positions = self.positions[positions]
        if self.sample_weight is not None:
            view.sample_weight = self.sample_weight[positions]
        if self.groups is not None:
            view.groups = self.groups[positions]
        return view

    def group(self, groups):
        """Make a view whose batches are of groups, given those of the array's rows.

        Numbers of shape (n_samples, n_kinds); -1 for a row that is in none.
        """
        view = copy.copy(self)
        view.groups = torch.from_numpy(groups)[self.positions]
        return view

    def weigh(self, sample_weight):
        """Make a view of the rows that count, given a weight for each of the array's.

        Those that float32 takes for 0 beside the largest do not count.
        """
        weight = torch.from_numpy(sample_weight)[self.positions]
        counts = (weight / weight.max()).float() > 0
        view = self.restrict(counts.nonzero().squeeze(1))
        view.sample_weight = weight[counts]
        return view

    @cached_property
    def weight(self):
        """How much each row counts, 1 on average; None where all count alike."""
        weight = self.sample_weight
        if weight is None or bool((weight == weight[0]).all()):
            return None
        relative = weight / weight.max()  # the sum of what is huge would overflow
        return relative / relative.mean()

    @property
    def n_counted(self):
        """How many rows these stand for: whole weights say how often each is there."""
        weight = self.sample_weight
        if self.weight is None or bool((weight != weight.round()).any()):
            return len(self)
        return weight.sum().item()

    def weight_of(self, order):
        """Look up how much rows count, by positions of any shape, for the device."""
        if self.weight is None:
            return None
        return self.weight[order].float().to(self.device)

    def without_far_means(self, may_shift=True):
        """Make a view with the means taken off those columns that are far from 0.

        Parameters
        ----------
        may_shift : bool or ndarray of shape (n_features,), default=True
            Whether they may be taken off, for each column.

        Returns
        -------
        rows : Rows
            The view.
        """
        mean, variance = self.moments
        # a constant column has no spread of its own; the others' is what it is cast for
        spread = np.sqrt(np.where(variance > 0, variance, variance.mean()))
        far = (np.abs(mean) > FAR_FROM_0 * spread) & (spread > 0) & may_shift
        if not far.any():
            return self
        view = Rows(self.array, self.device, np.where(far, mean, 0.0))
        view.positions = self.positions
        view.sample_weight, view.groups = self.sample_weight, self.groups
        view.moments = mean - view.shift, variance
        view.has_gaps = self.has_gaps
        return view

    def __getitem__(self, positions):
        """Gather rows by positions of any shape, as float32 on the device."""
        if self.resident is not None:
            return self.resident[positions.to(self.device)].float()
        return self._cast(self._gather(positions.numpy())).to(self.device).float()

    def _cast(self, batch):
        """Make a tensor of rows: float32, or what torch can make that of."""
        if self.shift is not None:
            batch = batch - self.shift
        if batch.dtype not in CAST_BY_TORCH:
            batch = batch.astype(np.float32)
        return torch.from_numpy(batch)

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

    def mean(self, function, n_rows):
        """Average what a function gives for rows, in double precision.

        Of a block of ``n_rows`` rows it gives values of shape (n_rows, n_values).
        """
        total = 0
        weights = split_weight(self.weight_of(slice(None)), n_rows)
        for block, weight in zip(self.blocks(n_rows), weights, strict=False):
            values = function(block).double()
            if weight is not None:
                values = weight.unsqueeze(1) * values
            total = total + values.sum(dim=0)
        return total / len(self)

    @cached_property
    def range(self):
        """The smallest and the largest observed value of each column, as they are."""
        ends = [_ends_of(x) for x in self.raw_blocks()]
        lows, highs, gaps = zip(*ends, strict=True)
        self.has_gaps = any(gaps)
        return np.fmin.reduce(lows), np.fmax.reduce(highs)

    @cached_property
    def moments(self):
        """The mean and the variance of each column, in float64, after the shift.

        Of its observed values; NaN where there is none.
        """
        count, mean, squares = torch.zeros(()).double(), 0.0, 0.0
        weights = self.weight_blocks()
        for exact, weight in zip(self.exact_blocks(), weights, strict=False):
            n_new, own, variance = _moments_of(torch.from_numpy(exact), weight)
            apart, total = own - mean, count + n_new
            divisor = _positive(total)
            squares = squares + variance * n_new
            squares = squares + apart.square() * (count * n_new / divisor)
            mean = mean + apart * (n_new / divisor)
            count = total
        self.has_gaps = count.dim() > 0
        mean = torch.where(count > 0, mean, torch.nan)
        return mean.numpy(), (squares / count).numpy()

    @cached_property
    def has_gaps(self):
        """Whether any value is missing; `range` and `moments` find out as they look."""
        return self.array.dtype.kind == "f" and any(
            np.isnan(x).any() for x in self.raw_blocks()
        )

    def incomplete(self):
        """Say of each row whether any of its values is missing."""
        gaps = [np.isnan(x).any(axis=1) for x in self.raw_blocks()]
        return torch.from_numpy(np.concatenate(gaps))

    def raw_blocks(self):
        """Yield all rows as they are, a bounded number of bytes at a time."""
        for positions in self.positions.split(self._rows_of_block()):
            yield self._gather(positions.numpy())

    def weight_blocks(self):
        """Yield how much the rows of each of `raw_blocks` count; None if all alike."""
        return split_weight(self.weight, self._rows_of_block())

    def _rows_of_block(self):
        bytes_of_row = 8 * self.array.shape[1]
        return max(1, min(BLOCK_ROWS, BLOCK_BYTES // bytes_of_row))

    def exact_blocks(self):
        """Yield all rows as `raw_blocks` does, in float64 and after the shift."""
        for raw in self.raw_blocks():
            block = raw.astype(np.float64)
            yield block if self.shift is None else block - self.shift

    @property
    def resident(self):
        """The array on a GPU with room for it, else None."""
        if not self.on_device:
            fits = _fits(self.device, self.array)
            self.on_device.append(self._move() if fits else None)
        return self.on_device[0]

    def _move(self):
        """Copy the array to the device, a block at a time: it may be a memory map."""
        dtype = self._cast(self.array[:0]).dtype
        resident = torch.empty(self.array.shape, dtype=dtype, device=self.device)
        for positions in torch.arange(len(self.array), device="cpu").split(BLOCK_ROWS):
            resident[positions.to(self.device)] = self._cast(
                self._gather(positions.numpy())
            ).to(self.device)
        return resident

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
        n_rows = len(self.rows)
        sizes = self.batch_size, self.n_views, self.n_noise
        order, noise, grouping = draw_whole_pass(
            self.generator, self.rows, *sizes, self.training
        )
        weights = split_weight(self.rows.weight_of(order[0]), self.batch_size)
        positions = self.rows.positions[order]
        noise = noise.to(self.rows.device)
        if grouping is not None:
            grouping = grouping.to(self.rows.device)
        groups = split_grouping(grouping, self.batch_size)
        n_together = self.batch_size * self._batches_at_once()
        for some, own in zip(
            positions.split(n_together, dim=1),
            noise.split(n_together, dim=1),
            strict=True,
        ):
            xs = self.rows[some].split(self.batch_size, dim=1)
            for x, own_noise in zip(xs, own.split(self.batch_size, dim=1), strict=True):
                yield Batch(x, own_noise, n_rows, next(weights), *next(groups))

    def _batches_at_once(self):
        """How many small batches are gathered together."""
        bytes_of_batch = 4 * self.n_views * self.batch_size * self.rows.array.shape[1]
        return max(1, GATHERED_BYTES // bytes_of_batch)


class Pass(NamedTuple):
    """The draws of a pass.

    Parameters
    ----------
    order : Tensor of shape (n_views, n_rows), dtype int64
        Which rows.

    noise : Tensor of shape (n_views, n_rows, n_noise)
        Draws from N(0, 1).

    grouping : Grouping or None
        What rows of a batch have in common; None where batches are of any rows.
    """

    order: torch.Tensor
    noise: torch.Tensor
    grouping: Grouping | None


def draw_whole_pass(generator, rows, batch_size, n_views, n_noise, training):
    """Draw all that a pass takes, for training or to look.

    Parameters
    ----------
    generator : torch.Generator
        The source of randomness.

    rows : Rows
        What the pass is over.

    batch_size : int
        Rows in a batch.

    n_views : int
        Batches that make up a step.

    n_noise : int
        Draws for each row.

    training : bool
        Whether the pass is for training; others have the rows of the first view in
        order, and no groups.

    Returns
    -------
    drawn : Pass
        Its draws.
    """
    draw = draw_pass if training else draw_pass_in_order
    order, noise = draw(generator, len(rows), n_views, n_noise, rows.weight)
    if rows.groups is None:
        return Pass(order, noise, None)
    if not training:
        return Pass(order, noise, without_groups(rows.groups, batch_size))
    order[0], grouping = draw_groups(generator, rows.groups, batch_size)
    return Pass(order, noise, grouping)


def draw_pass(generator, n_rows, n_views, n_noise, weight=None):
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

    weight : Tensor of shape (n_rows,), default=None
        How much each row counts, 1 on average; None where all count alike.

    Returns
    -------
    order : Tensor of shape (n_views, n_rows), dtype int64
        A permutation of the rows for each view; for those after the first, where rows
        have weights, each row about as often as it counts.

    noise : Tensor of shape (n_views, n_rows, n_noise)
        Draws from N(0, 1).
    """
    orders = [torch.randperm(n_rows, generator=generator) for _ in range(n_views)]
    noise = torch.randn(n_views, n_rows, n_noise, generator=generator)
    order = torch.stack(orders)
    if weight is not None:
        order[1:] = _draw_in_proportion(order[1:], weight, generator)
    return order, noise


def _draw_in_proportion(strata, weight, generator):
    """Draw a row from each of as many equal parts of the weight as there are rows."""
    ends = weight.cumsum(dim=0)
    within = torch.rand(strata.shape, generator=generator, dtype=ends.dtype)
    places = (strata + within) * (ends[-1] / len(weight))
    return torch.searchsorted(ends, places, right=True).clamp(max=len(weight) - 1)


def split_weight(weight, n_rows):
    """Yield how much rows count, ``n_rows`` at a time; None for ever if all alike."""
    return repeat(None) if weight is None else iter(weight.split(n_rows))


def _moments_of(block, weight):
    """Return how much a block counts, and the means and variances of its columns.

    Where values are missing, it counts by columns.
    """
    # no int: divided by a tensor it is multiplied by the inverse, and rounded twice
    total = torch.tensor(len(block)).double() if weight is None else weight.sum()
    mean = block.mean(dim=0) if weight is None else weight @ block / total
    if mean.isnan().any():
        return _observed_moments_of(block, weight)
    if weight is None:
        return total, mean, block.var(dim=0, correction=0)
    return total, mean, weight @ (block - mean).square() / total


def _observed_moments_of(block, weight):
    observed = ~block.isnan()
    counts = observed.double() if weight is None else weight[:, None] * observed
    total = counts.sum(dim=0)
    mean = (counts * torch.where(observed, block, 0.0)).sum(dim=0) / _positive(total)
    apart = torch.where(observed, block - mean, 0.0)
    return total, mean, (counts * apart.square()).sum(dim=0) / _positive(total)


def _positive(total):
    """Make 1 of 0, by which what is 0 can be divided."""
    return torch.where(total > 0, total, 1.0)


def draw_pass_in_order(generator, n_rows, n_views, n_noise, weight=None):
    """Draw as `draw_pass` does, with the rows of the first view in order.

    The generator stays as it is, so that every such pass has the same draws.
    """
    order, noise = draw_pass(generator.clone_state(), n_rows, n_views, n_noise, weight)
    order[0] = torch.arange(n_rows)
    return order, noise


def _ends_of(x):
    """Find the ends of what is observed in each column, and whether all of it is."""
    low, high = x.min(axis=0), x.max(axis=0)
    has_gaps = bool(np.isnan(low).any())
    if has_gaps:
        low, high = np.fmin.reduce(x), np.fmax.reduce(x)
    return low, high, has_gaps


def _fits(device, array):
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return HEADROOM * array.nbytes < free
