"""The methods of the best estimator, as a search has them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils.metaestimators import available_if as _available_if
from sklearn.utils.validation import check_is_fitted

from sk_bvae.utils._sklearn import Function
from sk_bvae.utils._types import Names, RandomState

# Without types, it would hide those of what it decorates.
available_if: Callable[..., Callable[[Function], Function]] = _available_if


def _best_has(name):
    """Make a check: a search has a method if its best estimator has it.

    Before the fit the estimator that is searched is asked, as `GridSearchCV` does.
    """

    def check(search):
        if hasattr(search, "best_index_") and not hasattr(search, "best_estimator_"):
            raise AttributeError(
                f"refit=False kept no best estimator, so {name} is not available: set "
                "refit=True and fit again."
            )
        getattr(getattr(search, "best_estimator_", search.estimator), name)
        return True

    return check


def _best_of(search):
    check_is_fitted(search, "best_index_")
    return search.best_estimator_


class BestEstimatorMixin(TransformerMixin):
    """Hands over to ``best_estimator_``."""

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Encode X by the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Latents.
        """
        return _best_of(self).transform(X)

    @available_if(_best_has("inverse_transform"))
    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Decode latents by the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Latents.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Means of p(x|z).
        """
        return _best_of(self).inverse_transform(X)

    @available_if(_best_has("posterior"))
    def posterior(self, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Compute the best estimator's posterior.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        Returns
        -------
        mean : ndarray of shape (n_samples, n_components)
            Means.

        std : ndarray of shape (n_samples, n_components)
            Standard deviations.
        """
        return _best_of(self).posterior(X)

    @available_if(_best_has("sample"))
    def sample(
        self, n_samples: int = 1, random_state: RandomState = None
    ) -> np.ndarray:
        """Draw rows from the best estimator.

        Parameters
        ----------
        n_samples : int, default=1
            How many rows.

        random_state : int, RandomState instance or None, default=None
            Determines the draws.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            The rows.
        """
        return _best_of(self).sample(n_samples, random_state=random_state)

    @available_if(_best_has("impute"))
    def impute(self, X: ArrayLike, n_draws: int = 256) -> Any:
        """Fill the gaps of X by the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data, NaN where a value is missing.

        n_draws : int, default=256
            Draws per row in each of four rounds.

        Returns
        -------
        X_filled : array-like of shape (n_samples, n_features)
            What X is, with the means of what its gaps may hold.
        """
        return _best_of(self).impute(X, n_draws=n_draws)

    @available_if(_best_has("score_samples"))
    def score_samples(self, X: ArrayLike, n_draws: int = 32) -> np.ndarray:
        """Bound the log density of each row under the best estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        n_draws : int, default=32
            Draws per row. One estimates the ELBO; more come closer to the log density.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            In nats.
        """
        return _best_of(self).score_samples(X, n_draws=n_draws)

    @available_if(_best_has("score_features"))
    def score_features(self, X: ArrayLike, n_draws: int = 32) -> np.ndarray:
        """Share out the log density of each row among its columns.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        n_draws : int, default=32
            Draws per row.

        Returns
        -------
        log_density : ndarray of shape (n_samples, n_features)
            In nats; the rows add up to `score_samples`.
        """
        return _best_of(self).score_features(X, n_draws=n_draws)

    @available_if(_best_has("score"))
    def score(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Average `score_samples` over the rows, whatever ``scoring`` is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        y : Ignored
            Not used, present for API consistency by convention.

        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts in the average.

        Returns
        -------
        score : float
            In nats per row.
        """
        return _best_of(self).score(X, sample_weight=sample_weight)

    @available_if(_best_has("get_feature_names_out"))
    def get_feature_names_out(self, input_features: Names | None = None) -> np.ndarray:
        """Name the latents of the best estimator.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Not used, present for API consistency by convention.

        Returns
        -------
        names : ndarray of str
            The names.
        """
        return _best_of(self).get_feature_names_out(input_features)


# scikit-learn's wrapper for `set_output` went around transform as the class was made;
# the condition goes around both.
BestEstimatorMixin.transform = available_if(_best_has("transform"))(  # type: ignore
    BestEstimatorMixin.transform
)
