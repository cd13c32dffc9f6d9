import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops_io
from torch import nn

from sk_bvae import DCIGN, BetaVAE
from sk_bvae.callbacks import Checkpoint
from sk_bvae.datasets import make_blobs2d, make_shapes2d
from sk_bvae.estimators import group_by_factors
from sk_bvae.estimators._dc_ign import clamped_elbo, free_latents
from sk_bvae.inspection import TrainingDisplay
from sk_bvae.metrics import (
    make_disentanglement_scorer,
    mutual_info_gap,
    mutual_info_matrix,
)
from sk_bvae.model_selection import ReplicaGridSearch, _plan
from sk_bvae.nn import VAE, Batch, Bernoulli, mlp
from sk_bvae.training import precision

FAST = {"hidden_layer_sizes": (16,), "likelihood": "bernoulli", "random_state": 0}
LONG = {
    **FAST,
    "hidden_layer_sizes": (64,),
    "batch_size": 16,
    "learning_rate_init": 3e-3,
    "max_iter": 150,
}
BLOBS = make_blobs2d(None, image_size=16, std=0.1, n_positions=8)
X, Y = BLOBS.data, BLOBS.target


# The objective


class Noting(nn.Module):
    """A decoder that notes what it is given."""

    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder
        self.seen = []

    def forward(self, z):
        self.seen.append(z)
        return self.decoder(z)


@pytest.fixture
def vae():
    """A small one in double precision: 6 features, 4 latents."""
    torch.manual_seed(0)
    encoder, decoder = mlp(6, 4, hidden_layer_sizes=(5,), activation="tanh")
    likelihood = Bernoulli()
    likelihood.bind(6)
    return VAE(encoder, Noting(decoder), likelihood, 4).double()


@pytest.fixture
def batch(rng):
    """Three groups of rows, in which the second of two factors varies."""
    return Batch(
        torch.from_numpy(rng.uniform(size=(1, 8, 6))),
        torch.from_numpy(rng.normal(size=(1, 8, 4))),
        n_rows=100,
        varies=torch.tensor([False, True, False]),
        group=torch.tensor([0, 0, 0, 1, 1, 1, 1, 2]),
    )


FREE, CLAMPED = [1], [0, 2, 3]


def means_of_groups(z, group):
    return torch.stack([z[group == own].mean(dim=0) for own in group])


class Drawing(nn.Module):
    """A VAE that keeps the gradient of its draw, and nothing of the KL's."""

    def __init__(self, vae):
        super().__init__()
        self.vae, self.n_components = vae, vae.n_components

    def forward(self, x, noise, intervene):
        self.z = self.vae.draw(x, noise).detach().requires_grad_()
        nll = self.vae.likelihood.nll(self.vae.decoder(intervene(self.z)), x)
        return self.vae(x, noise)._replace(nll=nll, z=self.z)


def test_the_decoder_sees_clamped_latents_at_the_mean_of_their_group(vae, batch):
    clamped_elbo({"vae": vae}, batch)
    z = vae.draw(batch.x[0], batch.noise[0])
    (decoded,) = vae.decoder.seen
    means = means_of_groups(z, batch.group)
    torch.testing.assert_close(decoded[:, FREE], z[:, FREE], rtol=0, atol=0)
    torch.testing.assert_close(decoded[:, CLAMPED], means[:, CLAMPED])


def test_the_gradient_of_a_clamped_latent_is_its_distance_from_the_mean(vae, batch):
    """Of the rows' losses, of which the training takes the mean."""
    drawing = Drawing(vae)
    loss = clamped_elbo({"vae": drawing}, batch).players["vae"]
    (gradient,) = torch.autograd.grad(len(batch.group) * loss, drawing.z)
    expected = (drawing.z - means_of_groups(drawing.z, batch.group)) / 100
    torch.testing.assert_close(
        gradient[:, CLAMPED], expected[:, CLAMPED], rtol=0, atol=1e-12
    )
    assert gradient[:, CLAMPED].abs().max() > 1e-3


def test_the_gradient_of_a_free_latent_is_the_decoders(vae, batch):
    drawing = Drawing(vae)
    loss = clamped_elbo({"vae": drawing}, batch).players["vae"]
    (gradient,) = torch.autograd.grad(len(batch.group) * loss, drawing.z)
    decoded = vae.decoder.seen[0].detach().requires_grad_()
    nll = vae.likelihood.nll(vae.decoder(decoded), batch.x[0]).sum()
    (expected,) = torch.autograd.grad(nll, decoded)
    torch.testing.assert_close(gradient[:, FREE], expected[:, FREE], rtol=0, atol=1e-12)


def test_the_decoders_gradient_agrees_with_finite_differences(vae, batch):
    """The encoder's does not: it is not that of the loss."""

    def loss(*_):
        return clamped_elbo({"vae": vae}, batch).players["vae"]

    assert torch.autograd.gradcheck(loss, list(vae.decoder.parameters()))


def test_where_everything_varies_it_is_a_vae(vae, batch):
    weights = list(vae.parameters())
    everything = batch._replace(varies=torch.tensor([True, True, True]))
    losses = clamped_elbo({"vae": vae}, everything)
    plain = BetaVAE.objective({"vae": vae}, batch, beta=1.0)
    assert (losses.report["invariance"] == 0).all()
    for ours, theirs in zip(
        *(
            torch.autograd.grad(each.players["vae"], weights)
            for each in (losses, plain)
        ),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_rows_of_weight_0_have_no_say(vae, batch):
    weight = torch.tensor([1.0, 1, 0, 2, 0, 1, 1, 1], dtype=torch.float64)
    here = weight > 0
    counted = Batch(
        batch.x[:, here],
        batch.noise[:, here],
        100,
        weight[here],
        batch.varies,
        batch.group[here],
    )
    both = batch._replace(sample_weight=weight), counted
    ours, theirs = (clamped_elbo({"vae": vae}, one).players["vae"] for one in both)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-12)


def test_factors_have_a_latent_each_and_everything_else_the_rest():
    free = [free_latents(varies, 5).tolist() for varies in torch.eye(4).bool()]
    assert free[0] == [True, False, False, False, False]
    assert free[2] == [False, False, True, False, False]
    assert free[3] == [False, False, False, True, True]


# Fits


def test_reported_terms_add_up_to_the_loss():
    history = DCIGN(4, max_iter=3, **FAST).fit(X, Y).history_
    total = history["reconstruction"] + history["kl"].sum(axis=1)
    np.testing.assert_allclose(
        history["loss"], total + history["invariance"], rtol=1e-5
    )
    assert (history["invariance"] > 0).all()


def test_each_factor_has_its_own_latent_and_the_rest_dies():
    vae = DCIGN(4, **LONG).fit(X, Y)
    R = np.corrcoef(vae.transform(X), Y, rowvar=False)[:4, 4:]
    assert abs(R[0, 0]) > 0.9
    assert abs(R[1, 1]) > 0.9
    assert abs(R[[0, 1], [1, 0]]).max() < 0.2
    assert (vae.kl_[:2] > 0.5).all()
    assert (vae.kl_[2:] < 0.1).all()
    # in y's order, whatever the information
    swapped = clone(vae).fit(X, Y[:, ::-1])
    R = np.corrcoef(swapped.transform(X), Y, rowvar=False)[:4, 4:]
    assert abs(R[[0, 1], [1, 0]]).min() > 0.9


@pytest.mark.slow
def test_told_the_factors_it_disentangles_more_than_beta_vae():
    """MIG is twice as large, in the median; position and scale have their latents."""
    shapes = make_shapes2d(None, image_size=32, n_orientations=5, n_positions=10)
    gaps = []
    for seed in range(3):
        params = {"likelihood": "bernoulli", "max_iter": 30, "random_state": seed}
        params["early_stopping"] = False
        told = DCIGN(**params).fit(shapes.data, shapes.target)
        untold = BetaVAE(beta=4, **params).fit(shapes.data)
        codes = [model.transform(shapes.data) for model in (told, untold)]
        gaps.append([mutual_info_gap(Z, shapes.target) for Z in codes])
        best = mutual_info_matrix(codes[0], shapes.target).argmax(axis=0)
        np.testing.assert_array_equal(best[[1, 3, 4]], [1, 3, 4])
    print(f"MIG, told and untold: {np.round(gaps, 2).tolist()}")  # noqa: T201
    told, untold = np.median(gaps, axis=0)
    assert told > 2 * untold


def test_the_rest_is_ordered_by_information():
    y = Y[:, 0]  # position_x is everything else
    vae = DCIGN(4, **LONG).fit(X, y)
    assert vae.n_factors_ == 1
    assert (np.diff(vae.kl_[1:]) <= 0).all()
    assert vae.kl_[1] > vae.kl_[2]


def test_labels_of_groups_are_as_good_as_factors():
    """But for everything else, of which they say nothing."""
    groups = group_by_factors(Y)[:, :2]
    by_factors, by_groups = (
        DCIGN(2, max_iter=5, **FAST).fit(X, **given)
        for given in ({"y": Y}, {"groups": groups})
    )
    assert by_groups.n_factors_ == 2
    assert by_groups.transform(X).shape == by_factors.transform(X).shape
    as_strings = groups.astype(str)
    again = DCIGN(2, max_iter=5, **FAST).fit(X, groups=as_strings)
    # "-1" apart, which is not there, strings have another order and so other numbers
    assert again.n_factors_ == 2


def test_frames_of_films():
    """What the frames of a film share is told by the rest, and what changes is not."""
    films = Y[:, 0]
    vae = DCIGN(2, **LONG).fit(X, groups=films)
    R = np.corrcoef(vae.transform(X), Y, rowvar=False)[:2, 2:]
    assert abs(R[0, 1]) > 0.9
    assert abs(R[1, 0]) > 0.9
    assert abs(R[[0, 1], [0, 1]]).max() < 0.3


def test_a_callable_makes_groups_of_the_rows_as_they_were_passed():
    frame = pd.DataFrame(X, index=pd.Index(Y[:, 0], name="film"))
    vae = DCIGN(2, max_iter=1, **FAST)
    given = vae.fit(frame, groups=Y[:, 0]).transform(frame)
    made = clone(vae).fit(frame, groups=lambda X: X.index).transform(frame)
    np.testing.assert_array_equal(made, given)


def test_with_groups_y_is_not_used():
    vae = DCIGN(2, max_iter=1, **FAST)
    codes = [
        clone(vae).fit(X, y, groups=Y[:, 0]).transform(X) for y in (None, Y[:, ::-1])
    ]
    np.testing.assert_array_equal(*codes)


def test_unlabelled_rows_are_trained_on():
    known, half = np.full_like(Y, -1), np.repeat([True, False], 32)
    known[half] = Y[half]
    vae = DCIGN(4, max_iter=5, **FAST)
    with_them = clone(vae).fit(X, known)
    without = clone(vae).fit(X[half], Y[half])
    assert with_them.n_factors_ == 2
    assert not np.allclose(with_them.transform(X), without.transform(X))


def test_held_out_rows_are_not_clamped():
    params = {"early_stopping": True, "max_iter": 3, **FAST}
    vae = DCIGN(4, **params).fit(X, Y)
    assert (vae.history_["validation_invariance"] == 0).all()
    watched = DCIGN(4, **params).fit(X, Y, X_val=X[:20])
    assert (watched.history_["validation_invariance"] == 0).all()
    total = watched.history_["validation_reconstruction"]
    total = total + watched.history_["validation_kl"].sum(axis=1)
    np.testing.assert_allclose(watched.history_["validation_loss"], total, rtol=1e-5)


