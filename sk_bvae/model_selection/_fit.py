"""Fit replicas, alone or as one stack, and keep what failed apart."""

import time
import warnings
from contextlib import contextmanager
from traceback import format_exc

import numpy as np
import torch
from sklearn.exceptions import FitFailedWarning

from sk_bvae._base import check_support, validate_rows
from sk_bvae._epoch_tasks import EpochTasks
from sk_bvae._net import StopTraining
from sk_bvae.model_selection._stack import Stack
from sk_bvae.nn._rows import Rows


class Replica:
    """An estimator on its way to being fitted.

    Parameters
    ----------
    estimator : BaseVAE
        The estimator.
    """

    def __init__(self, estimator):
        self.estimator = estimator
        self.fit_error = None
        self.fit_time = 0.0


@contextmanager
def noting_errors(*replicas, raises):
    """Keep the traceback of what goes wrong inside, unless it is to be raised."""
    try:
        yield
    except Exception:
        if raises:
            raise
        for replica in replicas:
            replica.fit_error = format_exc()


def fit_replicas(estimators, X, context, caller, raises):
    """Fit estimators that can train as one stack; a single one fits by itself.

    Parameters
    ----------
    estimators : list of BaseVAE
        Unfitted estimators.

    X : ndarray of shape (n_samples, n_features)
        Validated training data.

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
    replicas = [Replica(estimator) for estimator in estimators]
    start = time.perf_counter()
    fit_them = _fit_alone if len(replicas) == 1 else _fit_stacked
    fit_them(replicas, X, context, caller, raises)
    for replica in replicas:
        replica.fit_time = (time.perf_counter() - start) / len(replicas)
    return replicas


def _fit_alone(replicas, X, context, caller, raises):
    estimator = replicas[0].estimator
    with (
        noting_errors(*replicas, raises=raises),
        context.propagate_callback_context(estimator),
    ):
        context.call_on_fit_task_begin(estimator=caller, X=X)
        estimator.fit(X)
    context.call_on_fit_task_end(estimator=caller, X=X)


def _fit_stacked(replicas, X, context, caller, raises):
    context.call_on_fit_task_begin(estimator=caller, X=X)
    ready = {}
    for replica in replicas:
        with noting_errors(replica, raises=raises):
            ready[replica] = prepare(replica.estimator, X)
    tasks = EpochTasks(caller, context, {"X": X, "y": None}, None)
    with noting_errors(*ready, raises=raises):
        if ready:
            _train_together(ready, X, tasks, raises)
    context.call_on_fit_task_end(estimator=caller, X=X)


def _train_together(ready, X, tasks, raises):
    nets = list(ready.values())
    rows = Rows(X, nets[0].device)
    stack = Stack([replica.estimator for replica in ready], nets)
    _run_epochs(stack, rows, tasks)
    for replica, net in ready.items():
        with noting_errors(replica, raises=raises):
            _finish(replica.estimator, net, stack.failures.get(net), rows)


def prepare(estimator, X):
    """Do what a fit does before its first epoch; return the net to train."""
    estimator._validate_params()
    validate_rows(estimator, X, reset=True)
    net = estimator._new_net(X)
    check_support(net.vae_.likelihood, Rows(X, torch.device("cpu")))
    return net


def _run_epochs(stack, rows, tasks):
    try:
        for _ in range(stack.nets[0].max_epochs):
            tasks.on_epoch_begin(None)
            stack.train_epoch(rows)
            tasks.on_epoch_end(None)
            if len(stack.failures) == len(stack.nets):
                break
    except StopTraining:
        pass
    stack.unstack()


def _finish(estimator, net, failure, rows):
    if failure is not None:
        explanation = estimator._explain_divergence(failure.epoch, rows)
        raise ValueError(explanation) from failure
    vars(estimator).update(estimator._learned(net, rows))


def report_failures(candidates, replicas, error_score):
    """Warn of what failed, by its parameters; raise where nothing is left.

    Parameters
    ----------
    candidates : list of dict
        The settings.

    replicas : ndarray of shape (n_candidates, n_replicas)
        A `Replica` in each place.

    error_score : float
        The score that stands for a failure.
    """
    failed = [
        f"{candidates[row]}, replica {column}:\n{replica.fit_error}"
        for (row, column), replica in np.ndenumerate(replicas)
        if replica.fit_error is not None
    ]
    report = "\n".join(failed)
    if failed and len(failed) == replicas.size:
        raise ValueError(f"All the {len(failed)} fits failed.\n{report}")
    if failed:
        warnings.warn(
            f"{len(failed)} fits failed out of a total of {replicas.size}. Their score "
            f"is set to {error_score}.\n{report}",
            FitFailedWarning,
            stacklevel=3,
        )
