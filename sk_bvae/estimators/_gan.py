"""What every generative adversarial network adds: codes that are inferred, draws."""

from dataclasses import field
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sk_bvae.estimators._base import BLOCK_ROWS, BaseModel, validate_rows
from sk_bvae.estimators._parameters import layer_sizes, with_parameters
from sk_bvae.nn._gan import (
    GANNetwork,
    build_players,
    infer_codes,
    squared_errors,
)
from sk_bvae.training.step import NonFiniteLossError
from sk_bvae.utils._absent import Absent
from sk_bvae.utils._active import ACTIVE_NATS
from sk_bvae.utils._sklearn import Interval, StrOptions
from sk_bvae.utils._types import RandomState

# Draws from the generator by which the information is measured.
N_MEASURED = 8192

BATCH_NORM = nn.BatchNorm1d, nn.BatchNorm2d

# Adam's as in Radford et al. 2015. With the first one as usual the game swings.
DECAY_RATES = {"betas": (0.5, 0.999)}
SOLVER_OF_OTHERS = "adam", {"lr": 2e-4, **DECAY_RATES}

NO_DENSITY = (
    "A generative adversarial network draws rows and does not know how likely they "
    "are, so that it has no {}: judge its codes by sk_bvae.metrics, or search with "
    "another scoring."
)


