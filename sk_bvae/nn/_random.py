"""Initial weights drawn from a private generator."""

from torch.overrides import TorchFunctionMode

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
    "randint",
    "randn",
    "random_",
    "randperm",
    "uniform_",
}


class DrawsFrom(TorchFunctionMode):
    """Inside this context, torch draws from the given generator, in this thread.

    Layers initialise themselves from torch's global generator, which threads share:
    seeding it would disturb others and be disturbed by them.
    """

    def __init__(self, generator):
        super().__init__()
        self.generator = generator

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Hand the generator to every function that draws and was given none."""
        kwargs = dict(kwargs or {})
        # torch.nn.init's functions come with their parameter, filled in or not
        draws = getattr(func, "__name__", "") in DRAWS or "generator" in kwargs
        if draws and kwargs.get("generator") is None:
            kwargs["generator"] = self.generator
        return func(*args, **kwargs)
