"""beta-VAE with a capacity that grows (Burgess et al. 2018)."""

from numbers import Real

from sk_bvae._base import BaseVAE
from sk_bvae.nn import linear_ramp
from sk_bvae.utils._sklearn import Interval


def capacity_elbo(terms, capacity, gamma):
    """Reconstruction, and gamma times how far the batch's mean KL is from capacity."""
    kl = terms.kl.sum(dim=-1).mean()
    return terms.nll.mean() + gamma * (kl - capacity).abs()


class CapacityVAE(BaseVAE):
    """TODO."""

    _parameter_constraints: dict = {
        **BaseVAE._parameter_constraints,
        "capacity": [Interval(Real, 0, None, closed="left")],
        "gamma": [Interval(Real, 0, None, closed="left")],
        "capacity_ramp": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        n_components=10,
        *,
        capacity=25.0,
        gamma=1000.0,
        capacity_ramp=0.5,
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
        self.capacity = capacity
        self.gamma = gamma
        self.capacity_ramp = capacity_ramp
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
        return capacity_elbo(terms, self._schedules(progress)["capacity"], self.gamma)

    def _schedules(self, progress):
        return {"capacity": self.capacity * linear_ramp(progress, self.capacity_ramp)}

    def _collapse_advice(self):
        return (
            f"capacity={self.capacity} with gamma={self.gamma} leaves them no room: "
            "raise capacity, or train longer (max_iter)."
        )
