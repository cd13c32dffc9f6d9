"""Gradients of several players, means over an epoch, and curves."""

import numpy as np
import pytest
import torch

from sk_bvae.nn import Losses
from sk_bvae.training.step import (
    Curves,
    EpochMeans,
    backward,
    count_rows,
    named_terms,
)

# Gradients


@pytest.fixture
def players():
    """Two players with a parameter each, and losses that depend on both."""
    a, b = (torch.tensor(value, requires_grad=True) for value in (2.0, 3.0))
    return {"first": [a], "second": [b]}, {"first": a**2 * b, "second": a * b**3}


def test_each_player_gets_the_gradient_of_its_own_loss(players):
    parameters, losses = players
    backward(losses, parameters)
    assert parameters["first"][0].grad.item() == 2 * 2 * 3  # d a^2 b / da
    assert parameters["second"][0].grad.item() == 2 * 3 * 9  # d a b^3 / db


def test_a_player_alone_gets_its_gradient(players):
    parameters, losses = players
    backward({"first": losses["first"]}, {"first": parameters["first"]})
    assert parameters["first"][0].grad.item() == 12


def test_what_a_player_does_not_learn_gets_no_gradient(players):
    parameters, losses = players
    fixed = torch.tensor(5.0, requires_grad=True)
    losses["second"] = losses["second"] * fixed
    backward(losses, parameters)
    assert fixed.grad is None


def test_losses_may_share_what_they_are_made_of(players):
    """The graph is kept until the last player has its gradient, and then freed."""
    parameters, _ = players
    shared = (parameters["first"][0] * parameters["second"][0]).exp()
    losses = {"first": shared**2, "second": shared**3}
    backward(losses, parameters)
    with pytest.raises(RuntimeError, match="second time"):
        losses["second"].backward()


def test_losses_are_named_after_their_players():
    losses = {name: torch.tensor(float(i)) for i, name in enumerate(("vae", "d", "q"))}
    terms = named_terms(Losses(losses, {"kl": torch.ones(2, 3)}))
    assert list(terms) == ["loss", "d_loss", "q_loss", "kl"]
    assert [terms[name].item() for name in ("loss", "d_loss", "q_loss")] == [0, 1, 2]


# Means over an epoch


def make_epoch(sizes, rng, stacked=0):
    """Make the terms of batches: of the batch, of its rows, and of their latents."""
    leading = (stacked,) if stacked else ()
    return [
        {
            "batch": torch.from_numpy(rng.normal(size=leading)),
            "row": torch.from_numpy(rng.normal(size=(*leading, n_rows))),
            "latent": torch.from_numpy(rng.normal(size=(*leading, n_rows, 3)) + 5),
        }
        for n_rows in sizes
    ]


def expected_means(epoch, sizes, axis):
    """Average over the rows: each batch counts as often as it has rows."""
    return {
        "batch": np.average([b["batch"] for b in epoch], axis=0, weights=sizes),
        "row": np.concatenate([b["row"] for b in epoch], axis=axis).mean(axis=axis),
        "latent": np.concatenate([b["latent"] for b in epoch], axis).mean(axis=axis),
    }


@pytest.mark.parametrize("stacked", [0, 4])
@pytest.mark.parametrize(
    ("batch_size", "n_rows"),
    [
        (5, 20),
        (5, 23),  # the last batch is smaller
        (5, 3),  # and the only one
        (5, 1),
        (1, 7),
        (1, 600),  # more batches than are kept before they are summed
        (2, 2 * 256),  # exactly as many
        (2, 2 * 256 + 1),  # and a smaller one beyond
        (3, 3 * 700 + 2),
    ],
)
def test_means_are_over_the_rows_of_the_epoch(rng, batch_size, n_rows, stacked):
    sizes = [min(batch_size, n_rows - s) for s in range(0, n_rows, batch_size)]
    epoch = make_epoch(sizes, rng, stacked)
    means = EpochMeans(len(sizes), batch_size, stacked=bool(stacked))
    for terms, size in zip(epoch, sizes, strict=True):
        means.add(terms, size)
    expected = expected_means(epoch, sizes, axis=int(bool(stacked)))
    ours = means.read()
    assert ours.keys() == expected.keys()
    for name, mean in ours.items():
        np.testing.assert_allclose(mean, expected[name], rtol=1e-12, atol=1e-12)


def test_weighted_means_are_over_the_rows_of_the_epoch(rng):
    sizes = [5, 5, 3]
    weight = torch.from_numpy(rng.exponential(size=13))
    weights = (weight / weight.mean()).split(sizes)
    means = EpochMeans(len(sizes), 5)
    epoch = make_epoch(sizes, rng)
    for terms, size, own in zip(epoch, sizes, weights, strict=True):
        means.add(count_rows(Losses({}, terms), own).report, size)
    expected = {
        name: np.average(
            np.concatenate([terms[name] for terms in epoch]), axis=0, weights=weight
        )
        for name in ("row", "latent")
    }
    of_batches = [own.sum() for own in weights]
    batches = [terms["batch"] for terms in epoch]
    expected["batch"] = np.average(batches, weights=of_batches)
    for name, mean in means.read().items():
        np.testing.assert_allclose(mean, expected[name], rtol=1e-12)


def test_float32_terms_are_summed_in_double_precision():
    """In single precision 1e8 + 1 is 1e8."""
    means = EpochMeans(2, 1)
    for value in (1e8, 1.0):
        means.add({"row": torch.tensor([value])}, 1)
    mean = means.read()["row"]
    assert mean.dtype == np.float64
    assert mean.item() == (1e8 + 1) / 2


def test_terms_may_be_overwritten_and_are_kept_without_their_graph():
    means = EpochMeans(2, 1)
    term = torch.ones(1, requires_grad=True)
    means.add({"row": 2 * term}, 1)
    reused = torch.full((1,), 4.0)
    means.add({"row": reused}, 1)
    reused.fill_(100)
    assert means.read()["row"] == 3


# Curves


def test_curves_grow_by_a_row_an_epoch():
    curves = Curves()
    for epoch in range(3):
        curves.append({"loss": np.float32(epoch), "kl": np.full(2, 10.0 * epoch)})
    np.testing.assert_array_equal(curves.terms["loss"], [0, 1, 2])
    np.testing.assert_array_equal(curves.terms["kl"], [[0, 0], [10, 10], [20, 20]])
    assert {curve.dtype for curve in curves.terms.values()} == {np.dtype(np.float64)}


def test_curves_go_on_from_others_and_leave_them_alone():
    before = Curves()
    before.append({"loss": 1.0})
    after = Curves(before.terms)
    after.append({"loss": 2.0, "new": 3.0})
    np.testing.assert_array_equal(after.terms["loss"], [1, 2])
    np.testing.assert_array_equal(after.terms["new"], [3])
    assert list(before.terms) == ["loss"]
    np.testing.assert_array_equal(before.terms["loss"], [1])
