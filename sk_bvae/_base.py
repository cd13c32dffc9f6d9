"""What every model of this package shares: all but its objective."""

import warnings
from abc import ABCMeta, abstractmethod
from copy import deepcopy
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils import check_array, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data
from skorch.callbacks import EarlyStopping
from skorch.helper import predefined_split

import sk_bvae
from sk_bvae._build import build_net
from sk_bvae._epoch_tasks import EpochTasks
from sk_bvae._net import NonFiniteLossError
from sk_bvae._state import net_from_arrays, net_to_arrays
from sk_bvae.nn import Likelihood, gaussian_kl
from sk_bvae.nn._bounds import importance_weighted_bound
from sk_bvae.nn._device import resolve_device
from sk_bvae.nn._networks import ACTIVATIONS
from sk_bvae.nn._rows import Rows
from sk_bvae.utils._random import draw_seeds, normal_by_row
from sk_bvae.utils._sklearn import Interval, StrOptions, fit_context

# Rows that are encoded or decoded at once: bounds the memory of everything but X.
BLOCK_ROWS = 1024

# Rows that the likelihood looks at before training.
SAMPLE_ROWS = 2048

# A latent with less than this many nats carries nothing.
ACTIVE_NATS = 0.01

# What cannot change between two fits that share their weights.
ARCHITECTURE = (
    "n_components",
    "likelihood",
    "noise_variance",
    "network",
    "hidden_layer_sizes",
    "activation",
    "image_shape",
)


