"""Batches of rows that belong together: groups in which one factor varies."""

from itertools import repeat
from typing import NamedTuple

import torch


class Grouping(NamedTuple):
    """What the rows of a pass have in common, batch by batch.

    Parameters
    ----------
    varies : Tensor of shape (n_batches, n_kinds), dtype bool
        What varies within the groups of each batch.

    group : Tensor of shape (n_rows,), dtype int64
        The group of each row, in the order of the pass.
    """

    varies: torch.Tensor
    group: torch.Tensor

    def to(self, device):
        """Put it where the batches are."""
        return Grouping(*(tensor.to(device) for tensor in self))


def draw_groups(generator, groups, batch_size):
    """Draw a pass of batches, each with groups of one kind; kinds take turns.

    Every kind has as many batches as any other, in random order. Within a kind, every
    group comes as often as any other, in random order, with its rows next to each
    other. So a row can come more than once, or not at all.

    Parameters
    ----------
    generator : torch.Generator
        The source of randomness.

    groups : Tensor of shape (n_rows, n_kinds), dtype int
        The group of each row in each kind; -1 where it is in none.

    batch_size : int
        Rows in a batch; the last one of a pass may be smaller.

    Returns
    -------
    order : Tensor of shape (n_rows,), dtype int64
        Which rows.

    grouping : Grouping
        What they have in common.
    """
    n_rows, n_kinds = groups.shape
    kinds = (groups >= 0).any(dim=0).nonzero().squeeze(1)
    if not len(kinds):
        raise ValueError("None of the rows that count is in a group with others.")
    n_batches = -(-n_rows // batch_size)
    start = torch.randint(len(kinds), (), generator=generator)
    turns = (start + torch.randperm(n_batches, generator=generator)) % len(kinds)
    kind = kinds[turns].repeat_interleave(batch_size)[:n_rows]
    order = torch.empty(n_rows, dtype=torch.int64)
    for each in kinds:
        places = (kind == each).nonzero().squeeze(1)
        order[places] = _draw_members(generator, groups[:, each], len(places))
    varies = torch.nn.functional.one_hot(kinds[turns], n_kinds).bool()
    return order, Grouping(varies, groups[order, kind].long())


def _draw_members(generator, group, n_draws):
    """Draw rows group by group, all of them before any comes again."""
    members = (group >= 0).nonzero().squeeze(1)
    rounds = [
        members[_shuffle(generator, group[members])]
        for _ in range(-(-n_draws // len(members)))
    ]
    return torch.cat([members[:0], *rounds])[:n_draws]


def _shuffle(generator, group):
    """Shuffle groups, and the rows within each."""
    rows = torch.randperm(len(group), generator=generator)
    place_of_group = torch.randperm(int(group.max()) + 1, generator=generator)
    return rows[place_of_group[group[rows].long()].argsort(stable=True)]


def without_groups(groups, batch_size):
    """Describe a pass in which every row is alone, and everything varies."""
    n_rows, n_kinds = groups.shape
    varies = torch.ones(-(-n_rows // batch_size), n_kinds, dtype=torch.bool)
    return Grouping(varies, torch.arange(n_rows))


def split_grouping(grouping, batch_size):
    """Yield what varies and the groups, batch by batch; None for ever if any do."""
    if grouping is None:
        return repeat((None, None))
    return zip(grouping.varies, grouping.group.split(batch_size), strict=True)
