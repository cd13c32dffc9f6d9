"""What every model shares: fitting and state; a model adds players and their losses."""

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from copy import copy
from dataclasses import field
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils import check_array, check_scalar, get_tags
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch import NeuralNet
from skorch.callbacks import BatchScoring, EpochScoring
from skorch.helper import predefined_split

import sk_bvae
from sk_bvae.estimators._fitting import (
    adapt,
    begin,
    begin_task,
    check_weights_count,
    finish,
    learned_attributes,
    make_criterion,
    make_rows,
    net_from_arrays,
    prepare,
    recipe_params,
    unchanged_on_failure,
)
from sk_bvae.estimators._parameters import SharedParameters, with_parameters
from sk_bvae.nn import Batch, Losses
from sk_bvae.nn._defaults import OwnDefaults
from sk_bvae.nn._device import resolve_device
from sk_bvae.nn._objective import Players
from sk_bvae.training.callbacks import EpochTasks, ReportEpochs
from sk_bvae.training.checkpoint import find_checkpoint
from sk_bvae.training.fingerprints import fingerprints, same_value
from sk_bvae.training.recipe import net_to_arrays, trim
from sk_bvae.training.rows import Rows
from sk_bvae.training.step import NonFiniteLossError
from sk_bvae.utils._active import ACTIVE_NATS
from sk_bvae.utils._documented import DocumentedMixin
from sk_bvae.utils._random import draw_seeds
from sk_bvae.utils._sklearn import (
    CALLBACKS_DURING_A_FIT,
    check_sample_weight,
    fit_context,
)
from sk_bvae.utils._warnings import warn

# Rows that are encoded or decoded at once: bounds the memory of everything but X.
BLOCK_ROWS = 1024

# What an estimator has only while it is fitted, scikit-learn's callbacks' among it.
DURING_A_FIT = ("_so_far", *CALLBACKS_DURING_A_FIT)

# What is used where it lies; anything else becomes the first of these.
REAL: list[Any] = [np.float64, np.float32, np.float16, np.bool_]
REAL += [np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)]