class BaseVAE(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    CallbackSupportMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Fitting, encoding, decoding and scoring; a model adds its objective.

    A model declares a constructor with its parameters written out, their
    constraints, `_objective` and `_collapse_advice`.
    """

    _parameter_constraints: dict = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "likelihood": [StrOptions({"gaussian", "bernoulli"}), Likelihood],
        "noise_variance": [Interval(Real, 0, None, closed="neither"), None],
        "network": [
            StrOptions({"mlp", "higgins_fc", "higgins_conv", "burgess_conv"}),
            callable,
        ],
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "image_shape": [tuple, list, None],
        "solver": [StrOptions({"adam", "adagrad", "adamw", "rmsprop"}), type],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "net_params": [dict, None],
    }

    # What a model adds

    # Names of the parameters of the objective that may differ within a stack.
    _objective_scalars: tuple = ()

    @abstractmethod
    def _objective(self, terms, progress):
        """Return the loss of a batch, in nats per sample.

        Parameters
        ----------
        terms : Terms
            The terms of the batch.

        progress : float
            The share of the optimizer steps that are done.

        Returns
        -------
        loss : Tensor of shape ()
            The loss.
        """

    @abstractmethod
    def _collapse_advice(self):
        """Say which parameter killed the latents, and what to change."""

    def _schedules(self, progress):
        """Name the objective's scalars that change along the training."""
        return {}

    # Fitting

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Fit the model to X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data. float32, uint8 and bool arrays, memory maps included, are
            used where they lie; anything else is converted to float32 once.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data does not suit the likelihood or the network, the device does
            not exist, or the loss stops being finite.
        """
        go_on = self.warm_start and hasattr(self, "net_")
        X = validate_rows(self, X, reset=not go_on)
        if go_on:
            self._check_same_architecture()
        net = self.net_ if go_on else self._new_net(X)
        self._train(net, X, y, epochs=self.max_iter, early_stopping=self.early_stopping)
        if self.n_active_components_ == 0:
            warnings.warn(
                f"No latent of this {type(self).__name__} carries information: every "
                f"kl_ is below {ACTIVE_NATS} nats. {self._collapse_advice()}",
                stacklevel=2,
            )
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None):
        """Train for one pass over X, from the present weights if there are any.

        Nothing is held out for early stopping. Schedules advance as if each call were
        one of ``max_iter`` epochs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            As for `fit`.
        """
        go_on = hasattr(self, "net_")
        X = validate_rows(self, X, reset=not go_on)
        net = self.net_ if go_on else self._new_net(X)
        self._train(net, X, y, epochs=1, early_stopping=False)
        return self

    def _check_same_architecture(self):
        changed = [
            name
            for name in ARCHITECTURE
            if not same_value(getattr(self, name), self.net_.recipe_["params"][name])
        ]
        if changed:
            raise ValueError(
                "warm_start=True goes on with the weights of the last fit, so "
                f"{', '.join(changed)} cannot change: fit a clone instead."
            )

    def _new_net(self, X):
        """Build a net for X, with the likelihood set to its scale."""
        recipe = {
            "params": dict(self.get_params(deep=False), random_state=None),
            "n_features": X.shape[1],
            "seeds": draw_seeds(self.random_state, 3),
        }
        net = build_net(recipe, self._objective, resolve_device(self.device))
        sample = Rows(X, torch.device("cpu")).sample(SAMPLE_ROWS)
        net.vae_.likelihood.look(sample.to(net.device))
        return net

    def _train(self, net, X, y, epochs, early_stopping):
        """Train a net and take over what it learned."""
        # an autoencoder's target is its input; callbacks score nothing without one
        data = {"X": X, "y": X if y is None else y}
        context = self._init_callback_context(max_subtasks=epochs)
        context.call_on_fit_task_begin(estimator=self, **data)
        rows = Rows(X, net.device)
        check_support(net.vae_.likelihood, rows)

        def snapshot():
            copy = net_from_arrays(net_to_arrays(net), self._objective, net.device)
            return self._learned(copy, rows)

        tasks = EpochTasks(self, context, data, snapshot)
        try:
            self._run_epochs(net, rows, epochs, early_stopping, tasks)
        except NonFiniteLossError as error:
            raise ValueError(self._explain_divergence(error.epoch, rows)) from error
        vars(self).update(self._learned(net, rows))
        context.call_on_fit_task_end(
            estimator=self, reconstruction_attributes=snapshot, **data
        )

    def _run_epochs(self, net, rows, epochs, early_stopping, tasks):
        if net.lr != self.learning_rate_init:  # it would undo param_groups' own rates
            net.set_params(lr=self.learning_rate_init)
        net.set_params(
            batch_size=self.batch_size,
            max_epochs=self.max_iter,
            verbose=self.verbose,
        )
        users = list((self.net_params or {}).get("callbacks") or [])
        net.callbacks = [*users, tasks]
        if early_stopping:
            rows, held_out = self._split(rows, net.generator_)
            net.train_split = predefined_split(held_out)
            net.callbacks.append(self._early_stopping())
        else:
            net.train_split = None
        net.initialize_callbacks()
        try:
            net.partial_fit(rows, epochs=epochs)
        finally:
            # what a callback learned stays readable; the tasks hold on to X
            net.callbacks_ = [item for item in net.callbacks_ if item[1] is not tasks]
            net.callbacks, net.train_split = users, None

    def _early_stopping(self):
        return EarlyStopping(
            monitor="valid_loss",
            patience=self.n_iter_no_change,
            threshold=self.tol,
            threshold_mode="abs",
            load_best=True,
        )

    def _split(self, rows, generator):
        """Hold out some rows at random."""
        n_held_out = max(1, round(self.validation_fraction * len(rows)))
        if n_held_out == len(rows):
            raise ValueError(
                f"early_stopping=True holds out {n_held_out} of {len(rows)} rows, "
                "which leaves none to train on."
            )
        positions = torch.randperm(len(rows), generator=generator)
        held_out, kept = positions[:n_held_out], positions[n_held_out:]
        return rows.restrict(kept), rows.restrict(held_out)

    def _explain_divergence(self, epoch, rows):
        largest = rows.sample(SAMPLE_ROWS).abs().amax(dim=0)
        column = int(largest.argmax())
        names = getattr(self, "feature_names_in_", None)
        name = f"{column}" if names is None else f"{column} ({names[column]!r})"
        return (
            f"The loss stopped being finite in epoch {epoch}. The column of the "
            f"largest scale is {name}, with values up to {largest[column]:.3g}: scale "
            "the columns (StandardScaler), or lower learning_rate_init or the weight "
            "of the KL term."
        )

    def _learned(self, net, rows):
        """Collect the attributes that a fit ends with, latents ordered by their KL."""
        vae = net.vae_.eval()
        with torch.no_grad():
            kl = sum(
                gaussian_kl(*vae.posterior(block)).double().sum(dim=0)
                for block in rows.blocks(BLOCK_ROWS)
            ) / len(rows)
            rank = kl.argsort(descending=True, stable=True)
            vae.order.copy_(vae.order[rank])
        kl = kl[rank].cpu().numpy()
        history = self._named_history(net)
        return {
            "net_": net,
            "kl_": kl,
            "n_active_components_": int((kl > ACTIVE_NATS).sum()),
            "history_": history,
            "loss_curve_": history["loss"],
            "n_iter_": len(history["loss"]),
            **vae.likelihood.learned(),
        }

    def _named_history(self, net):
        """Turn skorch's history into arrays, latents in the users' order."""
        history = {}
        order = net.vae_.order.cpu().numpy()
        for prefix, name in [("train", ""), ("valid", "validation_")]:
            epochs = [epoch for epoch in net.history if f"{prefix}_loss" in epoch]
            if epochs:
                for term in ("loss", "reconstruction", "kl"):
                    curve = np.array([epoch[f"{prefix}_{term}"] for epoch in epochs])
                    history[name + term] = curve[:, order] if term == "kl" else curve
        schedules = [self._schedules(epoch["progress"]) for epoch in net.history]
        for name in schedules[0]:
            history[name] = np.array([schedule[name] for schedule in schedules])
        return history

    # Using the fitted model

    @property
    def _n_features_out(self):
        return len(self.kl_)

    def transform(self, X):
        """Encode X: the mean of each row's posterior.

        Deterministic, and done in blocks, so that memory stays bounded.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components), dtype float32
            Latents, ordered by `kl_`, largest first.
        """
        return self.posterior(X)[0]

    def posterior(self, X):
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
        X = validate_rows(self, X)
        both = self._by_block(X, lambda vae, x: torch.stack(vae.posterior(x), dim=1))
        return both[:, 0], np.exp(0.5 * both[:, 1])

    def inverse_transform(self, X):
        """Decode latents: the mean of p(x|z).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Latents.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features), dtype float32
            Means in the data's units; probabilities for a Bernoulli likelihood.
        """
        check_is_fitted(self)
        Z = check_array(X, dtype=np.float32)
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {Z.shape[1]} columns, but {type(self).__name__} has "
                f"{self._n_features_out} components."
            )
        return self._by_block(Z, lambda vae, z: vae.likelihood.mean(vae.decode(z)))

    def sample(self, n_samples=1, random_state=None):
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
            The draws.
        """
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        generator = torch.Generator().manual_seed(draw_seeds(random_state, 1)[0])
        z = torch.randn(n_samples, self._n_features_out, generator=generator)
        output = self._by_block(z.numpy(), lambda vae, z: vae.decode(z))
        likelihood = deepcopy(self.net_.vae_.likelihood).cpu()
        with torch.no_grad():
            return likelihood.draw(torch.from_numpy(output), generator).numpy()

    def score_samples(self, X, n_draws=32):
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
        X = validate_rows(self, X)
        check_support(self.net_.vae_.likelihood, Rows(X, torch.device("cpu")))
        n_latents = self._n_features_out
        seed = self.net_.recipe_["seeds"][2]

        def bound(vae, x):
            noise = normal_by_row(x.cpu().numpy(), n_draws * n_latents, seed)
            noise = torch.from_numpy(noise.reshape(-1, n_draws, n_latents))
            return importance_weighted_bound(vae, x, noise.to(x.device))

        return self._by_block(X, bound, n_rows=max(1, BLOCK_ROWS // n_draws))

    def score(self, X, y=None):
        """Average the bound of `score_samples` over the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        score : float
            In nats per row. Lay it beside `PCA.score` and `FactorAnalysis.score`.
        """
        return float(self.score_samples(X).mean(dtype=np.float64))

    def _by_block(self, X, function, n_rows=BLOCK_ROWS):
        """Apply a function of the module and a block of rows, and join the results."""
        vae = self.net_.vae_.eval()
        joined, start = None, 0
        with torch.no_grad():
            for x in Rows(X, self.net_.device).blocks(n_rows):
                result = function(vae, x).cpu().numpy()
                if joined is None:
                    joined = np.empty((len(X), *result.shape[1:]), result.dtype)
                # a list of small results between large blocks would tear up the heap
                joined[start : start + len(x)] = result
                start += len(x)
        return joined

    # Saving and loading

    def __getstate__(self):
        """Describe the estimator by plain values and arrays."""
        state = {**super().__getstate__(), "_sk_bvae_version": sk_bvae.__version__}
        net = state.pop("net_", None)
        return state if net is None else {**state, "_net_arrays": net_to_arrays(net)}

    def __setstate__(self, state):
        """Rebuild the net, on the CPU where the old device does not exist."""
        state = dict(state)
        version = state.pop("_sk_bvae_version")
        if version != sk_bvae.__version__:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_sklearn_version=f"sk-bvae {sk_bvae.__version__}",
                    original_sklearn_version=f"sk-bvae {version}",
                ),
                stacklevel=2,
            )
        arrays = state.pop("_net_arrays", None)
        super().__setstate__(state)
        if arrays is not None:
            try:
                device = resolve_device(arrays["recipe"]["params"]["device"])
            except ValueError:
                device = torch.device("cpu")
            self.net_ = net_from_arrays(arrays, self._objective, device)

    def __sklearn_tags__(self):
        """Tell scikit-learn that the output is float32 whatever the input."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def validate_rows(estimator, X, reset=False):
    """Validate data for an estimator, without a conversion where there need be none."""
    dtypes = [np.float32, np.uint8, np.bool_]
    return validate_data(estimator, X, reset=reset, dtype=dtypes, order="C")


def check_support(likelihood, rows):
    """Refuse rows that the likelihood cannot produce; read them only if need be."""
    if likelihood.support != Likelihood.support:
        likelihood.check_range(*rows.range(BLOCK_ROWS))


def same_value(new, old):
    """Compare two values of a parameter, sequences and arrays included."""
    return new is old or np.array_equal(new, old)
