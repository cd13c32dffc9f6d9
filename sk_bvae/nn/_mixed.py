"""Columns of several kinds."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sk_bvae.nn._likelihoods import Likelihood


class Mixed(Likelihood):
    """A likelihood for each group of columns.

    Given the latents, the groups are independent: their negative log densities add up.

    Parameters
    ----------
    parts : list of tuple (Likelihood, sequence of int)
        A likelihood, and the positions of its columns. It sees these alone, in the
        order given.

    Raises
    ------
    ValueError
        In `bind`, if a column has no likelihood, or several, or does not exist.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Bernoulli, Categorical, Mixed
    >>> likelihood = Mixed([(Bernoulli(), [0, 4]), (Categorical(), [1, 2, 3])])
    >>> likelihood.bind(n_features=5)
    >>> x = torch.tensor([[1.0, 0, 1, 0, 1]])
    >>> likelihood.nll_by_feature(torch.zeros(1, 5), x)
    tensor([[0.6931, 0.0000, 1.0986, 0.0000, 0.6931]])
    """

    def __init__(self, parts: list[tuple[Likelihood, Sequence[int]]]) -> None:
        super().__init__()
        self.parts = nn.ModuleList([part for part, _ in parts])
        self.columns = [list(columns) for _, columns in parts]

    @property
    def location_scale(self) -> bool:  # type: ignore[override]
        """Whether some of the columns move with the data."""
        return any(part.location_scale for part in self.parts)

    @property
    def adapted(self) -> bool:  # type: ignore[override]
        """Whether every part has seen what it needs."""
        return all(part.adapted for part in self.parts)

    def bind(self, n_features: int) -> None:
        check_each_once(self.columns, range(n_features))
        by_part = torch.tensor(list(chain.from_iterable(self.columns)))
        self.register_buffer("by_part", by_part)
        self.register_buffer("by_column", by_part.argsort())
        for part, columns in zip(self.parts, self.columns, strict=True):
            part.bind(len(columns))

    def adapt(self, mean: Tensor, variance: Tensor) -> None:
        for part, *moments in self._by_part(mean, variance):
            part.adapt(*moments)

    def standardize(self, x: Tensor) -> Tensor:
        return self._joined(part.standardize(own) for part, own in self._by_part(x))

    def nll_by_feature(self, output: Tensor, x: Tensor) -> Tensor:
        return self._joined(
            part.nll_by_feature(*own) for part, *own in self._by_part(output, x)
        )

    def nll(self, output: Tensor, x: Tensor) -> Tensor:
        first, *others = [part.nll(*own) for part, *own in self._by_part(output, x)]
        return sum(others, start=first)

    def mean(self, output: Tensor) -> Tensor:
        return self._joined(part.mean(own) for part, own in self._by_part(output))

    def draw(self, output: Tensor, generator: torch.Generator) -> Tensor:
        return self._joined(
            part.draw(own, generator) for part, own in self._by_part(output)
        )

    def learned(self) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        for part, columns in zip(self.parts, self.columns, strict=True):
            for name, value in part.learned().items():
                of_columns = np.full(len(self.by_part), np.nan)
                attributes.setdefault(name, of_columns)[columns] = value
        return attributes

    def _by_part(self, *tensors):
        """Give each part its columns."""
        sizes = [len(columns) for columns in self.columns]
        split = [
            tensor.index_select(-1, self.by_part).split(sizes, dim=-1)
            for tensor in tensors
        ]
        return zip(self.parts, *split, strict=True)

    def _joined(self, of_parts):
        """Put the parts' columns back to where they were."""
        return torch.cat(list(of_parts), dim=-1).index_select(-1, self.by_column)


def parts_of(likelihood, n_features):
    """List likelihoods and the positions of their columns: one, where it is for all."""
    if isinstance(likelihood, Mixed):
        return list(zip(likelihood.parts, likelihood.columns, strict=True))
    return [(likelihood, list(range(n_features)))]


def check_each_once(columns, names):
    """Refuse columns that have no likelihood, or several.

    Parameters
    ----------
    columns : list of list of int
        Positions.

    names : sequence
        What to call each of the columns that there are.
    """
    counts = Counter(chain.from_iterable(columns))
    there = range(len(names))
    beyond = [column for column in counts if column not in there]
    if beyond:
        raise ValueError(f"There are {len(names)} columns, but none {beyond[0]}.")
    for fault, positions in {
        "have no likelihood": [column for column in there if not counts[column]],
        "have several likelihoods": [column for column in there if counts[column] > 1],
    }.items():
        if positions:
            named = list_some([names[position] for position in positions])
            raise ValueError(f"The columns {named} {fault}: each needs exactly one.")


def list_some(names, most=10):
    """Write down names, or the first of them and how many there are."""
    listed = ", ".join(map(repr, names[:most]))
    return listed if len(names) <= most else f"{listed}, ... ({len(names)} in all)"