@with_parameters
class BaseModel(
    SharedParameters,
    DocumentedMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackSupportMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Fitting, and what comes of it, for players of any kind.

    A model adds `objective`, the names of its `weights`, and the private methods below
    that are abstract or that say less than it needs.

    Attributes
    ----------
    loss_curve_ : ndarray of shape (`n_iter_`,)
        ``history_["loss"]``.

    n_iter_ : int
        Epochs trained, over all calls that went on from each other.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit. Only if X has string column names.
    """

    # Only models with a loss that says of held-out rows how good they are have it as a
    # parameter.
    early_stopping = False

    # What a model adds

    # Names of the parameters that the objective takes as plain numbers. Replicas that
    # differ in nothing else can train as one stack.
    weights: ClassVar[tuple[str, ...]] = ()

    # The attribute that says how many nats each latent tells, which orders them.
    nats: ClassVar[str]

    # Batches that the objective sees in a step.
    n_views: ClassVar[int] = 1

    # Whether batches are of groups of rows that `_groups` finds, and not of any rows.
    grouped: ClassVar[bool] = False

    # What cannot change between two fits that share their weights.
    fixed: ClassVar[tuple[str, ...]] = (
        "n_components",
        "network",
        "hidden_layer_sizes",
        "activation",
        "image_shape",
        "solver",
        "device",
        "net_params",
    )

    if TYPE_CHECKING:  # what a fit leaves behind
        n_active_components_: int = field(init=False)
        history_: dict[str, np.ndarray] = field(init=False)
        loss_curve_: np.ndarray = field(init=False)
        n_iter_: int = field(init=False)
        n_features_in_: int = field(init=False)
        feature_names_in_: np.ndarray = field(init=False)
        net_: NeuralNet = field(init=False)

    if TYPE_CHECKING:  # no one signature has every model's weights by name

        @property
        def objective(self) -> Callable[..., Losses]:
            """Compute the losses of a batch, with weights of the model's own."""

    else:

        @staticmethod
        @abstractmethod
        def objective(players: Players, batch: Batch, **weights: float) -> Losses:
            """Compute the losses of a batch.

            Parameters
            ----------
            players : ModuleDict
                The players, by name.

            batch : Batch
                The batch.

            **weights : float
                The `weights` by name, as they are at this point of the training.

            Returns
            -------
            losses : Losses
                A loss for each player, and what to report.
            """

    @abstractmethod
    def _make_players(self, n_features):
        """Build the players: modules by name, the model's own first."""

    @abstractmethod
    def _summarise(self, net, rows):
        """Order the latents after training; return the attributes that say how."""

    def _make_optimizers(self):
        """Name a solver, and its settings, for players that need their own."""
        return {}

    def _weights(self):
        """Return the weights as plain numbers."""
        return {name: getattr(self, name) for name in self.weights}

    def _schedule(self, progress, **weights):
        """Return the weights that change along the training, as they are at a point."""
        return {}

    def _n_noise(self):
        """Say how many draws the objective needs for a row."""
        return self.n_components

    def _groups(self, X, y, groups):
        """Number the groups that batches are made of; None for batches of any rows."""
        if groups is not None:
            raise ValueError(
                f"{type(self).__name__} takes no groups: its batches are of any rows."
            )

    def _place(self, X):
        """Find the columns that parameters choose, in X as the user passed it."""

    def _placed_params(self):
        """Return the parameters that choose columns, by position."""
        return {}

    def _may_shift(self, n_features):
        """Say of each column whether the players are as good for it shifted."""
        return np.zeros(n_features, dtype=bool)

    def _adapt(self, players, rows):
        """Give the players what they need of the data before they train."""

    def _start(self, players, rows, seed):
        """Set adapted players to where training on some rows begins."""

    def _starts_at_the_end(self, n_features):
        """Say whether `_start` finds the optimum, which training could only leave."""
        return False

    def _is_adapted(self, players):
        """Say whether the data so far had what players need of it."""
        return True

    def _check_rows(self, players, rows):
        """Refuse data that the players cannot be trained on."""

    def _expect(self, players, rows):
        """Tell the players what to expect of the rows of a fit."""

    # Fitting

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: object = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
    ) -> Self:
        """Fit the model to X.

        Whatever goes wrong, the estimator is then what it was before the call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data. Arrays of numbers, memory maps included, are used where they
            lie, and cast to float32 a batch at a time; anything else is converted to
            an array once. NaN where a value is missing.

        y : Ignored
            Not used, present for API consistency by convention.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts, in all that is averaged over rows: the loss, the
            centre and the scale of the data, the start, ``kl_``, ``history_`` and the
            loss of held-out rows. A row of weight 2 is as two such rows, one of weight
            0 is not there, and weights that are all equal are as none.

        X_val : array-like of shape (n_val_samples, n_features), default=None
            Rows to watch the loss on, with ``early_stopping=True``, instead of a share
            of X. In a Pipeline, which would not transform them by itself, use its
            ``transform_input=["X_val"]``.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data does not suit the likelihood or the network, the device does
            not exist, or the loss stops being finite; if weights are negative or all
            0, or the objective takes no notice of them; if there is an `X_val` that
            nothing would look at.
        """
        given = {"X": X, "sample_weight": sample_weight, "X_val": X_val}
        return self._fit_whole(given, y)

    def _fit_whole(self, given, y, groups=None):
        """Fit to all that a user gave, from the start unless it is a warm one."""
        with unchanged_on_failure(self):
            go_on = self.warm_start and hasattr(self, "net_")
            plan = go_on, self.max_iter, self.early_stopping
            self._fit(given, y, groups, *plan, resume=True)
        self._warn_of_collapse()
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train for one pass over X, from the present weights if there are any.

        Nothing is held out for early stopping. Schedules advance as if each call were
        one of ``max_iter`` epochs. Whatever goes wrong, the estimator is then what it
        was before the call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.

        y : Ignored
            Not used, present for API consistency by convention.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts, as for `fit`, beside the others of this call.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            As for `fit`.
        """
        given = {"X": X, "sample_weight": sample_weight, "X_val": None}
        return self._fit_once(given, y)

    def _fit_once(self, given, y, groups=None):
        """Take one pass over what a user gave, from the present weights."""
        self._validate_params()  # scikit-learn does so at the first call only
        with unchanged_on_failure(self):
            go_on = hasattr(self, "net_")
            self._fit(given, y, groups, go_on, n_epochs=1, early_stopping=False)
        return self

    @OwnDefaults()
    def _fit(self, given, y, groups, go_on, n_epochs, early_stopping, resume=False):
        """Prepare a net or go on with the last one; train it; take what it learned."""
        as_passed = given["X"]
        X, sample_weight, X_val = validate(self, **given, reset=not go_on)
        given = {"X": X, "sample_weight": sample_weight, "X_val": X_val}
        groups = self._groups(as_passed, y, groups)
        if groups is not None:
            given["groups"] = groups
        self._place(as_passed)
        # an autoencoder's target is its input; callbacks score nothing without one
        data = {"X": X, "y": as_passed if y is None else y}
        if sample_weight is not None:
            data["metadata"] = {"sample_weight": sample_weight}
        resumed = resume and self._take_over_checkpoint(given)
        go_on = go_on or resumed
        known = go_on and self._is_adapted(self.net_.module_)
        if known:
            rows = self._rows(X, sample_weight, groups)
        else:
            rows = make_rows(self, X, sample_weight, groups=groups)
        net = self._go_on(rows) if go_on else prepare(self, rows)
        if go_on and not known:
            adapt(self, net, rows)
        if not resumed:
            begin_task(self, net, given, n_epochs)
        watched = None if X_val is None else self._rows_to_watch(net, rows, X_val)
        self._train_on(net, rows, data, early_stopping, watched)

    def _rows_to_watch(self, net, rows, X_val):
        """Put rows that the loss is watched on beside those that are trained on."""
        watched = Rows(X_val, net.device, rows.shift)
        if self.grouped:  # which rows that are only looked at need not be
            watched = watched.group(np.zeros((len(X_val), 1), dtype=np.int32))
        self._check_rows(net.module_, watched)
        if watched.has_gaps and not rows.has_gaps:
            raise ValueError("X_val has missing values, but X has none.")
        return watched

    @fit_context(prefer_skip_nested_validation=True)
    @OwnDefaults()
    def _fit_rows(self, rows):
        """Fit to validated rows, all or some of an array's, and warn of nothing.

        What `fit` is to users this is to a search.
        """
        with unchanged_on_failure(self):
            self.n_features_in_ = rows.array.shape[1]
            data = {"X": rows.array, "y": rows.array}
            net = prepare(self, rows)
            begin_task(self, net, {"X": rows.array}, self.max_iter)
            self._train_on(net, rows, data, self.early_stopping)

    def _train_on(self, net, rows, data, early_stopping, watched=None):
        """Train a net, report to callbacks, and take what it learned."""

        def snapshot():
            copy = net_from_arrays(self, net_to_arrays(net), net.device)
            return learned_attributes(self, copy, rows)

        n_epochs = net.task_["goal"] - len(net.history)
        context = self._init_callback_context(max_subtasks=n_epochs)
        context.call_on_fit_task_begin(estimator=self, **data)
        self._so_far = net, snapshot
        tasks = EpochTasks(self, context, data, snapshot)
        failure = None
        if not net.task_["is_finished"]:
            self._take_settings(net)
            parts = begin(self, net, rows, early_stopping, watched)
            failure = self._train(net, *parts, n_epochs, tasks)
        finish(self, net, rows, failure)
        del self._so_far
        context.call_on_fit_task_end(
            estimator=self, reconstruction_attributes=snapshot, **data
        )

    def _take_over_checkpoint(self, given):
        """Go on from a checkpoint of this fit, if there is one; say whether so."""
        checkpoint = find_checkpoint(self)
        saved = None if checkpoint is None else checkpoint.load()
        if saved is None or saved.n_iter_ <= getattr(self, "n_iter_", 0):
            return False
        ours, theirs = recipe_params(self), recipe_params(saved)
        changed = [name for name in ours if not same_value(ours[name], theirs[name])]
        if isinstance(self.random_state, (Integral, type(None))) and not same_value(
            self.random_state, saved.random_state
        ):
            changed.append("random_state")
        ours, theirs = fingerprints(given), saved.net_.task_["data"]
        changed += [name for name in ours if ours[name] != theirs[name]]
        if changed:
            raise ValueError(
                f"{checkpoint.path} is the checkpoint of another fit, which differs in "
                f"{', '.join(changed)}: choose another path, or delete the file."
            )
        fitted = {k: v for k, v in vars(saved).items() if k.endswith("_")}
        vars(self).update(fitted)
        return True

    def _epochs_so_far(self):
        """Count the epochs of the fit in progress."""
        return len(self._so_far[0].history)

    def _fitted_so_far(self):
        """Return a copy as if the fit in progress had ended with the last epoch."""
        fitted = copy(self)
        vars(fitted).update(self._so_far[1]())
        return fitted

    def _go_on(self, rows):
        """Return the net of the last fit, if it can go on with these rows."""
        if self.net_.trimmed_:
            raise ValueError(
                "What training goes on from was dropped by trim_for_prediction: fit a "
                "clone instead."
            )
        params, last = recipe_params(self), self.net_.recipe_["params"]
        changed = [
            name for name in self.fixed if not same_value(params[name], last[name])
        ]
        if changed:
            raise ValueError(
                "Training goes on with the weights of the last fit, so "
                f"{', '.join(changed)} cannot change: fit a clone instead."
            )
        self._check_rows(self.net_.module_, rows)
        check_weights_count(self, self.net_, rows)
        self._expect(self.net_.module_, rows)
        self.net_.is_solved_ = False
        return self.net_

    def _take_settings(self, net):
        """Give a net the parameters that may change between two fits."""
        if net.lr != self.learning_rate_init:  # it would undo param_groups' own rates
            net.set_params(lr=self.learning_rate_init)
        net.set_params(
            batch_size=self.batch_size,
            max_epochs=self.max_iter,
            verbose=self.verbose,
        )
        net.take_criterion(make_criterion(self))

    def _train(self, net, rows, held_out, n_epochs, tasks):
        """Train a net; return what ended it, if its loss stopped being finite."""
        users = self._users_callbacks()
        if net.task_["patience"] and net.task_["patience"]["is_exhausted_"]:
            n_epochs = 0
        report = ReportEpochs(tasks, net.patience_)
        net.callbacks = [*users, *([net.patience_] if held_out else []), report]
        net.train_split = predefined_split(held_out) if held_out else None
        net.initialize_callbacks()
        try:
            net.partial_fit(rows, epochs=n_epochs)
        except NonFiniteLossError as error:
            return error
        finally:
            # what a callback learned stays readable; the tasks hold on to X
            net.callbacks_ = [item for item in net.callbacks_ if item[1] is not report]
            net.callbacks, net.train_split = users, None
            for _, callback in net.callbacks_:
                # it is made anew at each fit, and holds on to the optimizer's tensors
                vars(callback).pop("lr_scheduler_", None)
        return None

    def _users_callbacks(self):
        """Return skorch's callbacks of ``net_params``, where they can work."""
        callbacks = list((self.net_params or {}).get("callbacks") or [])
        for item in callbacks:
            callback = item[1] if isinstance(item, tuple) else item
            if isinstance(callback, EpochScoring | BatchScoring):
                raise ValueError(
                    f"skorch's {type(callback).__name__} scores predictions, which "
                    f"{type(self).__name__} has none of: use scikit-learn's "
                    "sklearn.callback.ScoringMonitor, set by set_callbacks."
                )
        return callbacks

    def _history(self, net):
        """Return what each epoch reported, as arrays by name."""
        return dict(net.curves_.terms)

    def _warn_of_collapse(self):
        """Warn if no latent carries anything."""
        if self.n_active_components_ == 0:
            warn(
                f"No latent of this {type(self).__name__} carries information: every "
                f"{self.nats} is below {ACTIVE_NATS} nats. {self._collapse_advice()}"
            )

    def _collapse_advice(self):
        """Say which parameter killed the latents, and what to change."""
        weights = " and ".join(
            f"{key}={value}" for key, value in self._weights().items()
        )
        return f"Train longer (max_iter), or change {weights or 'the objective'}."

    # Using the fitted model

    @property
    def _n_features_out(self):
        return len(getattr(self, self.nats))

    def _rows(self, X, sample_weight=None, groups=None):
        """Put data where the net computes, shifted as its training data was."""
        rows = Rows(X, self.net_.device, self.net_.shift_)
        rows = rows if groups is None else rows.group(groups)
        return rows if sample_weight is None else rows.weigh(sample_weight)

    @OwnDefaults()
    def _by_block(self, rows, function, n_rows=BLOCK_ROWS):
        """Apply a function of the players and a block of rows, and join the results."""
        players = self.net_.module_.eval()
        joined, start = None, 0
        with torch.no_grad():
            for x in rows.blocks(n_rows):
                result = function(players, x).cpu().numpy()
                if joined is None:
                    joined = np.empty((len(rows), *result.shape[1:]), result.dtype)
                # a list of small results between large blocks would tear up the heap
                joined[start : start + len(x)] = result
                start += len(x)
        return joined

    def _decode(self, Z, function):
        """Decode latents by a function of the players, into the data's units."""
        check_is_fitted(self)
        Z = check_array(Z, dtype=np.float32)
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {Z.shape[1]} columns, but {type(self).__name__} has "
                f"{self._n_features_out} components."
            )
        decoded = self._by_block(Rows(Z, self.net_.device), function)
        return self._shift_back(decoded)

    def _shift_back(self, decoded):
        """Add to decoded rows what was taken off the data."""
        return decoded if self.net_.shift_ is None else decoded + self.net_.shift_

    def _draw_noise(self, n_samples, n_draws, random_state):
        """Draw standard normal rows; return the generator too, for what comes next."""
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        generator = torch.Generator().manual_seed(draw_seeds(random_state, 1)[0])
        shape = (n_samples, n_draws)
        z = torch.randn(shape, generator=generator, dtype=torch.float32, device="cpu")
        return Rows(z.numpy(), self.net_.device), generator

    # Saving and loading

    def trim_for_prediction(self) -> Self:
        """Drop what only further training needs.

        The optimizer's moments take two thirds of a saved model, and as much memory.
        Without them everything works but `partial_fit` and ``warm_start=True``, which
        then raise.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        check_is_fitted(self)
        trim(self.net_)
        return self

    def __getstate__(self):
        """Describe the estimator by plain values and arrays."""
        state = {**super().__getstate__(), "_sk_bvae_version": sk_bvae.__version__}
        state = {name: state[name] for name in state if name not in DURING_A_FIT}
        net = state.pop("net_", None)
        return state if net is None else {**state, "_net_arrays": net_to_arrays(net)}

    def __setstate__(self, state):
        """Rebuild the net, on the CPU where the old device does not exist."""
        state = dict(state)
        version = state.pop("_sk_bvae_version")
        if version != sk_bvae.__version__:
            warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=f"sk-bvae {sk_bvae.__version__}",
                    original_sklearn_version=f"sk-bvae {version}",
                )
            )
        arrays = state.pop("_net_arrays", None)
        super().__setstate__(state)
        if arrays is not None:
            try:
                device = resolve_device(arrays["recipe"]["params"]["device"])
            except ValueError:
                device = torch.device("cpu")
            self.net_ = net_from_arrays(self, arrays, device)

    def __sklearn_tags__(self):
        """Tell scikit-learn that the output is float32 whatever the input."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def validate_rows(estimator, X, reset=False):
    """Validate data for an estimator, without a conversion where there need be none."""
    shape = getattr(X, "shape", ())
    if len(shape) > 2:
        raise ValueError(
            f"Found array with dim {len(shape)}, while dim <= 2 is required by "
            f"{type(estimator).__name__}: pass X.reshape(len(X), -1), and for the "
            f"convolutional networks image_shape={tuple(shape[1:])}."
        )
    may_have_gaps = get_tags(estimator).input_tags.allow_nan
    X = validate_data(
        estimator,
        X,
        reset=reset,
        dtype=REAL,
        order="C",
        ensure_all_finite="allow-nan" if may_have_gaps else True,
    )
    if X.dtype == np.float64:
        _check_float32_holds(X)
    return X


def validate(estimator, X, sample_weight, X_val, reset):
    """Validate all that a fit is given; what is None stays so."""
    X = validate_rows(estimator, X, reset=reset)
    if sample_weight is not None:
        sample_weight = validate_weights(sample_weight, X)
    if X_val is not None:
        if not estimator.early_stopping:
            raise ValueError(
                f"X_val is what early stopping watches, which this "
                f"{type(estimator).__name__} does not do: set early_stopping=True, if "
                "there is such a parameter, or leave X_val out."
            )
        X_val = validate_rows(estimator, X_val)
    return X, sample_weight, X_val


def validate_weights(sample_weight, X):
    """Validate weights of the rows of validated data."""
    return check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )


def _check_float32_holds(X):
    """Refuse numbers that the networks, which compute in float32, cannot hold."""
    for start in range(0, len(X), BLOCK_ROWS):
        largest = np.fmax.reduce(np.abs(X[start : start + BLOCK_ROWS]))
        if np.fmax.reduce(largest) > np.finfo(np.float32).max:
            raise ValueError(
                f"X holds values up to {np.nanmax(largest):.3g}, in column "
                f"{np.nanargmax(largest)}, which float32 cannot hold: scale the data."
            )
