import pytest
import torch
from torch import nn

from sk_bvae.nn._random import DrawsFrom

ONES = torch.ones(4)
LAYERS = {
    "linear": lambda: nn.Linear(3, 4).weight,
    "bias": lambda: nn.Linear(3, 4).bias,
    "convolution": lambda: nn.Conv2d(2, 3, 4).weight,
    "embedding": lambda: nn.Embedding(3, 4).weight,
    "orthogonal": lambda: nn.init.orthogonal_(torch.empty(4, 4)),
    "truncated": lambda: nn.init.trunc_normal_(torch.empty(4, 4)),
    "xavier": lambda: nn.init.xavier_normal_(torch.empty(4, 4)),
    "sparse": lambda: nn.init.normal_(torch.empty(4, 4)),
    "randn": lambda: torch.randn(4),
    "rand": lambda: torch.rand(4),
    "method": lambda: torch.empty(4).uniform_(),
    "randn_like": lambda: torch.randn_like(ONES),
    "rand_like": lambda: torch.rand_like(ONES),
    "randint_like": lambda: torch.randint_like(ONES, 1000),
    "gamma": lambda: torch.distributions.Gamma(ONES, ONES).sample(),
    "beta": lambda: torch.distributions.Beta(ONES, ONES).sample(),
    "dirichlet": lambda: torch.distributions.Dirichlet(ONES).sample(),
    "binomial": lambda: torch.binomial(1000 * ONES, 0.5 * ONES),
    "dropout": lambda: nn.functional.dropout(torch.ones(40)),
    "alpha dropout": lambda: nn.functional.alpha_dropout(torch.ones(40), training=True),
    "gumbel": lambda: nn.functional.gumbel_softmax(ONES),
    "leaky": lambda: nn.functional.rrelu(-ONES, training=True),
}


@pytest.mark.parametrize("draw", LAYERS.values(), ids=LAYERS)
def test_layers_draw_from_the_given_generator(draw):
    before = torch.get_rng_state()
    draws = []
    for seed in (0, 0, 1):
        with DrawsFrom(torch.Generator().manual_seed(seed)):
            draws.append(draw())
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.get_rng_state(), before)