def test_gaps():
    gaps = X.copy()
    gaps[::3, ::5] = np.nan
    vae = DCIGN(3, max_iter=2, **FAST).fit(gaps, Y)
    assert np.isfinite(vae.loss_curve_).all()
    assert np.isfinite(vae.transform(gaps)).all()


def test_no_global_random_state_is_touched(global_random_states):
    before = global_random_states()
    DCIGN(2, max_iter=2, hidden_layer_sizes=(8,)).fit(X, Y)
    assert global_random_states() == before


@pytest.mark.parametrize("batch_size", [7, 64])
def test_equal_weights_are_as_none(batch_size):
    vae = DCIGN(3, max_iter=3, batch_size=batch_size, **FAST)
    weighted = clone(vae).fit(X, Y, sample_weight=np.full(len(X), 3.0))
    np.testing.assert_array_equal(weighted.transform(X), vae.fit(X, Y).transform(X))


def test_a_row_of_weight_0_is_not_there():
    weight, changed = np.ones(len(X)), X.copy()
    weight[::3], changed[::3] = 0, 1 - X[::3]
    vae = DCIGN(3, max_iter=3, **FAST)
    fits = [clone(vae).fit(data, Y, sample_weight=weight) for data in (X, changed)]
    np.testing.assert_array_equal(*(fit.transform(X) for fit in fits))


# What is refused


def test_y_is_needed():
    with pytest.raises(ValueError, match="DCIGN requires y to be passed"):
        DCIGN().fit(X)
    with pytest.raises(ValueError, match="DCIGN requires y to be passed"):
        DCIGN().partial_fit(X)


def test_too_few_latents():
    with pytest.raises(ValueError, match="Each of the 2 factors needs a latent"):
        DCIGN(1).fit(X, Y)


def test_factors_of_other_rows():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        DCIGN().fit(X, Y[:-1])


def test_factors_drawn_at_random_from_many():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="column 0 of y varies alone"):
        DCIGN().fit(X, rng.normal(size=Y.shape))


def test_another_number_of_factors_later():
    vae = DCIGN(3, max_iter=1, warm_start=True, **FAST).fit(X, Y)
    for go_on in (vae.fit, vae.partial_fit):
        with pytest.raises(ValueError, match="latents for 2 factors, and there are 1"):
            go_on(X, Y[:, 0])


def test_other_models_take_no_groups():
    search = ReplicaGridSearch(BetaVAE(), {})
    with pytest.raises(ValueError, match="BetaVAE takes no groups"):
        search.fit(X, groups=Y[:, 0])


# Where it goes


def through_skops(estimator):
    data = skops_io.dumps(estimator)
    unknown = skops_io.get_untrusted_types(data=data)
    assert unknown == ["sk_bvae.estimators._dc_ign.DCIGN"]
    return skops_io.loads(data, trusted=unknown)


