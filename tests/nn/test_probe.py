import pytest
import torch

from sk_bvae.nn import Bernoulli, Categorical, Gaussian, Likelihood, Mixed, Poisson
from sk_bvae.nn._probe import probe


class Laplace(Likelihood):
    """Right in every respect."""

    def nll_by_feature(self, output, x):
        return (x - output).abs() + 0.6931

    def mean(self, output):
        return output

    def draw(self, output, generator):
        return output + torch.randn(output.shape, generator=generator)


class NllAlone(Laplace):
    nll_by_feature = Likelihood.nll_by_feature

    def nll(self, output, x):
        return (x - output).abs().sum(dim=-1)


class Speechless(Laplace):
    nll_by_feature = Likelihood.nll_by_feature


class Meanless(Laplace):
    mean = Likelihood.mean


class Drawless(Laplace):
    draw = Likelihood.draw


class OfAllRows(Laplace):
    def nll(self, output, x):
        return (x - output).abs().sum(dim=-1).mean()


class SameForAllRows(Laplace):
    def nll(self, output, x):
        nll = (x - output).abs().sum(dim=-1)
        return nll.mean().expand(nll.shape)


class OverRows(Laplace):
    def nll_by_feature(self, output, x):
        return super().nll_by_feature(output, x).sum(dim=1)


class NarrowMean(Laplace):
    def mean(self, output):
        return output[..., :-1]


class NarrowDraw(Laplace):
    def draw(self, output, generator):
        return output.sum(dim=-1)


class Wider(Laplace):
    def standardize(self, x):
        return torch.cat([x, x], dim=-1)


class Stumbling(Laplace):
    def draw(self, output, generator):
        return output.nonsense()


class Forgetful(Laplace):
    def mean(self, output):
        output.exp()


@pytest.mark.parametrize("n_rows", [1, 3])
@pytest.mark.parametrize(
    "make",
    [
        Laplace,
        NllAlone,
        Bernoulli,
        Gaussian,
        Poisson,
        lambda: Categorical([2, 3]),
        lambda: Mixed([(Laplace(), [0, 3]), (Poisson(), [2, 1, 4])]),
    ],
)
def test_right_ones_pass(make, n_rows):
    likelihood = make()
    likelihood.bind(5)
    probe(likelihood, torch.eye(5)[:n_rows])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            Speechless,
            r"Speechless.nll_by_feature is missing.* draw [(]see .*Likelihood[)][.]$",
        ),
        (Meanless, "Meanless.mean is missing"),
        (Drawless, "Drawless.draw is missing"),
        (OfAllRows, r"OfAllRows.nll must make the shape [(]3, 2[)] of .*made [(][)]"),
        (SameForAllRows, "SameForAllRows.nll must .*, but the first of .* row alone.$"),
        (
            OverRows,
            r"OverRows.nll_by_feature must .*made [(]3, 5[)].*, and any .* before",
        ),
        (NarrowMean, r"NarrowMean.mean must .* made [(]3, 2, 4[)]"),
        (NarrowDraw, r"NarrowDraw.draw must .* made [(]3, 2[)]"),
        (Wider, r"Wider.standardize must .* [(]3, 5[)], but made [(]3, 10[)]"),
        (Stumbling, "Stumbling.draw failed: AttributeError.*nonsense"),
        (Forgetful, "Forgetful.mean failed"),
    ],
)
def test_what_is_wrong_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        probe(make(), torch.eye(5)[:3])


def test_parts_are_probed_as_well():
    likelihood = Mixed([(Bernoulli(), [0, 1]), (NarrowMean(), [2, 3, 4])])
    likelihood.bind(5)
    with pytest.raises(ValueError, match=r"NarrowMean\.mean must"):
        probe(likelihood, torch.eye(5))
