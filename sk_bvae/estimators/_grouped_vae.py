"""A VAE whose batches are of rows that belong together."""

from collections.abc import Callable
from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.utils import check_consistent_length

from sk_bvae.estimators._groups import group_as_given, group_by_factors
from sk_bvae.estimators._parameters import with_parameters
from sk_bvae.estimators._vae import BaseVAE
from sk_bvae.utils._sklearn import fit_context


@with_parameters
class BaseGroupedVAE(BaseVAE):
    """A `BaseVAE` whose batches are of groups of rows in which one factor varies.

    A batch holds as many groups as it has room for, all of one kind: one factor, the
    same for all of them, varies within each. The kinds take turns, and come equally
    often. So an epoch has as many rows as X, but some more than once, and others, those
    that are in no group among them, not at all. The objective is told by
    ``batch.varies`` which factor varies, and by ``batch.group`` which rows belong
    together (`sk_bvae.nn.Batch`). Of rows that are only looked at, as early stopping
    does, each is alone and everything varies.

    Parameters
    ----------
    early_stopping : bool, default=False
        Whether to hold out part of X and keep the weights of its best epoch. Held-out
        losses know of no groups, so that best is not all that the training is for.

    See Also
    --------
    BaseVAE : Whose batches are of any rows.
    group_by_factors : Finds the groups.

    Examples
    --------
    An objective in which the first latent is the one that a sequence changes: it pays
    for what the others change.

    >>> from sk_bvae.estimators import BaseGroupedVAE, with_parameters
    >>> from sk_bvae.nn import Losses
    >>> def steady_elbo(players, batch, *, price):
    ...     terms = players["vae"](batch.x[0], batch.noise[0])
    ...     change = terms.mean - batch.group_mean(terms.mean)
    ...     change = change[:, 1:].square().sum(dim=-1)
    ...     loss = terms.nll + terms.kl.sum(dim=-1) + price * change
    ...     report = {"reconstruction": terms.nll, "kl": terms.kl, "change": change}
    ...     return Losses({"vae": batch.mean(loss)}, report)
    >>> @with_parameters
    ... class SteadyVAE(BaseGroupedVAE):
    ...     price: float = 1.0
    ...     objective = staticmethod(steady_elbo)
    ...     weights = ("price",)
    >>> X = [[0.0, 1.0], [1.0, 1.0], [0.0, 5.0], [1.0, 5.0]]
    >>> vae = SteadyVAE(2, max_iter=50, random_state=0)
    >>> vae.fit(X, groups=["a", "a", "b", "b"]).transform(X).shape
    (4, 2)
    """

    early_stopping: bool = False

    grouped = True

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        groups: ArrayLike | Callable[[Any], ArrayLike] | None = None,
    ) -> Self:
        """Fit the model to X, and to what is known of what varies in it.

        Whatever goes wrong, the estimator is then what it was before the call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, as for `BetaVAE.fit`.

        y : array-like of shape (n_samples, n_factors) or (n_samples,), default=None
            The value of each factor, numbers of any kind. Batches are of rows that
            agree in all columns but one. A row of -1 alone is one whose factors are
            not known.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts where it comes in a batch, as for `BetaVAE.fit`.

        X_val : array-like of shape (n_val_samples, n_features), default=None
            Rows to watch the loss on, with ``early_stopping=True``, instead of a share
            of X. Nothing need be known of them.

        groups : array-like of shape (n_samples,) or (n_samples, n_factors), or \
                callable, default=None
            Instead of y, where all that is known is that some rows differ in one thing
            alone: pairs, the frames of a video, a slider that is moved. Column j holds
            labels of the groups in which only factor j varies, with -1 for a row that
            is in none. A callable ``groups(X)`` makes them of X as it was passed. With
            `groups`, y is not used.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If there is neither y nor `groups`, if no two rows differ in one factor
            alone, or as for `BetaVAE.fit`.
        """
        given = {"X": X, "sample_weight": sample_weight, "X_val": X_val}
        return self._fit_whole(given, y, groups)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike,
        y: Any = None,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | Callable[[Any], ArrayLike] | None = None,
    ) -> Self:
        """Train for one pass over X, from the present weights if there are any.

        Nothing is held out for early stopping. Whatever goes wrong, the estimator is
        then what it was before the call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.

        y : array-like of shape (n_samples, n_factors) or (n_samples,), default=None
            The value of each factor, as for `fit`.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts, as for `fit`, beside the others of this call.

        groups : array-like of shape (n_samples,) or (n_samples, n_factors), or \
                callable, default=None
            Instead of y, as for `fit`.

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
        return self._fit_once(given, y, groups)

    def _groups(self, X, y, groups):
        if groups is not None:
            groups = groups(X) if callable(groups) else groups
            return group_as_given(groups, len(X))
        if y is None:
            name = type(self).__name__
            raise ValueError(
                f"{name} requires y to be passed, but the target y is None. Pass the "
                "factors, of shape (n_samples, n_factors), as y; or where they are not "
                f"known, but which rows differ in one thing alone, {name}().fit(X, "
                "groups=groups)."
            )
        check_consistent_length(X, y)
        return group_by_factors(y)

    def __sklearn_tags__(self):
        """Tell scikit-learn that factors are needed, one or several."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags
