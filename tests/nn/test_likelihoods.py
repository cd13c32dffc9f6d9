import numpy as np
import pytest
import torch
from scipy import stats

from sk_bvae.nn import Bernoulli, Categorical, Gaussian, Likelihood, Mixed, Poisson


@pytest.fixture
def data(rng):
    return torch.from_numpy(rng.normal(5, 3, size=(40, 6)))


def looked(likelihood, X):
    likelihood.bind(X.shape[1])
    X = X.double()
    likelihood.double().adapt(X.mean(dim=0), X.var(dim=0, correction=0))
    return likelihood.requires_grad_(False)


@pytest.mark.parametrize("noise_variance", [None, 0.3, 20.0])
def test_gaussian_nll_is_scipys(data, rng, noise_variance):
    likelihood = looked(Gaussian(noise_variance), data)
    output = torch.from_numpy(rng.normal(size=data.shape))
    std = np.sqrt(likelihood.learned()["noise_variance_"])
    mean = likelihood.mean(output).numpy()
    expected = -stats.norm(mean, std).logpdf(data.numpy()).sum(axis=1)
    nll = likelihood.nll(output, likelihood.standardize(data))
    np.testing.assert_allclose(nll.numpy(), expected, rtol=1e-6)


def test_bernoulli_nll_is_scipys(rng):
    x = rng.integers(0, 2, size=(40, 6))
    logits = rng.normal(0, 4, size=x.shape)
    expected = -stats.bernoulli(1 / (1 + np.exp(-logits))).logpmf(x).sum(axis=1)
    nll = Bernoulli().nll(torch.from_numpy(logits), torch.from_numpy(x).double())
    np.testing.assert_allclose(nll.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "likelihood",
    [
        Gaussian(),
        Gaussian(0.3),
        Bernoulli(),
        Categorical([2, 4]),
        Poisson(),
        Mixed([(Poisson(), [5, 0]), (Gaussian(), [2, 1]), (Bernoulli(), [3, 4])]),
    ],
)
def test_nll_is_the_sum_over_features(rng, likelihood):
    x = torch.from_numpy(rng.integers(0, 2, size=(40, 6))).double()
    likelihood = looked(likelihood, x)
    output = torch.from_numpy(rng.normal(size=x.shape))
    x = likelihood.standardize(x)
    by_feature = likelihood.nll_by_feature(output, x)
    assert by_feature.shape == x.shape
    torch.testing.assert_close(by_feature.sum(dim=-1), likelihood.nll(output, x))


def test_bernoulli_nll_is_finite_where_probabilities_are_0_and_1():
    nll = Bernoulli().nll(torch.tensor([[200.0, -200.0]]), torch.tensor([[0.0, 1.0]]))
    assert nll.item() == pytest.approx(400)


@pytest.mark.parametrize(
    "likelihood",
    [
        Gaussian(),
        Gaussian(0.5),
        Bernoulli(),
        Categorical(),
        Poisson(),
        Mixed([(Gaussian(), [1]), (Categorical(), [2, 0])]),
    ],
)
def test_nll_gradient_agrees_with_finite_differences(rng, likelihood):
    likelihood.bind(3)
    likelihood.double()
    output = torch.from_numpy(rng.normal(size=(4, 3))).requires_grad_()
    x = torch.from_numpy(rng.uniform(size=(4, 3)))
    assert torch.autograd.gradcheck(lambda output: likelihood.nll(output, x), output)


def test_gaussian_standardizes_by_one_scalar(data):
    likelihood = looked(Gaussian(), data)
    x = likelihood.standardize(data)
    np.testing.assert_allclose(x.mean(dim=0), 0, atol=1e-12)
    assert x.var(dim=0, correction=0).mean().item() == pytest.approx(1)
    ratio = data.std(dim=0) / x.std(dim=0)
    np.testing.assert_allclose(ratio, ratio[0])


