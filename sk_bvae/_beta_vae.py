"""beta-VAE (Higgins et al. 2017)."""

from numbers import Real

from sk_bvae._base import BaseVAE
from sk_bvae.utils._sklearn import Interval


def beta_elbo(terms, beta):
    """Negative ELBO with the KL term weighted by beta, averaged over the batch."""
    return (terms.nll + beta * terms.kl.sum(dim=-1)).mean()


class BetaVAE(BaseVAE):
    """TODO."""

    _parameter_constraints: dict = {
        **BaseVAE._parameter_constraints,
        "beta": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components=10,
        *,
        beta=4.0,
        likelihood="gaussian",
        noise_variance=None,
        network="mlp",
        hidden_layer_sizes=(128,),
        activation="relu",
        image_shape=None,
        solver="adam",
        learning_rate_init=1e-3,
        batch_size=64,
        max_iter=100,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
        net_params=None,
    ):
        self.n_components = n_components
        self.beta = beta
        self.likelihood = likelihood
        self.noise_variance = noise_variance
        self.network = network
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.image_shape = image_shape
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose
        self.net_params = net_params

    def _objective(self, terms, progress):
        return beta_elbo(terms, self.beta)

    def _collapse_advice(self):
        return (
            f"beta={self.beta} outweighs what they could explain: lower beta, or train "
            "longer (max_iter), or scale the data so that its columns matter."
        )

    def _learned(self, net, rows):
        learned = super()._learned(net, rows)
        n_features = rows.array.shape[1]
        return {**learned, "beta_norm_": self.beta * len(learned["kl_"]) / n_features}
