"""What every variational autoencoder adds: posterior, density, draws, information."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import field
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted

from sk_bvae.estimators._base import (
    BLOCK_ROWS,
    BaseModel,
    validate_rows,
    validate_weights,
)
from sk_bvae.estimators._columns import (
    KINDS,
    Entries,
    Kind,
    build_likelihood,
    check_by_feature,
    check_columns,
    check_one_hot,
    check_support,
    may_shift,
    place,
)
from sk_bvae.estimators._explaining import (
    explain_latents,
    log_density_by_feature,
    sample_rows,
)
from sk_bvae.estimators._linear_start import start_at_linear_optimum
from sk_bvae.estimators._parameters import layer_sizes, with_parameters
from sk_bvae.nn import VAE, Gaussian, Likelihood, gaussian_kl
from sk_bvae.nn._bounds import importance_weighted_bound, importance_weighted_mean
from sk_bvae.nn._defaults import OwnDefaults
from sk_bvae.nn._networks import Network, build_networks
from sk_bvae.nn._probe import probe
from sk_bvae.training.principal import principal_axes
from sk_bvae.training.step import NonFiniteLossError
from sk_bvae.utils._active import ACTIVE_NATS
from sk_bvae.utils._containers import like_input
from sk_bvae.utils._random import normal_by_row
from sk_bvae.utils._sklearn import Interval, StrOptions
from sk_bvae.utils._types import RandomState

# Rows on which likelihoods of the user's own are tried.
PROBED_ROWS = 3

# Rounds in which `impute` draws. After four it is more draws a round that tell.
IMPUTE_ROUNDS = 4


@with_parameters
class BaseVAE(BaseModel):
    """A variational autoencoder without an objective: what a model of your own adds.

    A subclass sets ``objective``, a static method ``objective(players, batch,
    **weights)`` that returns `sk_bvae.nn.Losses`, and ``weights``, the names of the
    parameters that it takes as plain numbers.

    Parameters
    ----------
    likelihood : {"gaussian", "bernoulli", "categorical", "poisson"}, Likelihood, \
            list or mapping, default="gaussian"
        What p(x|z) is. "gaussian" has one variance for all features, as
        probabilistic PCA has, and suits real values; scale columns of different
        units first (`StandardScaler`). "bernoulli" is for values between 0 and 1,
        images and yes-no columns above all, "categorical" for the one-hot columns of
        one category, "poisson" for counts. For others pass a
        `sk_bvae.nn.Likelihood`. For columns of several kinds pass a list of pairs
        (likelihood, columns), or a mapping from columns to likelihoods, in which
        every column appears once. Columns are chosen as for `ColumnTransformer`:
        by name, position, slice, mask, or a callable such as
        `make_column_selector`; a key of a mapping that stands for several is a
        tuple. Each "categorical" is one category, and each "gaussian" has a scale
        and a noise variance of its own.

    noise_variance : float, default=None
        Variance of the Gaussian likelihood, in squared units of the data. None
        learns it.

    init : {"pca", "random"}, default="pca"
        Where the training starts. "pca" is the optimum of the affine model, in closed
        form: at ``beta=1`` that is probabilistic PCA. Both networks get a linear path
        beside them, which starts there, and the noise variance leaves its start slowly,
        so that it follows what the networks add, and then ever faster. For
        ``network="mlp"`` with a Gaussian likelihood; others start at random.

    network : {"mlp", "higgins_fc", "higgins_conv", "burgess_conv"} or callable, \
            default="mlp"
        The encoder and the decoder. "mlp" is described by ``hidden_layer_sizes``
        and ``activation``; the others are the papers' own, described in
        `sk_bvae.nn`. A callable ``network(n_features, n_components)`` returns two
        modules: one from (n, n_features) to (n, 2 n_components), the posterior's
        means and log variances side by side, and one from (n, n_components) to
        (n, n_features). Layers that draw random numbers as they run, such as
        dropout, use torch's global generator, out of reach of ``random_state``.

    early_stopping : bool, default=True
        Whether to hold out part of X, stop when its loss no longer falls, and keep
        the weights of the best epoch, or those before the first if they were better.
        Held-out losses take the weights of the objective as they are at the end of the
        training, so that all epochs are measured alike.

    validation_fraction : float, default=0.1
        The share of X to hold out. Only with ``early_stopping=True``.

    n_iter_no_change : int, default=60
        Epochs to wait for an improvement. Small tables have few steps an epoch, and
        wait long for one. Only with ``early_stopping=True``.

    tol : float, default=1e-4
        The least improvement of the held-out loss, in nats. Only with
        ``early_stopping=True``.

    Attributes
    ----------
    kl_ : ndarray of shape (n_components,)
        Information per latent: mean over the rows of X of the divergence from the
        prior to the posterior, in nats, largest first. Latents have this order
        everywhere.

    kl_shift_ : ndarray of shape (n_components,)
        The part of `kl_`, in nats, that moves the posteriors of all rows alike away
        from the prior, and so says nothing of any row: half the squared mean over the
        rows of `transform`.

    n_active_components_ : int
        Number of latents whose ``kl_`` exceeds 0.01 nats.

    components_ : ndarray of shape (n_components, n_features), dtype float32
        How each column changes, in its own units, as a latent grows by a standard
        deviation of its codes: that deviation times the slopes of what is decoded,
        both over training rows (for the slopes at most 512, drawn at random). For the
        affine model these are PCA's components, each times sqrt(l) (1 - beta s / l)
        with l its explained variance and s the noise variance: loadings, shrunk as
        the posterior's means are.

    explained_variance_ratio_ : ndarray of shape (n_components,)
        The share of the variance of training rows that each latent explains beyond
        those before it, at least 0 and in sum at most 1: what it adds to R squared in
        a regression of the rows on what each latent adds to the decoded row, while
        those after it stay at 0. For the affine model the shares are PCA's at any
        beta: the regression undoes the shrinkage of the posterior's means, which
        alone explain l (1 - (beta s / l)^2) instead of l. So in sum it is at least
        what ``inverse_transform(transform(X))`` explains. 0 for a latent that is not
        active. Measured on at most 2,048 rows drawn at random, and on fewer after few
        epochs.

    noise_variance_ : float or ndarray of shape (n_features,)
        Variance of the Gaussian likelihood, learned or given. Only with
        ``likelihood="gaussian"``. With columns of several kinds, an array: that of
        each column, NaN for those that have none.

    history_ : dict of ndarray
        Per epoch, in nats per row: "loss", "reconstruction" (negative
        log-likelihood), "kl" of shape (`n_iter_`, n_components), and with
        early stopping the same of the held-out rows, "validation_loss" and so on.

    net_ : skorch.NeuralNet
        The trained net; ``net_.module_["vae"]`` is the torch module.

    See Also
    --------
    with_parameters : Turns annotated names into parameters.

    Examples
    --------
    >>> from sk_bvae.estimators import BaseVAE, with_parameters
    >>> from sk_bvae.nn import Losses
    >>> def plain_elbo(players, batch):
    ...     terms = players["vae"](batch.x[0], batch.noise[0])
    ...     loss = batch.mean(terms.nll + terms.kl.sum(dim=-1))
    ...     return Losses({"vae": loss}, {"reconstruction": terms.nll, "kl": terms.kl})
    >>> @with_parameters
    ... class PlainVAE(BaseVAE):
    ...     objective = staticmethod(plain_elbo)
    >>> X = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    >>> PlainVAE(2, max_iter=2, random_state=0).fit(X).transform(X).shape
    (3, 2)
    """

    likelihood: Kind | Likelihood | Entries = "gaussian"
    noise_variance: float | None = None
    init: Literal["pca", "random"] = "pca"
    network: Network = "mlp"
    early_stopping: bool = True
    validation_fraction: float = 0.1
    n_iter_no_change: int = 60
    tol: float = 1e-4

    if TYPE_CHECKING:  # what a fit leaves behind
        kl_: np.ndarray = field(init=False)
        kl_shift_: np.ndarray = field(init=False)
        components_: np.ndarray = field(init=False)
        explained_variance_ratio_: np.ndarray = field(init=False)
        noise_variance_: float | np.ndarray = field(init=False)

    nats = "kl_"
    fixed = (*BaseModel.fixed, "likelihood", "noise_variance", "init")

    _parameter_constraints = {
        **BaseModel._parameter_constraints,
        "likelihood": [StrOptions(set(KINDS)), Likelihood, list, Mapping],
        "noise_variance": [Interval(Real, 0, None, closed="neither"), None],
        "init": [StrOptions({"pca", "random"})],
        "network": [
            StrOptions({"mlp", "higgins_fc", "higgins_conv", "burgess_conv"}),
            callable,
        ],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    # Fitting

    def _make_players(self, n_features):
        encoder, decoder = build_networks(
            self.network,
            n_features,
            self.n_components,
            hidden_layer_sizes=layer_sizes(self.hidden_layer_sizes),
            activation=self.activation,
            image_shape=self.image_shape,
            linear_path=self._starts_linear(),
        )
        likelihood = self._build_likelihood()
        if self._starts_linear():
            likelihood.leave_slowly()
        likelihood.bind(n_features)
        unknown = torch.full((n_features,), torch.nan)
        vae = VAE(encoder, decoder, likelihood, self.n_components, center=unknown)
        return {"vae": vae}

    def _build_likelihood(self):
        likelihood = self._placed_params()["likelihood"]
        return build_likelihood(likelihood, self.noise_variance)

    def _place(self, X):
        self._placed_likelihood = place(self.likelihood, X)

    def _placed_params(self):
        return {"likelihood": getattr(self, "_placed_likelihood", self.likelihood)}

    def _column_names(self, rows):
        """Name the columns as X did, or by their positions."""
        return getattr(self, "feature_names_in_", range(rows.array.shape[1]))

    def _may_shift(self, n_features):
        return may_shift(self._build_likelihood(), n_features)

    def _adapt(self, players, rows):
        vae, names = players["vae"], self._column_names(rows)
        adapts = type(vae.likelihood).adapt is not Likelihood.adapt
        if adapts or rows.has_gaps:
            mean, variance = map(torch.from_numpy, rows.moments)
            check_columns(mean, names)
            vae.center.copy_(mean)
        check_one_hot(vae.likelihood, rows, names)
        if adapts:
            vae.likelihood.adapt(mean, variance)
        if not isinstance(self.likelihood, str):
            x = rows[rows.positions[:PROBED_ROWS]]
            probe(vae.likelihood, torch.where(x.isnan(), vae.center, x))

    def _start(self, players, rows, seed):
        if self._starts_linear() and players["vae"].likelihood.adapted:
            axes = principal_axes(rows, self.n_components, seed)
            if axes.total == 0:  # rows that are all alike have no axes
                return
            start_at_linear_optimum(players["vae"], axes, self._linear_beta, seed)

    def _starts_linear(self):
        """Say whether there is a linear path, and a closed form to start it at."""
        # of a likelihood that stands on Gaussian the closed form knows nothing
        gaussian = self.likelihood == "gaussian" or type(self.likelihood) is Gaussian
        return self.init == "pca" and self.network == "mlp" and gaussian

    def _starts_affine(self):
        """Say whether there is nothing but linear paths."""
        return self._starts_linear() and not layer_sizes(self.hidden_layer_sizes)

    def _linear_beta(self, spectrum):
        """Choose the weight of the KL for which the affine model is solved."""
        return 1.0

    def _is_adapted(self, players):
        return players["vae"].likelihood.adapted

    def _check_rows(self, players, rows):
        check_support(players["vae"].likelihood, rows, self._column_names(rows))

    def _expect(self, players, rows):
        players["vae"].has_gaps = rows.has_gaps

    def _summarise(self, net, rows):
        """Order the latents by their KL, and explain them."""
        vae = net.module_["vae"].eval()

        def kl_and_mean(x):
            posterior = vae.as_for(x).posterior(x)
            return torch.cat([gaussian_kl(*posterior), posterior[0]], dim=1)

        with torch.no_grad():
            kl, mean = rows.mean(kl_and_mean, BLOCK_ROWS).chunk(2)
            rank = self._rank(kl, rows)
            vae.order.copy_(vae.order[rank])
        kl, mean = kl[rank].cpu().numpy(), mean[rank].cpu().numpy()
        if not np.isfinite(kl).all():  # the last step came after the last loss
            raise NonFiniteLossError(epoch=len(net.history))
        sample = self._sample(net, rows)
        if vae.center.isnan().any():  # rows without gaps can be trained on without
            vae.center.copy_(torch.cat(list(sample.blocks(BLOCK_ROWS))).mean(dim=0))
        return {
            "kl_": kl,
            "kl_shift_": 0.5 * mean**2,
            "n_active_components_": int((kl > ACTIVE_NATS).sum()),
            **explain_latents(vae, sample, kl),
            **vae.likelihood.learned(),
        }

    def _rank(self, kl, rows):
        """Say in which order latents are to stand."""
        return kl.argsort(descending=True, stable=True)

    def _sample(self, net, rows):
        """Choose the rows from which latents are explained."""
        n_epochs, seed = net.task_["n_epochs"], net.recipe_["seeds"]["scoring"]
        return sample_rows(rows, n_epochs, self.n_components, seed)

    def _history(self, net):
        """Put the terms of each latent into the users' order."""
        order = net.module_["vae"].order.cpu().numpy()
        return {
            name: curve[:, order] if curve.ndim == 2 else curve
            for name, curve in super()._history(net).items()
        }

    # Using the fitted model

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Encode X: the mean of each row's posterior.

        Deterministic, and done in blocks, so that memory stays bounded.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components), dtype float32
            Latents, in the order of `kl_`.
        """
        check_is_fitted(self)
        return self._by_block(
            self._rows(validate_rows(self, X)),
            lambda players, x: players["vae"].as_for(x).posterior(x)[0],
        )

    def posterior(self, X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Compute the mean and the standard deviation of each row's posterior.

        q(z|x) is a normal distribution with independent latents.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        Returns
        -------
        mean : ndarray of shape (n_samples, n_components), dtype float32
            Means, which are what `transform` returns.

        std : ndarray of shape (n_samples, n_components), dtype float32
            Standard deviations. Near 1 for a latent that carries nothing.
        """
        check_is_fitted(self)
        rows = self._rows(validate_rows(self, X))
        both = self._by_block(
            rows,
            lambda players, x: torch.stack(
                players["vae"].as_for(x).posterior(x), dim=1
            ),
        )
        return both[:, 0].copy(), np.exp(0.5 * both[:, 1])

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Decode latents: the mean of p(x|z).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Latents.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features), dtype float32
            Means in the data's units; probabilities for a Bernoulli likelihood. float64
            where a column of the training data was so far from 0 that float32 could
            not tell its values apart.
        """
        return self._decode(X, lambda players, z: players["vae"].decode_mean(z))

    def sample(
        self, n_samples: int = 1, random_state: RandomState = None
    ) -> np.ndarray:
        """Draw rows from the model: z from N(0, I), then x from p(x|z).

        For noiseless pictures of what the model knows, decode prior draws instead:
        ``inverse_transform(rng.standard_normal((n_samples, n_components)))``.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        random_state : int, RandomState instance or None, default=None
            The source of randomness.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), dtype float32
            The draws; float64 where `inverse_transform` gives it.
        """
        z, generator = self._draw_noise(n_samples, self._n_features_out, random_state)
        output = self._by_block(z, lambda players, z: players["vae"].decode(z))
        likelihood = deepcopy(self.net_.module_["vae"].likelihood).cpu()
        with OwnDefaults(), torch.no_grad():
            drawn = likelihood.draw(torch.from_numpy(output), generator).numpy()
        return self._shift_back(drawn)

    def score_samples(self, X: ArrayLike, n_draws: int = 32) -> np.ndarray:
        """Bound the log density of each row from below.

        The importance-weighted bound log 1/K sum_k p(x, z_k) / q(z_k|x) [1]_, with
        K = ``n_draws`` draws from q(z|x). ``n_draws=1`` estimates the ELBO; more draws
        come closer to log p(x). Densities are normalised and the weight of the KL
        plays no part, so models of any objective can be compared, and compared with
        `PCA.score_samples`. The draws depend on each row's values and on the fit
        alone: the same estimator gives the same numbers at every call.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        n_draws : int, default=32
            Draws per row.

        Returns
        -------
        log_density : ndarray of shape (n_samples,), dtype float32
            In nats.

        References
        ----------
        .. [1] Burda, Grosse and Salakhutdinov (2016). "Importance weighted
           autoencoders", equation 8.
        """
        check_is_fitted(self)
        check_scalar(n_draws, "n_draws", Integral, min_val=1)
        n_draws = int(n_draws)
        rows = self._rows(validate_rows(self, X))
        check_support(
            self.net_.module_["vae"].likelihood, rows, self._column_names(rows)
        )

        def bound(players, x):
            noise = self._noise_of(x, n_draws)
            return importance_weighted_bound(players["vae"].as_for(x), x, noise)

        return self._by_block(rows, bound, n_rows=max(1, BLOCK_ROWS // n_draws))

    def score_features(self, X: ArrayLike, n_draws: int = 32) -> np.ndarray:
        """Share out the log density of each row among its columns.

        The lowest entry of a row names the column that made it unlikely. The rows add
        up to `score_samples`, to the precision of float32. A value that is missing has
        no share: 0.

        With means over the true posterior p(z|x), and H the entropy of the prior less
        that of p(z|x),

            log p(x) = sum_j E[log p(x_j|z) - z' d/dz log p(x_j|z) / 2] - H

        since E[z'z] = n_components + E[z' d/dz log p(x|z)], by integration by parts: it
        is known which columns drew the latents away from 0, and so whose share of
        log p(z) that is. H, what the row as a whole says of its latents, is no one
        column's and shared equally. The means are estimated by the draws of
        `score_samples` and their mirror images, weighted by importance, and H by what
        they leave of its bound.

        For the affine model this is Mahalanobis's distance, shared out as usual [1]_:
        with d = x - mean and P the inverse of the covariance, a column has
        -d_j (P d)_j / 2, plus a constant. So has PCA, whose P is
        ``PCA.get_precision()``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        n_draws : int, default=32
            Draws per row.

        Returns
        -------
        log_density : ndarray of shape (n_samples, n_features), dtype float32
            In nats.

        Raises
        ------
        TypeError
            If the likelihood, one of your own, has no ``nll_by_feature``.

        References
        ----------
        .. [1] Garthwaite and Koch (2016). "Evaluating the contributions of individual
           variables to a quadratic form", section 1.
        """
        check_is_fitted(self)
        check_scalar(n_draws, "n_draws", Integral, min_val=1)
        n_draws = int(n_draws)
        rows = self._rows(validate_rows(self, X))
        likelihood = self.net_.module_["vae"].likelihood
        check_support(likelihood, rows, self._column_names(rows))
        check_by_feature(likelihood, rows.array.shape[1])

        def shares(players, x):
            noise = self._noise_of(x, n_draws)
            return log_density_by_feature(players["vae"].as_for(x), x, noise)

        return self._by_block(rows, shares, n_rows=max(1, BLOCK_ROWS // (2 * n_draws)))

    def impute(self, X: ArrayLike, n_draws: int = 256) -> Any:
        """Fill the gaps of X with the means of what they may hold.

        The mean of p(missing | observed), estimated by self-normalised importance
        weights [1]_: the decoder's means of draws from q(z|x), each weighted by
        p(observed, z) / q(z|x). The draws come in rounds, and from the second on from
        the moments of the last round's weighted draws instead of q(z|x), as of a row
        with many gaps an encoder says little. As for `score_samples`, they depend on
        each row's values and on the fit alone.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data, NaN where a value is missing.

        n_draws : int, default=256
            Draws per row in each of four rounds.

        Returns
        -------
        X_filled : array-like of shape (n_samples, n_features)
            What X is: a DataFrame with its index and columns, or an array, of the
            same dtype where that can hold the means; what `set_output` says where it
            was called. What was observed is what it was, to the bit.

        References
        ----------
        .. [1] Mattei and Frellsen (2019). "MIWAE: deep generative modelling and
           imputation of incomplete data sets". ICML.

        Examples
        --------
        >>> import numpy as np
        >>> from sk_bvae import BetaVAE
        >>> rng = np.random.default_rng(0)
        >>> X = rng.normal(size=(200, 1)) + 0.1 * rng.normal(size=(200, 3))
        >>> X[::2, 0] = np.nan
        >>> vae = BetaVAE(1, beta=1, max_iter=20, random_state=0).fit(X)
        >>> vae.impute([[np.nan, 1.0, 1.0]]).round(0)
        array([[1., 1., 1.]])
        """
        check_is_fitted(self)
        check_scalar(n_draws, "n_draws", Integral, min_val=1)
        array = validate_rows(self, X)
        rows = self._rows(array)
        check_support(
            self.net_.module_["vae"].likelihood, rows, self._column_names(rows)
        )
        filled, changed = np.array(array), np.zeros(array.shape[1], dtype=bool)
        incomplete = rows.positions[rows.incomplete()]
        for start in range(0, len(incomplete), BLOCK_ROWS):
            positions = incomplete[start : start + BLOCK_ROWS]
            means = self._means_of(rows.restrict(positions), int(n_draws))
            gaps = np.isnan(array[positions])
            filled[positions] = np.where(gaps, means, array[positions])
            changed |= gaps.any(axis=0)
        return like_input(filled, np.flatnonzero(changed), X, self)

    def _means_of(self, rows, n_draws):
        """Estimate the mean of what each row says of itself, in the data's units."""

        def mean(players, x):
            noise = self._noise_of(x, IMPUTE_ROUNDS * n_draws)
            in_rounds = noise.unflatten(1, (IMPUTE_ROUNDS, n_draws))
            return importance_weighted_mean(players["vae"].as_for(x), x, in_rounds)

        n_rows = max(1, BLOCK_ROWS // n_draws)
        return self._shift_back(self._by_block(rows, mean, n_rows=n_rows))

    def _noise_of(self, x, n_draws):
        """Draw noise for the latents of each row, a function of it and of the fit."""
        n_latents = self._n_features_out
        seed = self.net_.recipe_["seeds"]["scoring"]
        noise = normal_by_row(x.cpu().numpy(), n_draws * n_latents, seed)
        noise = torch.from_numpy(noise.reshape(-1, n_draws, n_latents))
        return noise.to(x.device)

    def _rate_and_distortion(self, X, sample_weight=None):
        """Estimate the KL and the reconstruction, means over rows, with one draw."""

        def terms(players, x):
            terms = players["vae"].as_for(x)(x, self._noise_of(x, 1)[:, 0])
            return torch.stack([terms.kl.sum(dim=-1), terms.nll], dim=-1)

        return mean_of_rows(self._by_block(self._rows(X), terms), sample_weight)

    def score(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Average the bound of `score_samples` over the rows.

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
            In nats per row. Lay it beside `PCA.score` and `FactorAnalysis.score`.
        """
        scores = self.score_samples(X)
        if sample_weight is not None:
            sample_weight = validate_weights(sample_weight, scores)
        return float(mean_of_rows(scores, sample_weight))

    def __sklearn_tags__(self):
        """Tell scikit-learn that values may be missing."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    # Conversion to ONNX

    def onnx_parser(self) -> Callable[..., Any]:
        """Return what names the outputs of a conversion by `skl2onnx.to_onnx`.

        skl2onnx calls this method, `onnx_shape_calculator` and `onnx_converter` by
        itself, of an estimator alone or within a Pipeline. The packages come with
        ``pip install sk-bvae[onnx]``.

        Returns
        -------
        parser : callable
            ``parser(scope, inputs)`` returns names and types of the outputs.
        """
        onnx = self._onnx()
        return lambda scope, inputs: onnx.parse(self, scope)

    def onnx_shape_calculator(self) -> Callable[..., None]:
        """Return what checks inputs and sets shapes, for `skl2onnx.to_onnx`.

        Returns
        -------
        shape_calculator : callable
            ``shape_calculator(operator)`` sets the types and shapes of the outputs.
        """
        return self._onnx().calculate_shapes

    def onnx_converter(self) -> Callable[..., None]:
        """Return what writes the nodes of the ONNX graph, for `skl2onnx.to_onnx`.

        The outputs are those of `transform`, and by ``options`` of `posterior`
        ("return_std"), and of `inverse_transform` either after `transform`
        ("return_reconstruction") or of latents given ("inverse_transform").

        Returns
        -------
        converter : callable
            ``converter(scope, operator, container)`` writes the nodes.
        """
        return self._onnx().convert

    def _onnx(self):
        """Import what converts, and see that its packages are there."""
        from sk_bvae.estimators import _onnx

        check_is_fitted(self)
        _onnx.check_packages(self)
        return _onnx


def mean_of_rows(values, sample_weight=None):
    """Average values of rows in double precision, by how much the rows count."""
    if sample_weight is None:
        return values.mean(axis=0, dtype=np.float64)
    counts = sample_weight > 0  # what does not count may be infinite
    weight = sample_weight[counts] / sample_weight.max()
    return weight @ values[counts] / weight.sum()
