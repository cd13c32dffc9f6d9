"""A grid search that trains several seeds of every candidate, together."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.model_selection import ParameterGrid
from sklearn.utils import get_tags
from sklearn.utils.parallel import Parallel, delayed

from sk_bvae.estimators._base import BaseModel, validate_rows, validate_weights
from sk_bvae.model_selection._delegates import BestEstimatorMixin
from sk_bvae.model_selection._fit import fit_replicas, paths_of
from sk_bvae.model_selection._judge import Judge, check_factors, resolve_scoring
from sk_bvae.model_selection._plan import plan_stacks
from sk_bvae.model_selection._reports import (
    report_collapse,
    report_edges,
    report_failures,
)
from sk_bvae.model_selection._results import (
    best_of_scores,
    best_replica,
    first_of_rank_1,
    format_results,
    table_of,
)
from sk_bvae.utils._documented import DocumentedMixin
from sk_bvae.utils._random import draw_seeds
from sk_bvae.utils._sklearn import Interval, StrOptions, fit_context
from sk_bvae.utils._types import RandomState


class ReplicaGridSearch(
    BestEstimatorMixin,
    DocumentedMixin,
    MetaEstimatorMixin,
    CallbackSupportMixin,
    BaseEstimator,
):
    """Search over a grid with several replicas of each candidate, trained together.

    How well a variational autoencoder disentangles depends on its seed as much as on
    beta, so that every candidate is fitted with several seeds. Without labels they are
    ranked by how far replicas agree with each other (UDR [1]_).

    Candidates that differ only in scalars of the objective (``beta``, ``capacity``,
    ``gamma``) train as one model with their replicas: weights stacked, one vectorised
    forward and backward pass. Each replica is nevertheless what
    ``estimator.set_params(**candidate, random_state=seed).fit(X)`` is by itself.

    Parameters
    ----------
    estimator : BetaVAE or CapacityVAE
        The estimator whose parameters are searched.

    param_grid : dict or list of dict
        Names of parameters and the values to try, as for
        :class:`~sklearn.model_selection.ParameterGrid`. ``{}`` with ``n_replicas=10``
        is the best of ten restarts.

    n_replicas : int, default=5
        Seeds per candidate; the same for all candidates.

    scoring : str or callable, default="udr"
        "udr" is `sk_bvae.metrics.unsupervised_disentanglement_ranking` among the
        replicas of a candidate, on at most 10,000 rows. "elbo" is the evidence lower
        bound in nats per row, whatever beta, on held-out rows. The names of
        `sk_bvae.metrics.make_disentanglement_scorer`, such as "mig", need the factors
        as ``y``. A callable ``scorer(estimator, X, y)`` returns a number, where
        larger is better.

    validation_fraction : float, default=0.1
        The share of the rows that replicas are not trained on. Only with
        ``scoring="elbo"``.

    refit : bool or callable, default=True
        Whether to keep the best estimator, which is fitted already. A callable takes
        ``cv_results_`` and returns ``best_index_``.

    n_jobs : int, default=None
        Processes that share the stacks, through joblib.

    random_state : int, RandomState instance or None, default=None
        Draws the replicas' seeds, and the held-out rows where there are any.

    verbose : int, default=0
        Whether to print what will be trained. For a bar over epochs, see
        :class:`sklearn.callback.ProgressBar`.

    error_score : float or "raise", default=numpy.nan
        The score of a replica whose fit fails, for example by a loss that stops
        being finite, or whose scoring fails. "raise" raises the error.

    return_estimators : bool, default=False
        Whether to keep all replicas in ``estimators_``.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        A table with a row for each candidate: "params", "param_NAME", "rank_score",
        and "replica0_NAME" and so on, "mean_NAME" and "std_NAME" for "score",
        "reconstruction" and "kl" (after training, on the rows that they were trained
        on, in nats per row; NaN for InfoGAN), "n_active_components" and "fit_time" (in
        seconds; a stack's time shared out).

    best_index_ : int
        The candidate of the highest mean score.

    best_params_ : dict
        Its settings.

    best_score_ : float
        Its mean score.

    best_replica_ : int
        Which of its replicas scored highest.

    best_estimator_ : BetaVAE or CapacityVAE
        That replica. Only with ``refit``.

    replica_seeds_ : ndarray of shape (n_replicas,)
        The ``random_state`` of each replica.

    estimators_ : list of list
        The fitted estimators, candidate by candidate; None for a failed one. All but
        ``best_estimator_`` are trimmed for prediction. Only with
        ``return_estimators=True``.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit. Only if X has string column names.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : For whole Pipelines, and with folds.

    Notes
    -----
    How many replicas make a stack is decided by what was measured. On a CPU, stacking
    pays where a step is mostly overhead, and replicas whose step takes more than
    200 million floating-point operations are fitted one by one. A stack's weights,
    gradients, moments and activations keep within scikit-learn's ``working_memory``
    (1 GiB unless :func:`sklearn.set_config` says otherwise), and all but weights and
    moments within 256 MiB. Callbacks of skorch, early stopping, optimizers passed as a
    class, and networks or objectives that `torch.func.vmap` cannot follow (they branch
    on values, say) or whose state it would lose (they assign buffers in ``forward``,
    say) also mean one by one.

    A candidate is judged as soon as its replicas are fitted. Its best replica is then
    kept, and of the others no more than ``return_estimators`` asks for.

    Replicas with a single latent alive agree easily, whatever it mixes: look at
    "mean_n_active_components" beside the score, and distrust a UDR that rises as the
    latents die.

    References
    ----------
    .. [1] S. Duan et al., "Unsupervised Model Selection for Variational Disentangled
       Representation Learning", ICLR 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import BetaVAE
    >>> from sk_bvae.model_selection import ReplicaGridSearch
    >>> X, _ = load_digits(return_X_y=True)
    >>> search = ReplicaGridSearch(
    ...     BetaVAE(max_iter=5), {"beta": [1, 4]}, n_replicas=3, random_state=0
    ... ).fit(X)
    >>> search.cv_results_["mean_score"].shape
    (2,)
    >>> search.transform(X).shape
    (1797, 10)
    """

    _parameter_constraints: dict = {
        "estimator": [BaseModel],
        "param_grid": [dict, list],
        "n_replicas": [Interval(Integral, 1, None, closed="left")],
        "scoring": [str, callable],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "refit": ["boolean", callable],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "error_score": [StrOptions({"raise"}), Real],
        "return_estimators": ["boolean"],
    }

    def __init__(
        self,
        estimator: BaseModel,
        param_grid: dict[str, Any] | list[dict[str, Any]],
        *,
        n_replicas: int = 5,
        scoring: str | Callable[..., float] = "udr",
        validation_fraction: float = 0.1,
        refit: bool | Callable[[dict[str, Any]], int] = True,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
        error_score: float | Literal["raise"] = np.nan,
        return_estimators: bool = False,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.n_replicas = n_replicas
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose
        self.error_score = error_score
        self.return_estimators = return_estimators

    # Searching

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | Callable[[Any], ArrayLike] | None = None,
    ) -> Self:
        """Fit all replicas of all candidates, and choose the best.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.

        y : array-like of shape (n_samples, n_factors), default=None
            The factors, for a scoring that compares with them, and for estimators that
            are trained by them. Rows of -1 alone are unlabelled: replicas are trained
            on them too, and scored without.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts in every fit, in "elbo", and in the means over
            rows of ``cv_results_``. Other scorings take all rows of X alike, but for
            "udr", to which one of weight 0 is not there.

        groups : array-like of shape (n_samples,) or (n_samples, n_factors), or \
                callable, default=None
            Which rows belong together, for estimators that take it, such as `DCIGN`.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            If the grid holds no candidate or a parameter that does not exist, the
            scoring is unknown or lacks what it needs, or all fits fail.

        Warns
        -----
        FitFailedWarning
            Of fits that failed.

        UserWarning
            Of replicas whose scoring failed or whose latents are all dead, of a ``y``
            that the scoring does not use, and, with ``refit=True``, of a best
            candidate that has the least or the largest of three or more values.
        """
        scoring, candidates = self._resolve_scoring(), self._check_candidates()
        X, as_passed = validate_rows(self, X, reset=True), X
        if sample_weight is not None:
            sample_weight = validate_weights(sample_weight, X)
        check_factors(scoring, self.scoring, X, y, self.estimator.grouped)
        groups = self.estimator._groups(as_passed, y, groups)
        *seeds, split_seed = draw_seeds(self.random_state, self.n_replicas + 1)
        self.replica_seeds_ = np.array(seeds)
        judge = Judge(
            scoring, X, y, self.validation_fraction, split_seed, sample_weight
        )
        estimators = self._make_estimators(candidates, as_passed)
        replicas = self._fit_and_judge(candidates, estimators, X, judge, groups)
        self._keep(candidates, replicas)
        return self

    def _resolve_scoring(self):
        scoring = resolve_scoring(self.scoring)
        if scoring == "udr" and self.n_replicas == 1:
            raise ValueError(
                'scoring="udr" compares replicas with each other, so n_replicas=1 '
                'leaves nothing to compare: raise it, or use scoring="elbo".'
            )
        if scoring == "elbo" and not hasattr(self.estimator, "score_samples"):
            raise ValueError(
                f'scoring="elbo" needs a density, and {type(self.estimator).__name__} '
                'has none: use scoring="udr", or name a metric.'
            )
        return scoring

    def _check_candidates(self):
        candidates = list(ParameterGrid(self.param_grid))
        if not candidates:
            raise ValueError(
                f"param_grid={self.param_grid} holds no candidate: list at least one "
                "dict of values to try. {} is the estimator as it is, fitted with "
                "n_replicas seeds."
            )
        for candidate in candidates:
            if "random_state" in candidate:
                raise ValueError(
                    "param_grid may not hold random_state: n_replicas says how many "
                    "seeds each candidate gets."
                )
            clone(self.estimator).set_params(**candidate)
        return candidates

    def _fit_and_judge(self, candidates, estimators, X, judge, groups):
        """Fit every replica of every candidate, and judge candidates as they end."""
        n_rows = len(X) if judge.train is None else len(judge.train)
        shape = (n_rows, X.shape[1])
        stacks = plan_stacks(self.estimator, candidates, estimators, shape)
        if self.verbose:
            print(  # noqa: T201 - as GridSearchCV does
                f"Fitting {self.n_replicas} replicas of each of {len(candidates)} "
                f"candidates, {len(estimators)} fits in {len(stacks)} stacks"
            )
        waiting = [[estimators.pop(at) for at in places] for places in stacks]
        replicas = np.full((len(candidates), self.n_replicas), None)
        which = judge.sample_weight, judge.train, groups
        done = self._fit_stacks(waiting, X, *which)
        for places, fitted in zip(stacks, done, strict=True):
            for place, replica in zip(places, fitted, strict=True):
                replicas[place] = replica
            for row in {row for row, _ in places}:
                if all(replicas[row]):
                    judge.judge(replicas[row], self.error_score)
                    self._drop_losers(replicas[row])
        return replicas

    def _drop_losers(self, replicas, best=None):
        """Keep the best of some replicas; of the others what is asked for."""
        if best is None:
            scores = [replica.values["score"] for replica in replicas]
            best = replicas[best_of_scores(scores)]
        for replica in replicas:
            if replica is best or not replica.fitted:
                continue
            if self.return_estimators:
                replica.estimator.trim_for_prediction()
            else:
                replica.estimator = None

    def _make_estimators(self, candidates, X):
        """Make the replicas of every candidate, by their places in the table."""
        estimators = {}
        for row, candidate in enumerate(candidates):
            for column, seed in enumerate(self.replica_seeds_):
                settings = clone(candidate, safe=False) | {"random_state": int(seed)}
                estimator = clone(self.estimator).set_params(**settings)
                estimator._place(X)
                estimators[row, column] = estimator
        return estimators

    def _fit_stacks(self, stacks, X, *which):
        """Fit the stacks, each in whatever process joblib finds for it; yield them."""
        root = self._init_callback_context(
            max_subtasks=len(stacks), sequential_subtasks=False
        )
        root.call_on_fit_task_begin(estimator=self, X=X)
        contexts = [
            root.subcontext(
                "stack",
                task_id=number,
                max_subtasks=stack[0].max_iter if len(stack) > 1 else 0,
            )
            for number, stack in enumerate(stacks)
        ]
        paths = paths_of(stacks, X, *which, self)
        raises = self.error_score == "raise"
        yield from _parallel(self.n_jobs)(
            delayed(fit_replicas)(stacks.pop(0), X, *which, *at, self, raises)
            for at in zip(paths, contexts, strict=True)
        )
        root.call_on_fit_task_end(estimator=self, X=X)

    def _keep(self, candidates, replicas):
        """Set the attributes; warn of what is worth knowing."""
        for name in ("best_index_", "best_estimator_", "estimators_"):
            vars(self).pop(name, None)
        report_failures(candidates, replicas, self.error_score)
        report_collapse(candidates, replicas)
        if hasattr(self, "feature_names_in_"):
            for replica in replicas.flat:
                if replica.estimator is not None:
                    replica.estimator.feature_names_in_ = self.feature_names_in_
        if self.return_estimators:
            self.estimators_ = [
                [replica.estimator if replica.fitted else None for replica in row]
                for row in replicas
            ]
        self.cv_results_ = format_results(candidates, table_of(replicas))
        self._choose_best(replicas)

    def _choose_best(self, replicas):
        results = self.cv_results_
        choose = self.refit if callable(self.refit) else first_of_rank_1
        index = int(choose(results))
        place = best_replica(results, index, self.n_replicas)
        best = replicas[index, place]
        if not best.fitted:
            raise ValueError(
                f"The best candidate, {results['params'][index]}, failed to fit: "
                f"error_score={self.error_score} puts it before those that did not."
            )
        self.best_index_, self.best_replica_ = index, place
        self.best_params_ = results["params"][index]
        self.best_score_ = results["mean_score"][index]
        self._drop_losers(replicas.flat, best)
        if self.refit is not False:
            self.best_estimator_ = best.estimator
        if self.refit and not callable(self.refit):  # else they look for no best
            report_edges(self.estimator, results, index)

    def __sklearn_tags__(self):
        """Take over what the estimator says of its input and output."""
        tags = super().__sklearn_tags__()
        own = get_tags(self.estimator)
        tags.input_tags = own.input_tags
        tags.target_tags = own.target_tags
        tags.transformer_tags = own.transformer_tags
        return tags


def _parallel(n_jobs):
    """Run jobs by joblib, and yield results as they come where the backend can."""
    try:
        return Parallel(n_jobs=n_jobs, return_as="generator")
    except ValueError:
        return Parallel(n_jobs=n_jobs)
