"""The stages of a fit, the same for an estimator alone and for those of a stack."""

from contextlib import contextmanager
from copy import deepcopy

import numpy as np
import torch
from torch import nn

from sk_bvae.nn._defaults import OwnDefaults
from sk_bvae.nn._device import resolve_device
from sk_bvae.training.callbacks import Patience
from sk_bvae.training.checkpoint import find_checkpoint
from sk_bvae.training.fingerprints import fingerprints
from sk_bvae.training.precision import set_precision
from sk_bvae.training.recipe import build_net, give_state, net_to_arrays
from sk_bvae.training.rows import Rows
from sk_bvae.training.step import Criterion, NonFiniteLossError
from sk_bvae.utils._random import draw_seeds
from sk_bvae.utils._sklearn import CALLBACKS_DURING_A_FIT

# What one integer seeds, each with an integer of its own.
SEEDED = ("weights", "training", "scoring")


def make_rows(estimator, X, sample_weight=None, positions=None, groups=None):
    """Put validated training data, or some rows of it, where an estimator computes."""
    rows = Rows(X, resolve_device(estimator.device))
    rows = rows if groups is None else rows.group(groups)
    rows = rows if positions is None else rows.restrict(positions)
    rows = rows if sample_weight is None else rows.weigh(sample_weight)
    may_shift = estimator._may_shift(rows.array.shape[1])
    return rows.without_far_means(may_shift) if may_shift.any() else rows


def prepare(estimator, rows):
    """Build what an estimator trains, and set it to the scale of the data.

    Parameters
    ----------
    estimator : BaseModel
        The estimator, its parameters validated.

    rows : Rows
        The training data.

    Returns
    -------
    net : Net
        Ready for training.
    """
    net = net_from_recipe(estimator, make_recipe(estimator, rows), rows.device)
    estimator._check_rows(net.module_, rows)
    check_weights_count(estimator, net, rows)
    estimator._expect(net.module_, rows)
    adapt(estimator, net, rows)
    ends_there = estimator._starts_at_the_end(rows.array.shape[1])
    ends_there = ends_there and not rows.has_gaps  # of which it knows nothing
    net.is_solved_ = ends_there and estimator._is_adapted(net.module_)
    return net


def check_weights_count(estimator, net, rows):
    """Refuse weights of rows that the objective would take no notice of.

    Of a batch that says how much its rows count, every loss has to be a function of it.
    """
    if rows.weight is None:
        return
    batch = next(iter(net.get_iterator(rows)))
    weight = batch.sample_weight.requires_grad_()
    criterion, players = net.criterion, net.module_.eval()
    losses = criterion.objective(players, batch, **criterion.weights_at(0.0)).players
    ignoring = [player for player in losses if not _depends(losses[player], weight)]
    if ignoring:
        raise ValueError(
            f"sample_weight would have no effect: the objective of "
            f"{type(estimator).__name__} averages the loss of {', '.join(ignoring)} "
            "over the rows of a batch as if all counted alike. Take batch.mean(values) "
            "where it takes values.mean()."
        )


def _depends(loss, weight):
    """Say whether a loss was computed from a weight."""
    if not loss.requires_grad:
        return False
    gradients = torch.autograd.grad(loss, weight, retain_graph=True, allow_unused=True)
    return gradients[0] is not None


def adapt(estimator, net, rows):
    """Set a net to the scale of the data."""
    estimator._adapt(net.module_, rows)
    net.shift_ = rows.shift
    net.awaits_start_ = True


def begin_task(estimator, net, given, n_epochs):
    """Describe a training that is about to begin, for whoever may go on with it."""
    is_kept = find_checkpoint(estimator) is not None
    net.task_ = {
        "goal": len(net.history) + (1 if net.is_solved_ else n_epochs),
        # what is solved is affine, and costs little whatever is done with it
        "n_epochs": None if net.is_solved_ else n_epochs,
        "data": fingerprints(given) if is_kept else None,
        "held_out": None,
        "patience": None,
        "is_finished": False,
    }


def begin(estimator, net, rows, early_stopping, watched=None):
    """Hold rows out where they are asked for, and set the net to where it starts.

    Parameters
    ----------
    estimator : BaseModel
        The estimator.

    net : Net
        What is about to be trained.

    rows : Rows
        All rows.

    early_stopping : bool
        Whether to watch the loss on rows that are not trained on.

    watched : Rows, default=None
        Which; None holds out some of the others.

    Returns
    -------
    rows : Rows
        What to train on.

    held_out : Rows or None
        What to watch the loss on, by the net's ``patience_``.
    """
    set_precision(net, estimator.precision, rows)
    stops_early = early_stopping and not net.is_solved_
    if watched is None and len(rows) == 1:  # none of which could be held out
        stops_early = False
    held_out = watched if stops_early else None
    if stops_early and watched is None:
        rows, held_out = _split(estimator, net, rows)
    if net.awaits_start_:  # in which held-out rows have no say
        estimator._start(net.module_, rows, net.recipe_["seeds"]["weights"])
        net.awaits_start_ = False
    net.patience_ = _make_patience(estimator, net, held_out) if stops_early else None
    return rows, held_out


def _split(estimator, net, rows):
    """Hold out some rows at random, or those that a checkpoint says."""
    n_held_out = max(1, round(estimator.validation_fraction * len(rows)))
    if n_held_out == len(rows):
        raise ValueError(
            f"early_stopping=True holds out {n_held_out} of {len(rows)} rows, "
            "which leaves none to train on."
        )
    if net.task_["held_out"] is None:
        net.task_["held_out"] = torch.randperm(len(rows), generator=net.generator_)
    positions = net.task_["held_out"]
    held_out, kept = positions[:n_held_out], positions[n_held_out:]
    return rows.restrict(kept), rows.restrict(held_out)


def _make_patience(estimator, net, held_out):
    state = net.task_["patience"]
    return Patience(
        state,
        net.loss_on(held_out) if state is None else None,
        monitor="valid_loss",
        patience=estimator.n_iter_no_change,
        threshold=estimator.tol,
        threshold_mode="abs",
    )


def finish(estimator, net, rows, failure=None):
    """Give an estimator what was learned, or raise what ended the training.

    Parameters
    ----------
    estimator : BaseModel
        The estimator.

    net : Net
        What was trained.

    rows : Rows
        The training data.

    failure : NonFiniteLossError, default=None
        What ended the training, if anything did.

    Raises
    ------
    ValueError
        If the training diverged.
    """
    net.patience_ = None
    net.task_ |= {"held_out": None, "patience": None, "is_finished": True}
    try:
        if failure is not None:
            raise failure
        attributes = learned_attributes(estimator, net, rows)
    except NonFiniteLossError as error:
        raise ValueError(_explain_divergence(estimator, error.epoch, rows)) from error
    vars(estimator).update(attributes)


def learned_attributes(estimator, net, rows):
    """Collect the attributes that a fit ends with."""
    if not all(weight.isfinite().all() for weight in net.module_.parameters()):
        raise NonFiniteLossError(epoch=len(net.history))  # by the very last step
    summary = estimator._summarise(net, rows)
    history = estimator._history(net)
    return {
        "net_": net,
        **summary,
        "history_": history,
        "loss_curve_": history["loss"],
        "n_iter_": len(history["loss"]),
    }


def make_recipe(estimator, rows):
    """Write down, in plain values, all that it takes to build an estimator's net."""
    seeds = draw_seeds(estimator.random_state, len(SEEDED))
    return {
        "params": deepcopy(recipe_params(estimator)),
        "n_features": rows.array.shape[1],
        "seeds": dict(zip(SEEDED, seeds, strict=True)),
    }


def recipe_params(estimator):
    """Return the parameters that a net depends on."""
    params = {**estimator.get_params(deep=False), **estimator._placed_params()}
    params["random_state"] = None
    if params["net_params"]:  # callbacks are taken from the estimator at each fit
        kept = params["net_params"].items()
        params["net_params"] = {k: v for k, v in kept if k != "callbacks"} or None
    return params


def net_from_recipe(estimator, recipe, device):
    """Build the net of a recipe, for an estimator of the class that wrote it."""
    builder = type(estimator)(**recipe["params"])
    n_features = recipe["n_features"]
    return build_net(
        lambda: builder._make_players(n_features),
        builder._make_optimizers(),
        make_criterion(builder),
        recipe,
        device,
    )


@OwnDefaults()
def net_from_arrays(estimator, state, device):
    """Build a net again, on any device, from what `net_to_arrays` collected.

    Raises
    ------
    ValueError
        If the state is not whole, or describes another net than it holds.
    """
    _check_state(estimator, state)
    net = net_from_recipe(estimator, state["recipe"], device)
    give_state(net, state)
    return net


def _check_state(estimator, state):
    """Compare a state with its recipe before anything is made of the recipe's size."""
    name = type(estimator).__name__
    missing = {"recipe", "players", "optimizers"} - set(state)
    if missing:
        raise ValueError(f"The saved state of this {name} lacks {sorted(missing)}.")
    recipe = state["recipe"]
    builder = type(estimator)(**recipe["params"])
    if not isinstance(builder.network, str):  # code of the user's own, trusted as such
        return
    with torch.device("meta"):
        players = nn.ModuleDict(builder._make_players(recipe["n_features"]))
    expected = {key: tuple(value.shape) for key, value in players.state_dict().items()}
    held = {key: tuple(value.shape) for key, value in state["players"].items()}
    differ = [key for key in {**expected, **held} if expected.get(key) != held.get(key)]
    if differ:
        key = differ[0]
        raise ValueError(
            f"The saved state of this {name} does not fit its parameters: {key} should "
            f"have shape {expected.get(key)} and has {held.get(key)}."
        )


def make_criterion(estimator):
    """Take an estimator's objective and its weights, by value."""
    # not the estimator itself: it will hold the net that holds this, and neither would
    # leave memory before Python next looks for cycles
    estimator = type(estimator)(**estimator.get_params(deep=False))
    return Criterion(
        estimator.objective,
        estimator._weights(),
        estimator._schedule,
        n_views=estimator.n_views,
        n_noise=estimator._n_noise(),
    )


@contextmanager
def unchanged_on_failure(estimator):
    """Put an estimator back to what it was if anything goes wrong inside."""
    before = dict(vars(estimator))
    net = before.get("net_")
    state = None if net is None else (net_to_arrays(net), list(net.history))
    try:
        yield
    except BaseException:
        now = vars(estimator)
        # scikit-learn tears the callbacks down after us
        kept = {name: now[name] for name in CALLBACKS_DURING_A_FIT if name in now}
        now.clear()
        now.update({**before, **kept})
        if net is not None:
            arrays, net_history = state
            give_state(net, arrays)
            net.history[:] = net_history
        raise


def _explain_divergence(estimator, epoch, rows):
    largest = np.fmax.reduce(np.abs(rows.range))
    column = int(np.nanargmax(largest))
    names = getattr(estimator, "feature_names_in_", None)
    name = f"{column}" if names is None else f"{column} ({names[column]!r})"
    lower = " or ".join(["learning_rate_init", *estimator.weights])
    return (
        f"The loss stopped being finite in epoch {epoch}. The column of the "
        f"largest scale is {name}, with values up to {largest[column]:.3g}: scale "
        f"the columns (StandardScaler), or lower {lower}."
    )