def test_gaussian_mean_undoes_standardize(data):
    likelihood = looked(Gaussian(), data)
    np.testing.assert_allclose(likelihood.mean(likelihood.standardize(data)), data)


def test_gaussian_survives_constant_data():
    likelihood = looked(Gaussian(), torch.full((5, 2), 3.0, dtype=torch.float64))
    assert likelihood.scale.item() == 1
    assert likelihood.nll(torch.zeros(1, 2), torch.zeros(1, 2)).isfinite().all()


def test_gaussian_noise_variance_is_bounded():
    likelihood = Gaussian()
    likelihood.bind(1)
    likelihood.paced_log_variance.data.fill_(-1e9)
    assert likelihood.nll(torch.ones(1, 1), torch.zeros(1, 1)).isfinite().all()


def test_a_variance_that_is_left_slowly_moves_ever_faster():
    likelihood = Gaussian()
    likelihood.leave_slowly()
    likelihood.bind(1)
    likelihood.start_at(-2.0)
    moved = np.array([0.0, 0.1, 1.0, 3.0])
    log_variances = []
    for far in moved:
        likelihood.paced_log_variance.data.fill_(-far)
        log_variances.append(np.log(likelihood.learned()["noise_variance_"]))
    np.testing.assert_allclose(log_variances, -2 - np.sinh(moved), rtol=1e-6)


def test_a_variance_is_left_by_the_slope_of_its_loss():
    likelihood = Gaussian()
    likelihood.leave_slowly()
    likelihood.bind(3)
    likelihood.double().start_at(0.5)
    paced = likelihood.paced_log_variance
    paced.data.fill_(0.7)
    output, x = torch.zeros(1, 3).double(), torch.ones(1, 3).double()

    def nll_at(moved):
        likelihood.paced_log_variance.data.fill_(moved)
        return likelihood.nll(output, x).item()

    likelihood.nll(output, x).sum().backward()
    slope = (nll_at(0.7 + 1e-6) - nll_at(0.7 - 1e-6)) / 2e-6
    assert paced.grad.item() == pytest.approx(slope, rel=1e-6)


def test_draws_have_the_right_moments(data):
    generator = torch.Generator().manual_seed(0)
    likelihood = looked(Gaussian(4.0), data).float()
    draws = likelihood.draw(torch.zeros(100_000, 6), generator)
    np.testing.assert_allclose(draws.mean(dim=0), data.mean(dim=0), atol=0.05)
    np.testing.assert_allclose(draws.var(dim=0), 4.0, rtol=0.05)
    flips = Bernoulli().draw(torch.full((100_000, 1), np.log(3.0)), generator)
    assert set(flips.unique().tolist()) == {0.0, 1.0}
    assert flips.mean().item() == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize(
    "likelihood",
    [
        Gaussian(4.0),
        Bernoulli(),
        Categorical([2, 4]),
        Poisson(),
        Mixed([(Poisson(), [5, 0]), (Gaussian(), [2, 1]), (Bernoulli(), [3, 4])]),
    ],
)
def test_draws_come_from_the_generator_alone(likelihood):
    likelihood.bind(6)
    before = torch.get_rng_state()
    drawn = [
        likelihood.draw(torch.zeros(50, 6), torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("low", "high"), [(-0.1, 1), (0, 1.5), (0, 255), (-4, 255)])
def test_bernoulli_refuses_values_outside_its_range(low, high):
    with pytest.raises(ValueError, match=f"ranges from {low:g} to {high:g}") as caught:
        Bernoulli().check_range(low, high)
    assert ("divide by 255" in str(caught.value)) == (low >= 0)


def test_bernoulli_takes_its_range():
    Bernoulli().check_range(0.0, 1.0)


@pytest.mark.parametrize("method", ["nll", "mean", "draw"])
def test_a_likelihood_must_say_how(method):
    with pytest.raises(NotImplementedError):
        getattr(Likelihood(), method)(*[None] * (1 if method == "mean" else 2))
