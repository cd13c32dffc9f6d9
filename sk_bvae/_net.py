"""The training loop: skorch's, with losses made of named terms."""

from dataclasses import dataclass

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer, PrintLog

from sk_bvae.nn import Terms
from sk_bvae.nn._rows import Batches

SOLVERS = {
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
}
FUSED_SOLVERS = {"adagrad", "adam", "adamw"}
FUSED_DEVICES = {"cpu", "cuda"}
BATCH_EVENTS = {"on_batch_begin", "on_grad_computed", "on_batch_end"}


class StopTraining(Exception):  # noqa: N818 - a request, not an error
    """Raised by a callback to end the training after the current epoch."""


class NonFiniteLossError(ArithmeticError):
    """The loss of an epoch is infinite or not a number."""

    def __init__(self, epoch):
        super().__init__(epoch)
        self.epoch = epoch


class VAENet(NeuralNet):
    """A skorch net that trains a VAE on `Rows`.

    Against skorch's own loop: a batch is one gather; the terms of the loss are summed
    on the device and read once an epoch; noise and the order of rows come from one
    private generator; and Ctrl-C is not swallowed.

    Parameters
    ----------
    module : VAE
        The module to train.

    criterion : callable
        Maps the terms of a batch, and the share of the training that is done, to the
        loss.

    seed : int
        Seeds the generator.

    **kwargs : dict
        What else a `skorch.NeuralNet` takes.
    """

    def __init__(self, module, criterion, *, seed=0, **kwargs):
        super().__init__(module, criterion, **kwargs)
        self.seed = seed

    @property
    def vae_(self):
        """The module, from under torch.compile's wrapper where there is one."""
        return getattr(self.module_, "_orig_mod", self.module_)

    def get_default_callbacks(self):
        """Name the callbacks that every net has."""
        log = PrintLog(keys_ignored=["train_kl", "valid_kl"])
        timer = [("epoch_timer", EpochTimer())]
        return [*timer, ("print_log", log)] if self.verbose else timer

    def initialize_criterion(self):
        """Take the criterion as it is: a function, with nothing to initialise."""
        self.criterion_ = self.criterion
        return self

    def initialize(self):
        """Initialise the components, the generator and the progress."""
        super().initialize()
        self.generator_ = torch.Generator().manual_seed(self.seed)
        self.progress_ = Progress()
        return self

    def on_epoch_begin(self, net, **kwargs):
        """Start a row of the history, and forget the batches of the last one."""
        if self.history:
            self.history[-1]["batches"] = []
        super().on_epoch_begin(net, **kwargs)

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train for `max_epochs`, or until a callback asks to stop.

        skorch takes every KeyboardInterrupt for a callback's wish to stop. Here it is
        one only where an early stopping callback has run out of patience; Ctrl-C goes
        on to whoever called.
        """
        self.notify("on_train_begin", X=X, y=y)
        try:
            self.fit_loop(X, y, **fit_params)
        except StopTraining:
            pass
        except KeyboardInterrupt:
            if not self._ran_out_of_patience():
                raise
        self.notify("on_train_end", X=X, y=y)
        return self

    def _ran_out_of_patience(self):
        return any(
            isinstance(callback, EarlyStopping)
            and callback.misses_ >= callback.patience
            for _, callback in self.callbacks_
        )

    def notify(self, method_name, **cb_kwargs):
        """Notify whoever listens; of single batches that is seldom anyone."""
        if method_name not in BATCH_EVENTS or self.batches_are_heard_:
            super().notify(method_name, **cb_kwargs)

    def initialize_callbacks(self):
        """Initialise the callbacks, and see whether any of them hears of batches."""
        super().initialize_callbacks()
        self.batches_are_heard_ = any(
            getattr(type(callback), event) is not getattr(Callback, event)
            for _, callback in self.callbacks_
            for event in BATCH_EVENTS
        )
        return self

    def get_iterator(self, dataset, training=False):
        """Draw from the net's generator to train, and always alike to validate."""
        seeded = torch.Generator().manual_seed(self.seed)
        generator = self.generator_ if training else seeded
        sizes = (self.batch_size, self.vae_.n_components)
        return Batches(dataset, *sizes, generator, training)

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run one pass and record the mean of each term, reading the device once."""
        if iterator is None:
            return
        self._set_training(training)
        progress, means = self.progress_, EpochMeans()
        start, n_batches = progress.epochs, len(iterator)
        for number, batch in enumerate(iterator, start=1):
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            means.add(step["loss"], *step["y_pred"])
            if training:
                progress.epochs = start + number / n_batches
            self.notify("on_batch_end", batch=batch, training=training, **step)
        self.record_terms(prefix, *means.read())

    def record_terms(self, prefix, loss, reconstruction, kl):
        """Write the means of an epoch into the history; refuse what is not finite."""
        self.history.record("progress", self.progress_.epochs / self.max_epochs)
        self.history.record(f"{prefix}_loss", float(loss))
        self.history.record(f"{prefix}_reconstruction", float(reconstruction))
        self.history.record(f"{prefix}_total_kl", float(kl.sum()))
        self.history.record(f"{prefix}_kl", kl)
        if not np.isfinite([loss, reconstruction, *kl]).all():
            raise NonFiniteLossError(epoch=self.history[-1, "epoch"])

    def train_step_single(self, batch, **fit_params):
        """Compute the loss of a batch and its gradient."""
        step = self._step(*batch)
        step["loss"].backward()
        return step

    def validation_step(self, batch, **fit_params):
        """Compute the loss of a batch."""
        with torch.no_grad():
            return self._step(*batch)

    def _step(self, x, noise):
        nll, kl = self.module_(x, noise)
        progress = self.progress_.epochs / self.max_epochs
        loss = self.criterion_(Terms(nll, kl), progress)
        return {"loss": loss, "y_pred": (nll, kl)}


@dataclass
class Progress:
    """How far a training has come: epochs, with the share of the present one.

    An object of its own because a net's attributes are slow to set.
    """

    epochs: float = 0.0


class EpochMeans:
    """Means over an epoch, summed on the device and read once.

    Terms may have leading dimensions, one mean for each entry.
    """

    # Batches whose terms are kept before they are summed: one sum for many batches.
    PENDING = 256

    def __init__(self):
        self.pending = []
        self.total = 0
        self.n_rows = 0

    def add(self, loss, nll, kl):
        """Take the loss and the terms of a batch."""
        self.pending.append((loss.detach(), nll.detach(), kl.detach()))
        self.n_rows += nll.shape[-1]
        if len(self.pending) == self.PENDING:
            self._sum()

    def read(self):
        """Return the means of the loss, of the reconstruction, and of each KL."""
        self._sum()
        means = (self.total / self.n_rows).cpu().numpy()
        return means[..., 0], means[..., 1], means[..., 2:]

    def _sum(self):
        if self.pending:
            losses, nlls, kls = zip(*self.pending, strict=True)
            sizes = [nll.shape[-1] for nll in nlls]
            sizes = torch.tensor(sizes, device=nlls[0].device)
            loss = (torch.stack(losses, dim=-1).double() * sizes).sum(dim=-1)
            nll = torch.cat(nlls, dim=-1).double().sum(dim=-1)
            kl = torch.cat(kls, dim=-2).double().sum(dim=-2)
            heads = torch.stack([loss, nll], dim=-1)
            self.total += torch.cat([heads, kl], dim=-1)
            self.pending = []


def solver_params(solver, device):
    """Name the optimizer for skorch, fused where torch has a fused one."""
    params = {"optimizer": SOLVERS.get(solver, solver)}
    if solver in FUSED_SOLVERS and device.type in FUSED_DEVICES:
        params["optimizer__fused"] = True
    return params
