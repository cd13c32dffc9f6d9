import numpy as np
import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap

from sk_bvae.nn import Bernoulli, Categorical, Gaussian, Mixed, Poisson

COLUMNS = {
    "poisson": [7, 0],
    "gaussian": [2, 3],
    "fixed": [8],
    "yes": [1],
    "kind": [6, 4, 5],
}


def make_parts():
    kinds = [Poisson(), Gaussian(), Gaussian(0.5), Bernoulli(), Categorical()]
    return list(zip(kinds, COLUMNS.values(), strict=True))


@pytest.fixture
def x(rng):
    x = np.empty((50, 9))
    x[:, COLUMNS["poisson"]] = rng.poisson([3, 20], size=(50, 2))
    x[:, [2, 3, 8]] = rng.normal(5, 3, size=(50, 3))
    x[:, 1] = rng.integers(2, size=50)
    x[:, COLUMNS["kind"]] = np.eye(3)[rng.integers(3, size=50)]
    return torch.from_numpy(x)


def seen(likelihood, x):
    likelihood.bind(x.shape[1])
    likelihood.double().adapt(x.mean(dim=0), x.var(dim=0, correction=0))
    return likelihood.requires_grad_(False)


def test_each_part_does_with_its_columns_what_it_does_alone(x, rng):
    mixed = seen(Mixed(make_parts()), x)
    output = torch.from_numpy(rng.normal(size=x.shape))
    standard = mixed.standardize(x)
    by_feature, mean = mixed.nll_by_feature(output, standard), mixed.mean(output)
    total = 0
    for part, columns in make_parts():
        alone = seen(part, x[:, columns])
        own = alone.standardize(x[:, columns])
        torch.testing.assert_close(standard[:, columns], own)
        nll = alone.nll_by_feature(output[:, columns], own)
        torch.testing.assert_close(by_feature[:, columns], nll)
        torch.testing.assert_close(mean[:, columns], alone.mean(output[:, columns]))
        total = total + alone.nll(output[:, columns], own)
    torch.testing.assert_close(mixed.nll(output, standard), total)


def test_draws_are_valid_rows(x):
    mixed = seen(Mixed(make_parts()), x).float()
    generator = torch.Generator().manual_seed(0)
    drawn = mixed.draw(torch.zeros(2000, 9), generator).double()
    assert (drawn[:, COLUMNS["kind"]].sum(dim=1) == 1).all()
    assert set(drawn[:, [1, 4, 5, 6]].unique().tolist()) == {0.0, 1.0}
    counts = drawn[:, COLUMNS["poisson"]]
    assert (counts == counts.round()).all()
    np.testing.assert_allclose(counts.mean(dim=0), x[:, [7, 0]].mean(dim=0), rtol=0.1)
    assert drawn[:, 8].var().item() == pytest.approx(0.5, rel=0.1)


def test_what_is_learned_is_said_by_column(x):
    learned = seen(Mixed(make_parts()), x).learned()["noise_variance_"]
    assert learned.shape == (9,)
    assert learned[8] == 0.5
    assert (
        learned[2]
        == learned[3]
        == pytest.approx(0.1 * x[:, [2, 3]].var(0, correction=0).mean())
    )
    assert np.isnan(learned[[0, 1, 4, 5, 6, 7]]).all()
    assert "noise_variance_" not in Mixed([(Bernoulli(), [0])]).learned()


def test_it_is_adapted_when_all_its_parts_are(x):
    mixed = Mixed(make_parts())
    mixed.bind(9)
    mixed.adapt(x[0], torch.zeros(9))
    assert not mixed.adapted
    mixed.adapt(x.mean(dim=0), x.var(dim=0))
    assert mixed.adapted
    assert mixed.location_scale
    assert not Mixed([(Poisson(), [0])]).location_scale


def test_stacks_give_what_each_gives_alone(x, rng):
    several = [seen(Mixed(make_parts()), x * scale).float() for scale in (1, 1, 2)]
    output = torch.from_numpy(rng.normal(size=(3, *x.shape))).float()
    x = x.float()

    def nll(state, output):
        likelihood = _Standardized(several[0])
        return functional_call(likelihood, state, (output, x))

    state = stack_module_state([_Standardized(each) for each in several])
    together = vmap(nll)(state, output)
    alone = [_Standardized(m)(o, x) for m, o in zip(several, output, strict=True)]
    torch.testing.assert_close(together, torch.stack(alone))


class _Standardized(torch.nn.Module):
    """The density of data in its own units, as a module's forward."""

    def __init__(self, likelihood):
        super().__init__()
        self.likelihood = likelihood

    def forward(self, output, x):
        return self.likelihood.nll(output, self.likelihood.standardize(x))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([[0], [2]], "The columns 1, 3 have no likelihood"),
        ([[0, 1], [1, 2, 3]], "The columns 1 have several likelihoods"),
        ([[0, 1, 2, 3], [4]], "There are 4 columns, but none 4"),
        ([[0, 1, 2], [-1]], "There are 4 columns, but none -1"),
        ([[], []], "The columns 0, 1, 2, 3 have no"),
    ],
)
def test_every_column_needs_exactly_one(columns, message):
    mixed = Mixed([(Bernoulli(), own) for own in columns])
    with pytest.raises(ValueError, match=message):
        mixed.bind(4)


def test_long_lists_of_columns_are_cut_short():
    with pytest.raises(ValueError, match=r"8, 9, ... \(29 in all\) have no"):
        Mixed([(Bernoulli(), [20])]).bind(30)
