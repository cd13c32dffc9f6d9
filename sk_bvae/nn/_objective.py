"""What an objective sees, what it gives, and schedules along the training."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from torch import Tensor, nn

Players: TypeAlias = nn.ModuleDict | Mapping[str, nn.Module]


class Batch(NamedTuple):
    """What an objective sees of the data in one step.

    Randomness comes in with the batch: an objective that draws nothing itself is a
    pure function, and gives the same losses alone and in a stack of replicas.

    Parameters
    ----------
    x : Tensor of shape (n_views, n_samples, n_features)
        Rows in the data's own units. Each view is a batch of its own; most objectives
        ask for one.

    noise : Tensor of shape (n_views, n_samples, n_noise)
        Draws from N(0, 1); ``n_noise`` is ``n_components`` unless the model asks for
        more.

    n_rows : int
        How many rows the batches of an epoch are made of.

    sample_weight : Tensor of shape (n_samples,), default=None
        How much each row of the first view counts, 1 on average over the ``n_rows``.
        None where all count alike. Other views are drawn in proportion to the weights,
        so that their rows count alike in any case.

    varies : Tensor of shape (n_factors + 1,), dtype bool, default=None
        Which factor varies within the groups of the batch; the last entry stands for
        everything that is no factor. All are true where the loss is only watched. None
        for models whose batches are of any rows.

    group : Tensor of shape (n_samples,), dtype int, default=None
        Which group each row of the first view belongs to: rows of one group have one
        number. None for models whose batches are of any rows.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Batch
    >>> batch = Batch(torch.zeros(1, 8, 5), noise=torch.zeros(1, 8, 2), n_rows=100)
    >>> batch.x[0].shape
    torch.Size([8, 5])
    >>> batch.mean(torch.arange(8.0))
    tensor(3.5000)
    """

    x: Tensor
    noise: Tensor
    n_rows: int
    sample_weight: Tensor | None = None
    varies: Tensor | None = None
    group: Tensor | None = None

    def weigh(self, values: Tensor) -> Tensor:
        """Multiply values of rows by how much the rows count, 1 on average here.

        Parameters
        ----------
        values : Tensor of shape (n_samples, ...)
            Values of each row of the first view.

        Returns
        -------
        weighed : Tensor of shape (n_samples, ...)
            The values themselves where all rows count alike.
        """
        if self.sample_weight is None:
            return values
        weight = self.sample_weight / self.sample_weight.mean()
        return values * weight.reshape(-1, *[1] * (values.dim() - 1))

    def mean(self, values: Tensor) -> Tensor:
        """Average values of rows, each by how much the row counts.

        Parameters
        ----------
        values : Tensor of shape (n_samples, ...)
            Values of each row of the first view.

        Returns
        -------
        mean : Tensor of shape (...)
            The mean over the rows.
        """
        return self.weigh(values).mean(dim=0)

    def group_mean(self, values: Tensor) -> Tensor:
        """Average values over the rows of each group, each by how much the row counts.

        Parameters
        ----------
        values : Tensor of shape (n_samples, n_values)
            Values of each row of the first view.

        Returns
        -------
        mean : Tensor of shape (n_samples, n_values)
            For each row the mean of its group; the row's own where it is alone.

        Raises
        ------
        TypeError
            If the batch is of any rows.

        Examples
        --------
        >>> import torch
        >>> from sk_bvae.nn import Batch
        >>> x, pairs = torch.zeros(1, 4, 5), torch.tensor([0, 0, 1, 1])
        >>> batch = Batch(x, noise=torch.zeros(1, 4, 2), n_rows=4, group=pairs)
        >>> batch.group_mean(torch.tensor([[1.0], [3.0], [0.0], [8.0]])).squeeze()
        tensor([2., 2., 4., 4.])
        """
        if self.group is None:
            raise TypeError(
                "This batch has no groups: only models that stand on BaseGroupedVAE "
                "are given batches that have."
            )
        share = (self.group.unsqueeze(1) == self.group).to(values.dtype)
        if self.sample_weight is not None:
            share = share * self.sample_weight
        return share @ values / share.sum(dim=1, keepdim=True)


class Losses(NamedTuple):
    """What an objective gives.

    Parameters
    ----------
    players : dict of str to Tensor of shape ()
        A loss for each player, in the players' order. A player's gradient comes from
        its own loss alone. The first one's is the loss of the model.

    report : dict of str to Tensor
        Named terms for the history, averaged over an epoch: one number for the batch,
        of shape (), one for each row, (n_samples,), or one for each row and latent,
        (n_samples, n_components).

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Losses
    >>> nll = torch.tensor([3.0, 5.0])
    >>> Losses({"vae": nll.mean()}, {"reconstruction": nll}).players
    {'vae': tensor(4.)}
    """

    players: dict[str, Tensor]
    report: dict[str, Tensor]


def linear_ramp(progress: float, share: float) -> float:
    """Grow linearly from 0 to 1 over the first ``share`` of the training.

    Parameters
    ----------
    progress : float
        The share of the optimizer steps already taken.

    share : float
        The share of the steps that the ramp takes; 0 means no ramp.

    Returns
    -------
    height : float
        Between 0 and 1.

    Examples
    --------
    >>> from sk_bvae.nn import linear_ramp
    >>> [linear_ramp(progress, 0.5) for progress in (0.0, 0.25, 0.5, 1.0)]
    [0.0, 0.5, 1.0, 1.0]
    """
    return 1.0 if progress >= share else progress / share
