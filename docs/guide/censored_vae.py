"""A model of one's own: latents that do not tell one column of X."""

from functools import partial

from torch import nn

from sk_bvae.estimators import BaseVAE, with_parameters
from sk_bvae.nn import Losses, linear_ramp


def censored_elbo(players, batch, *, column, beta, price):
    """Negative ELBO, and a price on what a spy reads from the latents."""
    terms = players["vae"](batch.x[0], batch.noise[0])
    secret = batch.x[0][:, column].nan_to_num()  # a gap says the mean, if scaled
    secret = secret - batch.mean(secret)
    secret = secret / (batch.mean(secret.square()).sqrt() + 1e-6)
    error = batch.mean((players["spy"](terms.z).squeeze(-1) - secret).square())
    leak = (1 - error).clamp(min=0)
    loss = batch.mean(terms.nll + beta * terms.kl.sum(dim=-1)) + price * leak
    report = {"reconstruction": terms.nll, "kl": terms.kl, "leak": leak}
    return Losses({"vae": loss, "spy": error}, report)


@with_parameters
class CensoredVAE(BaseVAE):
    """A beta-VAE whose latents do not tell one column of X."""

    column: int = 0
    beta: float = 1.0
    price: float = 10.0

    weights = ("beta", "price")

    @property
    def objective(self):
        """The objective for this ``column``."""
        return partial(censored_elbo, column=self.column)

    def _make_players(self, n_features):
        hidden = nn.Linear(self.n_components, 64)
        spy = nn.Sequential(hidden, nn.ReLU(), nn.Linear(64, 1))
        return {**super()._make_players(n_features), "spy": spy}

    def _make_optimizers(self):
        return {"spy": ("adam", {"lr": 1e-2})}

    def _schedule(self, progress, *, price, **weights):
        return {"price": price * linear_ramp(progress, 0.25)}
