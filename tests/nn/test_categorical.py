import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import log_loss

from sk_bvae.nn import Categorical

SIZES = [3, 2, 5]


def one_hot(rng, n_rows, sizes=SIZES):
    """Draw rows, and the category of each feature in them."""
    chosen = [rng.integers(size, size=n_rows) for size in sizes]
    columns = [np.eye(size)[c] for size, c in zip(sizes, chosen, strict=True)]
    return torch.from_numpy(np.concatenate(columns, axis=1)), chosen


def seen(likelihood, x):
    """Bind and adapt a likelihood in float64."""
    likelihood.bind(x.shape[1])
    likelihood.double().adapt(x.mean(dim=0), x.var(dim=0, correction=0))
    return likelihood


def test_nll_is_scikit_learns_log_loss(rng):
    x, chosen = one_hot(rng, 60)
    output = torch.from_numpy(rng.normal(0, 3, size=x.shape))
    likelihood = seen(Categorical(SIZES), x)
    logits = np.split((output + x.mean(dim=0).log()).numpy(), [3, 5], axis=1)
    expected = [
        log_loss(c, softmax(part, axis=1), labels=range(size))
        for c, part, size in zip(chosen, logits, SIZES, strict=True)
    ]
    by_feature = likelihood.nll_by_feature(output, x).mean(dim=0).split(SIZES)
    actual = [part.sum().item() for part in by_feature]
    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    assert likelihood.nll(output, x).mean() == pytest.approx(sum(expected), rel=1e-6)


def test_an_output_of_0_stands_for_the_shares_of_the_data(rng):
    x, _ = one_hot(rng, 60)
    likelihood = seen(Categorical(SIZES), x)
    shares = likelihood.mean(torch.zeros(1, 10, dtype=torch.float64))
    np.testing.assert_allclose(shares[0], x.mean(dim=0))


def test_a_category_that_was_never_seen_is_unlikely_and_not_impossible(rng):
    x, _ = one_hot(rng, 60, [3])
    likelihood = seen(Categorical(), torch.cat([x, torch.zeros(60, 1)], dim=1))
    unseen = torch.tensor([[0.0, 0, 0, 1]]).double()
    nll = likelihood.nll(torch.zeros(1, 4).double(), unseen).item()
    assert nll == pytest.approx(-np.log(1e-6), rel=1e-3)


def test_log_odds_of_any_size_stay_finite_and_apart():
    likelihood = Categorical([2, 2])
    likelihood.bind(4)
    output = torch.tensor([[3e4, -3e4, -3e4, -3e4]], requires_grad=True)
    nll = likelihood.nll_by_feature(output, torch.tensor([[0.0, 1, 1, 0]]))
    assert nll.tolist() == [[0, 6e4, pytest.approx(np.log(2)), 0]]
    nll.sum().backward()
    assert output.grad.isfinite().all()


def test_a_feature_of_zeros_costs_nothing():
    likelihood = Categorical([2, 2])
    likelihood.bind(4)
    nll = likelihood.nll(torch.zeros(1, 4), torch.tensor([[0.0, 0, 1, 0]]))
    assert nll.item() == pytest.approx(np.log(2))


def test_draws_are_one_hot_and_have_the_right_shares():
    likelihood = Categorical([3, 2])
    likelihood.bind(5)
    logits = torch.tensor([0.2, 0.5, 0.3, 0.9, 0.1]).log()
    generator = torch.Generator().manual_seed(0)
    drawn = likelihood.draw(logits.expand(2, 50_000, 5), generator)
    assert drawn.shape == (2, 50_000, 5)
    assert drawn.dtype == torch.float32
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert (drawn[..., :3].sum(dim=-1) == 1).all()
    assert (drawn[..., 3:].sum(dim=-1) == 1).all()
    np.testing.assert_allclose(drawn.mean(dim=(0, 1)), logits.exp(), atol=0.01)


def test_numbers_of_categories_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="makes 5 columns, but there are 6"):
        Categorical([2, 3]).bind(6)
    for sizes in ([2, 0], []):
        with pytest.raises(ValueError, match="must list positive integers"):
            Categorical(sizes)
    Categorical([1, 2]).bind(3)  # one that is always the same is no mistake


def test_values_outside_are_refused_with_advice():
    with pytest.raises(ValueError, match="0 to 2: encode categories by OneHotEncoder"):
        Categorical().check_range(0, 2)
