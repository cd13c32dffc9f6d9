"""Fit replicas, alone or as one stack, and keep what failed apart."""

import time
from contextlib import contextmanager
from traceback import format_exc

import joblib

from sk_bvae.estimators._fitting import (
    begin,
    begin_task,
    finish,
    make_rows,
    prepare,
)
from sk_bvae.nn._defaults import OwnDefaults
from sk_bvae.training.callbacks import EpochTasks
from sk_bvae.training.checkpoint import SearchCheckpoint, find_checkpoint, write
from sk_bvae.training.fingerprints import fingerprints
from sk_bvae.training.stack import Stack


class Replica:
    """An estimator on its way to being fitted and judged.

    Parameters
    ----------
    estimator : BaseModel
        The estimator.
    """

    def __init__(self, estimator):
        self.estimator = estimator
        self.fit_error = None
        self.score_error = None
        self.collapse = None
        self.values = {}

    @property
    def fitted(self):
        """Whether the fit went well."""
        return self.fit_error is None


@contextmanager
def kept_apart(*replicas, raises, name="fit_error"):
    """Keep the traceback of what goes wrong inside, unless it is to be raised."""
    try:
        yield
    except Exception:
        if raises:
            raise
        for replica in replicas:
            setattr(replica, name, format_exc())


@OwnDefaults()
def fit_replicas(
    estimators, X, sample_weight, positions, groups, path, context, caller, raises
):
    """Fit estimators that can train as one stack; a single one fits by itself.

    Parameters
    ----------
    estimators : list of BaseModel
        Unfitted estimators.

    X : ndarray of shape (n_samples, n_features)
        Validated data.

    sample_weight : ndarray of shape (n_samples,) or None
        How much each row counts.

    positions : Tensor of shape (n_training_samples,) or None
        The rows to train on; None for all.

    groups : ndarray of shape (n_samples, n_kinds) or None
        The groups that batches are made of; None where they are of any rows.

    path : Path or None
        Where the fitted replicas are kept: what is there is not fitted again.

    context : CallbackContext
        The task that this is.

    caller : estimator instance
        The estimator that the task belongs to.

    raises : bool
        Whether the first error ends it all.

    Returns
    -------
    replicas : list of Replica
        The estimators, fitted or with the traceback of their failure.
    """
    context.call_on_fit_task_begin(estimator=caller, X=X)
    if path is not None and path.exists():
        replicas = joblib.load(path)
    else:
        rows = X, sample_weight, positions, groups
        replicas = _fit(estimators, rows, context, caller, raises)
        if path is not None and all(replica.fitted for replica in replicas):
            write(replicas, path)
    context.call_on_fit_task_end(estimator=caller, X=X)
    return replicas


def paths_of(stacks, X, sample_weight, positions, groups, search):
    """Say where a search keeps its stacks: where its `SearchCheckpoint` does.

    Parameters
    ----------
    stacks : list of list of BaseModel
        Unfitted estimators.

    X : ndarray of shape (n_samples, n_features)
        Validated data.

    sample_weight : ndarray of shape (n_samples,) or None
        How much each row counts.

    positions : Tensor of shape (n_training_samples,) or None
        The rows to train on; None for all.

    groups : ndarray of shape (n_samples, n_kinds) or None
        The groups that batches are made of; None where they are of any rows.

    search : ReplicaGridSearch
        The search.

    Returns
    -------
    paths : list of Path or None
        A file for each stack; None where the search has no checkpoint.
    """
    checkpoint = find_checkpoint(search, SearchCheckpoint)
    if checkpoint is None:
        return [None] * len(stacks)
    given = {"X": X, "sample_weight": sample_weight, "groups": groups}
    data = fingerprints(given), positions
    return [
        checkpoint.file_of(([_describe(each) for each in stack], *data))
        for stack in stacks
    ]


def _describe(estimator):
    """Say what an estimator is, with the columns that it chooses by position."""
    return type(estimator), {**estimator.get_params(), **estimator._placed_params()}


def _fit(estimators, rows, context, caller, raises):
    replicas = [Replica(estimator) for estimator in estimators]
    start = time.perf_counter()
    fit_them = _fit_alone if len(replicas) == 1 else _fit_stacked
    with kept_apart(*replicas, raises=raises):
        rows = make_rows(estimators[0], *rows)
        fit_them(replicas, rows, context, caller, raises)
    seconds = (time.perf_counter() - start) / len(replicas)
    for replica in replicas:
        replica.values["fit_time"] = seconds
        if replica.fitted:  # the last step's gradients are of no use to anybody
            replica.estimator.net_.module_.zero_grad(set_to_none=True)
    return replicas


def _fit_alone(replicas, rows, context, caller, raises):
    estimator = replicas[0].estimator
    with context.propagate_callback_context(estimator):
        estimator._fit_rows(rows)


def _fit_stacked(replicas, rows, context, caller, raises):
    ready = {}
    for replica in replicas:
        with kept_apart(replica, raises=raises):
            ready[replica] = _begin(replica.estimator, rows)
    if ready:
        tasks = EpochTasks(caller, context, {"X": rows.array, "y": None})
        _train_together(ready, rows, tasks, raises)


def _begin(estimator, rows):
    """Return the estimator's net, with the rows to train on and to watch."""
    estimator._validate_params()
    estimator.n_features_in_ = rows.array.shape[1]
    net = prepare(estimator, rows)
    begin_task(estimator, net, {"X": rows.array}, estimator.max_iter)
    return net, *begin(estimator, net, rows, estimator.early_stopping)


def _train_together(ready, rows, tasks, raises):
    nets, training, held_out = zip(*ready.values(), strict=True)
    stack = Stack(nets)
    stack.fit(training, held_out, nets[0].max_epochs, tasks)
    for replica, net in zip(ready, nets, strict=True):
        with kept_apart(replica, raises=raises):
            finish(replica.estimator, net, rows, stack.failures.get(net))
