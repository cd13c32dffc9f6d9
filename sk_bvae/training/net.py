"""The lone training loop: skorch's, with players and losses made of named terms."""

import inspect

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer, PrintLog
from skorch.utils import TeeGenerator

from sk_bvae.training.compiled import CompiledGradients
from sk_bvae.training.rows import Batches
from sk_bvae.training.step import (
    Curves,
    EpochMeans,
    NonFiniteLossError,
    Progress,
    StopTraining,
    backward,
    named_terms,
)

BATCH_EVENTS = {"on_batch_begin", "on_grad_computed", "on_batch_end"}


class Net(NeuralNet):
    """A skorch net that trains players on `Rows`, each by its own loss.

    Against skorch's own loop: a batch is one gather; the terms of the losses are
    averaged on the device and read once an epoch; noise and the order of rows come
    from one private generator; every player has an optimizer; and Ctrl-C is not
    swallowed.

    Parameters
    ----------
    module : ModuleDict
        The players. The first one's optimizer is ``optimizer``, as skorch has it;
        another's is ``PLAYER_optimizer``.

    criterion : Criterion
        What they are trained by.

    seed : int
        Seeds the generator.

    **kwargs : dict
        What else a `skorch.NeuralNet` takes, and the optimizers of other players.
    """

    def __init__(self, module, criterion, *, seed=0, **kwargs):
        super().__init__(module, criterion, **kwargs)
        self.seed = seed

    def get_default_callbacks(self):
        """Name the callbacks that every net has."""
        timer = [("epoch_timer", EpochTimer())]
        return [*timer, ("print_log", PrintLog())] if self.verbose else timer

    def initialize_criterion(self):
        """Take the criterion as it is, with nothing to initialise."""
        self.criterion_ = self.criterion
        return self

    def initialize_optimizer(self):
        """Make an optimizer for each player."""
        self.learned_ = {}
        for player, module in self.module_.items():
            name = self.optimizer_name(player)
            parameters = list(module.named_parameters())
            args, kwargs = self.get_params_for_optimizer(name, parameters)
            setattr(self, f"{name}_", getattr(self, name)(*args, **kwargs))
            self.learned_[player] = [p for _, p in parameters if p.requires_grad]
        optimizers = map(self.optimizer_of, self.learned_)
        self.takes_closure_ = any(map(_needs_closure, optimizers))
        return self

    def optimizer_name(self, player):
        """Name a player's optimizer as skorch knows it."""
        first = player == next(iter(self.module_))
        return "optimizer" if first else f"{player}_optimizer"

    def optimizer_of(self, player):
        """Return a player's optimizer."""
        return getattr(self, f"{self.optimizer_name(player)}_")

    def torch_compile(self, module, name):
        """Leave a module as it is: what ``compile`` asks for is done to whole steps."""
        return module

    def take_criterion(self, criterion):
        """Train by a criterion from now on, compiled where ``compile`` asks for it."""
        self.criterion = self.criterion_ = criterion
        if self.compile:
            options = self.get_params_for("compile")
            self.compiled_ = CompiledGradients(self.module_, criterion, **options)

    def initialize(self):
        """Initialise the components, the generator and what training leaves behind."""
        super().initialize()
        self.compiled_ = None
        self.generator_ = torch.Generator().manual_seed(self.seed)
        self.progress_ = Progress()
        self.curves_ = Curves()
        self.shift_ = None
        self.trimmed_ = False
        self.awaits_start_ = False
        self.is_solved_ = False
        # what it takes to go on with a fit that ends before its time
        self.task_ = {}
        self.patience_ = None
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
        return Batches(
            dataset,
            self.batch_size,
            self.criterion_.n_views,
            self.criterion_.n_noise,
            generator=self.generator_ if training else seeded,
            training=training,
        )

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params):
        """Run one pass and record the mean of each term, reading the device once."""
        if iterator is None:
            return
        self._set_training(training)
        progress, start, n_batches = (
            self.progress_,
            self.progress_.epochs,
            len(iterator),
        )
        means = EpochMeans(n_batches, iterator.batch_size)
        for number, batch in enumerate(iterator, start=1):
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            means.add(step["y_pred"], batch.x.shape[1])
            if training:
                progress.epochs = start + number / n_batches
            self.notify("on_batch_end", batch=batch, training=training, **step)
        self.record_epoch(prefix, means.read())

    def loss_on(self, rows):
        """Compute the mean loss over some rows, without a word to callbacks."""
        self._set_training(False)
        batches = self.get_iterator(rows, training=False)
        means = EpochMeans(len(batches), batches.batch_size)
        for batch in batches:
            means.add(self.validation_step(batch)["y_pred"], batch.x.shape[1])
        return means.read()["loss"]

    def record_epoch(self, prefix, means):
        """Write the means of an epoch into the history; refuse what is not finite.

        skorch's own history, for its callbacks, holds the totals over latents.
        """
        for name, mean in means.items():
            self.history.record(f"{prefix}_{name}", float(mean.sum()))
        if not all(np.isfinite(mean).all() for mean in means.values()):
            raise NonFiniteLossError(epoch=self.history[-1, "epoch"])
        start = "" if prefix == "train" else "validation_"
        before = self.curves_.terms.get(f"{start}loss")
        is_best = before is None or bool(means["loss"] < before.min())
        self.history.record(f"{prefix}_loss_best", is_best)
        self.history.new_batch()  # skorch's checkpoints name files by the last one
        means = {f"{start}{name}": mean for name, mean in means.items()}
        changed = self.scheduled_weights() if prefix == "train" else {}
        self.curves_.append({**means, **changed})

    def scheduled_weights(self):
        """Return the weights that change along the training, as they are now."""
        criterion = self.criterion_
        return criterion.schedule(self._share_done(), **criterion.weights)

    def _share_done(self):
        return self.progress_.epochs / self.max_epochs

    def train_step(self, batch, **fit_params):
        """Take a step, or only look where what is trained is at its optimum.

        skorch hands every optimizer a closure, and clears gradients by a method of
        torch's that is slow on small networks. Only what asks for a closure gets one.
        """
        if self.is_solved_:
            return self.validation_step(batch, **fit_params)
        if self.takes_closure_:
            return super().train_step(batch, **fit_params)
        self._forget_gradients()
        step = self.train_step_single(batch, **fit_params)
        self.notify(
            "on_grad_computed",
            named_parameters=TeeGenerator(self.get_all_learnable_params()),
            batch=batch,
            training=True,
        )
        for player in self.learned_:
            self.optimizer_of(player).step()
        return step

    def _forget_gradients(self):
        """Clear all gradients, of parameters that a callback unfroze too."""
        for player in self.learned_:
            for group in self.optimizer_of(player).param_groups:
                for parameter in group["params"]:
                    parameter.grad = None

    def train_step_single(self, batch, **fit_params):
        """Compute the losses of a batch and each player's gradient."""
        progress = self._share_done()
        if self.compiled_ is not None:
            return self._describe(self.compiled_(batch, progress))
        losses = self.criterion_.forward(self.module_, batch, progress)
        backward(losses.players, self.learned_)
        return self._describe(losses)

    def validation_step(self, batch, **fit_params):
        """Compute the losses of a batch, with weights as they are at the end.

        Those of different epochs can then be laid beside each other.
        """
        with torch.no_grad():
            losses = self.criterion_(self.module_, batch, progress=1.0)
        return self._describe(losses)

    def _describe(self, losses):
        terms = named_terms(losses)
        return {"loss": terms["loss"], "y_pred": terms}


def _needs_closure(optimizer):
    """Say whether an optimizer computes the loss itself, as LBFGS does."""
    closure = inspect.signature(optimizer.step).parameters.get("closure")
    return closure is not None and closure.default is closure.empty
