"""Fit replicas, alone or as one stack, and keep what failed apart."""

import time
import warnings
from contextlib import contextmanager
from traceback import format_exc

import numpy as np
from sklearn.exceptions import FitFailedWarning

from sk_bvae.estimators._fitting import finish, make_rows, prepare
from sk_bvae.nn._defaults import OwnDefaults
from sk_bvae.training.callbacks import EpochTasks
from sk_bvae.training.stack import Stack


class Replica:
    """An estimator on its way to being fitted.

    Parameters
    ----------
    estimator : BaseModel
        The estimator.
    """

    def __init__(self, estimator):
        self.estimator = estimator
        self.fit_error = None
        self.fit_time = 0.0


@contextmanager
def kept_apart(*replicas, raises):
    """Keep the traceback of what goes wrong inside, unless it is to be raised."""
    try:
        yield
    except Exception:
        if raises:
            raise
        for replica in replicas:
            replica.fit_error = format_exc()


@OwnDefaults()
def fit_replicas(estimators, X, context, caller, raises):
    """Fit estimators that can train as one stack; a single one fits by itself.

    Parameters
    ----------
    estimators : list of BaseModel
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
        kept_apart(*replicas, raises=raises),
        context.propagate_callback_context(estimator),
    ):
        context.call_on_fit_task_begin(estimator=caller, X=X)
        estimator.fit(X)
    context.call_on_fit_task_end(estimator=caller, X=X)


def _fit_stacked(replicas, X, context, caller, raises):
    context.call_on_fit_task_begin(estimator=caller, X=X)
    with kept_apart(*replicas, raises=raises):
        rows = make_rows(replicas[0].estimator, X)
        ready = {}
        for replica in replicas:
            with kept_apart(replica, raises=raises):
                ready[replica] = _prepare(replica.estimator, rows)
        if ready:
            tasks = EpochTasks(caller, context, {"X": X, "y": None})
            _train_together(ready, rows, tasks, raises)
    context.call_on_fit_task_end(estimator=caller, X=X)


def _prepare(estimator, rows):
    estimator._validate_params()
    estimator.n_features_in_ = rows.array.shape[1]
    return prepare(estimator, rows)


def _train_together(ready, rows, tasks, raises):
    stack = Stack(list(ready.values()))
    stack.fit(rows, stack.nets[0].max_epochs, tasks)
    for replica, net in ready.items():
        with kept_apart(replica, raises=raises):
            finish(replica.estimator, net, rows, stack.failures.get(net))


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
