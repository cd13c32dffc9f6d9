import numpy as np
import pytest
import torch
from scipy import stats

from sk_bvae.nn import Poisson


def seen(x):
    likelihood = Poisson()
    likelihood.bind(x.shape[1])
    likelihood.double().adapt(x.mean(dim=0), x.var(dim=0, correction=0))
    return likelihood


@pytest.fixture
def counts(rng):
    return torch.from_numpy(rng.poisson([0.1, 3, 500], size=(200, 3))).double()


def test_nll_is_scipys(counts, rng):
    likelihood = seen(counts)
    output = torch.from_numpy(rng.normal(size=counts.shape))
    rates = likelihood.mean(output).numpy()
    expected = -stats.poisson(rates).logpmf(counts.numpy())
    by_feature = likelihood.nll_by_feature(output, likelihood.standardize(counts))
    np.testing.assert_allclose(by_feature.numpy(), expected, rtol=1e-6)


def test_networks_see_standardized_logarithms(rng):
    """Of values whose logarithm is normal, which the moments are taken to be of."""
    log_x = rng.normal((3, 5), (0.5, 0.1), size=(20_000, 2))
    likelihood = seen(torch.from_numpy(np.expm1(log_x)))
    found = likelihood.standardize(torch.from_numpy(np.expm1(log_x))).numpy()
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=0.05)
    np.testing.assert_allclose(found.std(axis=0), 1, atol=0.05)


def test_float32_is_as_good_for_usual_counts(counts):
    likelihood, output = seen(counts), torch.zeros(counts.shape)
    exact = likelihood.nll(output.double(), likelihood.standardize(counts))
    single = likelihood.float().nll(output, likelihood.standardize(counts.float()))
    np.testing.assert_allclose(single, exact, atol=2e-3)


def test_an_output_of_0_stands_for_the_columns_means(counts):
    rates = seen(counts).mean(torch.zeros(1, 3, dtype=torch.float64))
    np.testing.assert_allclose(rates[0], counts.mean(dim=0))


@pytest.mark.parametrize("spread", [0.0, 1.0, 2.0])
def test_what_the_encoder_sees_is_of_order_1(rng, spread):
    rates = 50 * np.exp(spread * rng.normal(size=(5000, 1)))
    x = torch.from_numpy(rng.poisson(rates)).double()
    seen_by_encoder = seen(x).standardize(x)
    assert abs(seen_by_encoder.mean()) < 0.5
    assert 0.5 < seen_by_encoder.std() < 2
    assert seen_by_encoder.abs().max() < 6


def test_columns_of_zeros_and_constants_are_finite():
    x = torch.tensor([[0.0, 7.0]]).double().expand(5, 2)
    likelihood = seen(x)
    nll = likelihood.nll(torch.zeros(5, 2).double(), likelihood.standardize(x))
    expected = 0.001 - stats.poisson(7).logpmf(7)
    np.testing.assert_allclose(nll, expected)


def test_draws_are_counts_with_the_right_mean():
    likelihood = Poisson()
    likelihood.bind(2)
    generator = torch.Generator().manual_seed(0)
    output = torch.tensor([0.5, 20.0]).log().expand(50_000, 2)
    drawn = likelihood.draw(output, generator)
    assert (drawn == drawn.round()).all()
    assert (drawn >= 0).all()
    np.testing.assert_allclose(drawn.mean(dim=0), [0.5, 20], rtol=0.02)
    np.testing.assert_allclose(drawn.var(dim=0), [0.5, 20], rtol=0.05)
    assert (likelihood.draw(torch.full((3, 2), 1e4), generator) > 1e17).all()


def test_negative_counts_are_refused_with_advice():
    with pytest.raises(ValueError, match="-1 to 2: leave counts as they are"):
        Poisson().check_range(-1, 2)