ROUND_TRIPS = {
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "skops": through_skops,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_a_loaded_estimator_goes_on_to_the_same_bits(trip):
    vae = DCIGN(4, max_iter=2, **FAST).fit(X, Y)
    loaded = trip(vae)
    for one in (vae, loaded):
        one.partial_fit(X, Y)
    np.testing.assert_array_equal(loaded.transform(X), vae.transform(X))
    for name, curve in vae.history_.items():
        np.testing.assert_array_equal(loaded.history_[name], curve)


def test_a_checkpoint_is_of_its_own_factors(tmp_path):
    checkpoint = Checkpoint(tmp_path / "vae.joblib")
    vae = DCIGN(3, max_iter=2, **FAST).set_callbacks(checkpoint)
    vae.fit(X, Y)
    with pytest.raises(ValueError, match="another fit, which differs in groups"):
        clone(vae).set_callbacks(checkpoint).fit(X, Y[:, ::-1])


def test_in_a_grid_search_over_a_pipeline():
    pipeline = make_pipeline(FunctionTransformer(), DCIGN(2, max_iter=2, **FAST))
    search = GridSearchCV(
        pipeline,
        {"dcign__n_components": [2, 3]},
        scoring=make_disentanglement_scorer("mig"),
        cv=KFold(2, shuffle=True, random_state=0),
        error_score="raise",
    ).fit(X, Y)
    assert search.best_estimator_[-1].n_factors_ == 2


def test_groups_reach_it_through_a_pipeline():
    pipeline = make_pipeline(FunctionTransformer(), DCIGN(2, max_iter=1, **FAST))
    by_name = pipeline.fit(X, dcign__groups=Y[:, 0]).transform(X)
    with config_context(enable_metadata_routing=True):
        vae = DCIGN(2, max_iter=1, **FAST).set_fit_request(groups=True)
        routed = make_pipeline(FunctionTransformer(), vae).fit(X, groups=Y[:, 0])
        np.testing.assert_array_equal(routed.transform(X), by_name)


@pytest.mark.parametrize("scoring", ["udr", "mig", "elbo"])
def test_replicas_are_lone_fits(scoring, monkeypatch):
    monkeypatch.setattr(precision, "SMALL_STEP_FLOPS", np.inf)
    vae = DCIGN(max_iter=2, **FAST)
    assert _plan.stack_size(vae, *X.shape) > 1
    search = ReplicaGridSearch(
        vae,
        {"n_components": [2, 3]},
        n_replicas=3,
        scoring=scoring,
        return_estimators=True,
        error_score="raise",
        random_state=0,
    ).fit(X, Y)
    assert search.best_estimator_.n_factors_ == 2
    if scoring == "elbo":  # of which a part of X is trained on
        return
    for replica in np.ravel(search.estimators_):
        lone = clone(replica).fit(X, Y)
        np.testing.assert_allclose(
            replica.transform(X), lone.transform(X), rtol=1e-3, atol=1e-3
        )


def test_its_curves_are_drawn():
    vae = DCIGN(2, max_iter=2, **FAST).fit(X, Y)
    display = TrainingDisplay.from_estimator(vae)
    assert sorted(display.lines_) == ["invariance", "kl", "loss", "reconstruction"]


class Kill(Checkpoint):
    """Interrupts the fit when it has written the second epoch."""

    def on_fit_task_end(self, estimator, context):
        super().on_fit_task_end(estimator, context)
        if context.task_name == "epoch" and estimator._epochs_so_far() == 2:
            raise KeyboardInterrupt


def test_a_fit_that_was_killed_goes_on_to_the_same_bits(tmp_path):
    path = tmp_path / "vae.joblib"
    whole = DCIGN(3, max_iter=4, **FAST).fit(X, Y)

    with pytest.raises(KeyboardInterrupt):
        DCIGN(3, max_iter=4, **FAST).set_callbacks(Kill(path)).fit(X, Y)
    assert path.exists()
    resumed = DCIGN(3, max_iter=4, **FAST).set_callbacks(Checkpoint(path)).fit(X, Y)
    assert resumed.n_iter_ == 4
    np.testing.assert_array_equal(resumed.transform(X), whole.transform(X))


def test_replicas_by_groups():
    vae = DCIGN(2, max_iter=2, **FAST)
    search = ReplicaGridSearch(vae, {}, n_replicas=2, random_state=0)
    search.fit(X, groups=Y[:, 0])
    lone = clone(search.best_estimator_).fit(X, groups=Y[:, 0])
    np.testing.assert_allclose(search.transform(X), lone.transform(X), atol=1e-3)


def test_too_few_latents_fail_one_candidate():
    search = ReplicaGridSearch(
        DCIGN(max_iter=1, **FAST),
        {"n_components": [1, 2]},
        n_replicas=2,
        random_state=0,
    )
    needs = "Each of the 2 factors needs a latent"
    with (
        pytest.warns(FitFailedWarning, match=needs),
        pytest.warns(UserWarning, match="non-finite"),
    ):
        search.fit(X, Y)
    assert search.best_params_ == {"n_components": 2}
