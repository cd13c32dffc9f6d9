"""Random numbers from a private generator, wherever torch draws them."""

import torch
from torch.overrides import TorchFunctionMode

# What takes a generator.
DRAWS = {
    "bernoulli",
    "bernoulli_",
    "cauchy_",
    "exponential_",
    "geometric_",
    "log_normal_",
    "multinomial",
    "normal",
    "normal_",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "random_",
    "randperm",
    "uniform_",
}

# What draws without: torch gives it no way to say from where.
WITHOUT_GENERATOR = {
    "_sample_dirichlet",
    "_standard_gamma",
    "alpha_dropout",
    "binomial",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_alpha_dropout",
    "feature_dropout",
    "fractional_max_pool2d",
    "fractional_max_pool3d",
    "gumbel_softmax",
    "multi_head_attention_forward",
    "rrelu",
    "rrelu_",
    "scaled_dot_product_attention",
}


class DrawsFrom(TorchFunctionMode):
    """Inside this context, torch draws from the given generator, in this thread.

    Layers initialise themselves from torch's global generator, which threads share:
    seeding it would disturb others and be disturbed by them.

    Parameters
    ----------
    generator : torch.Generator
        Where draws come from.
    """

    def __init__(self, generator):
        super().__init__()
        self.generator = generator

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Hand the generator to every function that draws and was given none."""
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name in WITHOUT_GENERATOR:
            return self._call_with_own_global_state(func, args, kwargs)
        # torch.nn.init's functions come with their parameter, filled in or not
        if (name in DRAWS or "generator" in kwargs) and kwargs.get("generator") is None:
            kwargs["generator"] = self.generator
        return func(*args, **kwargs)

    def _call_with_own_global_state(self, func, args, kwargs):
        """Seed the global generator for one call, and put it back."""
        seed = torch.randint(2**62, (), generator=self.generator).item()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return func(*args, **kwargs)