@with_parameters
class BaseGAN(BaseModel):
    """A generator of codes and noise, a discriminator, and a recognition of the codes.

    A subclass adds the objective, whose report has the "squared_error" of each code.

    Parameters
    ----------
    n_components : int, default=5
        Number of codes. All of them are put to use, unlike a VAE's latents: where they
        are more than the factors, several share one.

    n_noise : int, default=5
        Number of noise variables, for what the codes do not say.

    network : {"mlp", "higgins_gan", "lin_gan"} or callable, default="mlp"
        The players' networks. "mlp" is described by ``hidden_layer_sizes`` and
        ``activation``; the others are the papers' own, for images, described in
        `sk_bvae.nn`. A callable ``network(n_features, n_components, n_noise)`` returns
        four modules: the generator, from (n, n_components + n_noise) to (n,
        n_features), of rows between -1 and 1; the trunk, from there to what both heads
        see; the discriminator's head, from there to (n, 1), log odds; and the
        recognition, from there to (n, n_components).

    hidden_layer_sizes : int or array-like of int, default=(128, 128)
        Hidden units of the trunk of "mlp"; the generator mirrors them.

    Attributes
    ----------
    information_ : ndarray of shape (n_components,)
        Information per latent: a lower bound of that between the code and the rows
        that are made of it, in nats, largest first. It is the code's entropy, log 2,
        less the cross-entropy in a normal distribution about what is inferred, whose
        variance is the mean squared error of 8,192 draws. Latents have this order
        everywhere.

    n_active_components_ : int
        Number of latents whose ``information_`` exceeds 0.01 nats.

    net_ : skorch.NeuralNet
        The trained net; ``net_.module_["generator"]`` is a torch module, as are
        "discriminator" and "recognition".
    """

    n_components: int = field(default=5, kw_only=False)
    n_noise: int = 5
    network: GANNetwork = "mlp"

    if TYPE_CHECKING:  # what a fit leaves behind
        information_: np.ndarray = field(init=False)

    nats = "information_"
    fixed = (*BaseModel.fixed, "n_noise")
    score = Absent(NO_DENSITY.format("score"))
    score_samples = Absent(NO_DENSITY.format("score_samples"))

    _parameter_constraints = {
        **BaseModel._parameter_constraints,
        "n_noise": [Interval(Integral, 0, None, closed="left")],
        "network": [StrOptions({"mlp", "higgins_gan", "lin_gan"}), callable],
    }

    # Fitting

    def _make_players(self, n_features):
        return build_players(
            self.network,
            n_features,
            self.n_components,
            self.n_noise,
            hidden_layer_sizes=layer_sizes(self.hidden_layer_sizes),
            activation=self.activation,
            image_shape=self.image_shape,
        )

    def _make_optimizers(self):
        rates = DECAY_RATES if self.solver in ("adam", "adamw") else {}
        others = dict.fromkeys(["discriminator", "recognition"], SOLVER_OF_OTHERS)
        return {"generator": (self.solver, rates), **others}

    def _may_shift(self, n_features):
        return np.ones(n_features, dtype=bool)

    def _adapt(self, players, rows):
        shift = 0.0 if rows.shift is None else rows.shift
        low, high = (end - shift for end in rows.range)
        players["generator"].adapt(low.min(), high.max())

    def _is_adapted(self, players):
        return players["generator"].adapted

    def _check_rows(self, players, rows):
        smallest = len(rows) % self.batch_size or self.batch_size
        if smallest == 1 and any(
            isinstance(part, BATCH_NORM) for part in players.modules()
        ):
            raise ValueError(
                f"Batches of {self.batch_size} leave one of a single row of the "
                f"{len(rows)}, on which batch normalisation cannot be trained: choose "
                "another batch_size."
            )

    def _summarise(self, net, rows):
        """Order the codes by their information, measured on rows that are made."""
        players = net.module_.eval()
        seeded = torch.Generator().manual_seed(net.recipe_["seeds"]["scoring"])
        shape = N_MEASURED, players["generator"].n_latents
        draws = torch.randn(shape, generator=seeded).split(BLOCK_ROWS)
        with torch.no_grad():
            errors = [squared_errors(players, some.to(net.device)) for some in draws]
        nats = information(torch.cat(errors).mean(dim=0).cpu().numpy())
        if not np.isfinite(nats).all():  # the last step came after the last loss
            raise NonFiniteLossError(epoch=len(net.history))
        rank = np.argsort(-nats, kind="stable")
        players["generator"].order.copy_(players["generator"].order[rank])
        n_active = int((nats > ACTIVE_NATS).sum())
        return {"information_": nats[rank], "n_active_components_": n_active}

    def _history(self, net):
        """Turn errors into nats, and put those of each code into the users' order."""
        order = net.module_["generator"].order.cpu().numpy()
        history = super()._history(net)
        errors = history.pop("squared_error")
        return {**history, "information": information(errors[:, order])}

    # Using the fitted model

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Infer the codes of X: the means of q(c|x).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data.

        Returns
        -------
        C : ndarray of shape (n_samples, n_components), dtype float32
            Codes, ordered by `information_`, largest first. They were drawn between -1
            and 1, and what is inferred may lie a little outside.
        """
        check_is_fitted(self)
        return self._by_block(self._rows(validate_rows(self, X)), infer_codes)

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Make rows of codes, with the noise variables at 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes, from -1 to 1.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features), dtype float32
            Rows in the data's units. float64 where a column of the training data was so
            far from 0 that float32 could not tell its values apart.
        """
        return self._decode(X, lambda players, c: players["generator"].decode_codes(c))

    def sample(
        self, n_samples: int = 1, random_state: RandomState = None
    ) -> np.ndarray:
        """Draw rows from the model: codes and noise from what they are drawn from.

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
        check_is_fitted(self)
        n_latents = self.net_.module_["generator"].n_latents
        draws, _ = self._draw_noise(n_samples, n_latents, random_state)
        made = self._by_block(draws, lambda players, z: players["generator"].draw(z))
        return self._shift_back(made)


def information(squared_error):
    """Bound what is known of a code from below, by how far off it is inferred.

    The entropy of the uniform distribution on (-1, 1), less the cross-entropy of the
    code in a normal distribution about what is inferred; 0 where that is less.

    Parameters
    ----------
    squared_error : ndarray
        Mean squared errors.

    Returns
    -------
    bound : ndarray
        In nats.
    """
    return np.maximum(np.log(2) - 0.5 * np.log(2 * np.pi * np.e * squared_error), 0)
