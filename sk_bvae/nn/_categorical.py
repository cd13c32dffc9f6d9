"""Categories, one-hot."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from sk_bvae.nn._likelihoods import Likelihood

# A category that training never saw starts at this share: unlikely, and not impossible.
LEAST_SHARE = 1e-6


class Categorical(Likelihood):
    """One of several categories, in one-hot columns, whose log odds the decoder gives.

    Columns of several features stand side by side, as `OneHotEncoder` makes them. The
    log odds are relative to each category's share of the training rows, so that rare
    categories need not be learned to be rare. A feature whose columns are all 0, as
    ``handle_unknown="ignore"`` has it, is taken for one of which nothing is known: it
    costs nothing.

    Parameters
    ----------
    n_categories : sequence of int, default=None
        How many columns each feature has. None takes all columns for one feature.

    Raises
    ------
    ValueError
        If a number of categories is not positive or, in `bind`, they do not add up to
        the number of columns.

    Examples
    --------
    >>> import torch
    >>> from sk_bvae.nn import Categorical
    >>> likelihood = Categorical([2, 3])
    >>> likelihood.bind(n_features=5)
    >>> x = torch.tensor([[1.0, 0, 0, 0, 1]])
    >>> likelihood.nll_by_feature(torch.zeros(1, 5), x)
    tensor([[0.6931, 0.0000, 0.0000, 0.0000, 1.0986]])
    """

    support = (0, 1)

    def __init__(self, n_categories: Sequence[int] | None = None) -> None:
        super().__init__()
        if n_categories is not None and min(n_categories, default=0) < 1:
            raise ValueError(
                f"n_categories={list(n_categories)} must list positive integers."
            )
        self.n_categories = n_categories

    def bind(self, n_features: int) -> None:
        sizes = list(self.n_categories or [n_features])
        if sum(sizes) != n_features:
            raise ValueError(
                f"n_categories={sizes} makes {sum(sizes)} columns, but there are "
                f"{n_features}."
            )
        self.sizes = sizes
        feature = [place for place, size in enumerate(sizes) for _ in range(size)]
        self.register_buffer("feature", torch.tensor(feature))
        self.register_buffer("log_share", torch.zeros(n_features))

    def adapt(self, mean: Tensor, variance: Tensor) -> None:
        self.log_share.copy_(mean.clamp(min=LEAST_SHARE).log())

    def nll_by_feature(self, output: Tensor, x: Tensor) -> Tensor:
        return -x * self._log_probabilities(output)

    def mean(self, output: Tensor) -> Tensor:
        return self._log_probabilities(output).exp()

    def draw(self, output: Tensor, generator: torch.Generator) -> Tensor:
        drawn = []
        for probabilities in self.mean(output).split(self.sizes, dim=-1):
            size = probabilities.shape[-1]
            flat = probabilities.reshape(-1, size)
            chosen = torch.multinomial(flat, 1, generator=generator)
            drawn.append(one_hot(chosen, size).view(probabilities.shape))
        return torch.cat(drawn, dim=-1).to(output.dtype)

    def _advise(self, low, high):
        return "encode categories by OneHotEncoder, and do not scale them"

    def _log_probabilities(self, output):
        """Normalise the log odds of all features at once, however many there are."""
        logits = self.log_share + output
        feature = self.feature.expand(logits.shape)
        of_features = logits.new_zeros((*logits.shape[:-1], len(self.sizes)))
        highest = of_features.scatter_reduce(
            -1, feature, logits.detach(), "amax", include_self=False
        )
        logits = logits - highest.gather(-1, feature)
        total = of_features.scatter_add(-1, feature, logits.exp())
        return logits - total.log().gather(-1, feature)
