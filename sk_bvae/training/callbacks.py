"""Where epochs of a training meet scikit-learn's callbacks."""

from skorch.callbacks import Callback, EarlyStopping

from sk_bvae.training.step import StopTraining


class EpochTasks:
    """Reports every epoch as a task of an estimator's fit.

    Parameters
    ----------
    estimator : estimator instance
        The estimator that is being fitted.

    context : CallbackContext
        The task that the epochs are part of.

    data : dict
        The training data "X" and its target "y".

    fitted_attributes : callable, default=None
        Gives what `estimator` would have as attributes if fit ended now.
    """

    def __init__(self, estimator, context, data, fitted_attributes=None):
        self.estimator = estimator
        self.context = context
        self.data = data
        self.fitted_attributes = fitted_attributes

    def begin(self):
        """Open a task."""
        self.task = self.context.subcontext(task_name="epoch")
        self.task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end(self):
        """Close the task, and stop the training if a callback asks for it."""
        stop = self.task.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=self.fitted_attributes,
            **self.data,
        )
        if stop:
            raise StopTraining


class Patience(EarlyStopping):
    """skorch's early stopping, which says when it would stop instead of stopping.

    So an epoch is reported, and a checkpoint of it written, with its own outcome.

    Parameters
    ----------
    state : dict or None
        What `state` of another returned, which this one goes on from.

    start_loss : float, default=None
        The held-out loss before the first epoch, the best so far. None where a state
        is given.

    **kwargs : dict
        Parameters of `skorch.callbacks.EarlyStopping`; the best weights are kept in any
        case.
    """

    CARRIED = (
        "misses_",
        "dynamic_threshold_",
        "best_model_weights_",
        "is_exhausted_",
    )

    def __init__(self, state, start_loss=None, **kwargs):
        super().__init__(**kwargs)
        self.carried = state
        self.start_loss = start_loss
        self.is_exhausted_ = False

    def on_train_begin(self, net, **kwargs):
        """Go on from the state that was given, or take the start for the best."""
        super().on_train_begin(net, **kwargs)
        if self.carried is not None:
            vars(self).update(self.carried)
        else:
            self.dynamic_threshold_ = self._calc_new_threshold(self.start_loss)
            self._keep_weights(net)

    def on_epoch_end(self, net, **kwargs):
        """Note what became of the epoch."""
        try:
            super().on_epoch_end(net, **kwargs)
        except KeyboardInterrupt:  # skorch's word for it
            self.is_exhausted_ = True
        if self.misses_ == 0:
            self._keep_weights(net)

    def on_train_end(self, net, **kwargs):
        """Go back to the weights of the best epoch."""
        net.module_.load_state_dict(self.best_model_weights_)

    def _keep_weights(self, net):
        # skorch's own deepcopy would take the whole stack's where these are part of one
        weights = net.module_.state_dict().items()
        self.best_model_weights_ = {name: tensor.clone() for name, tensor in weights}

    def state(self):
        """Return what another needs to go on."""
        return {name: getattr(self, name) for name in self.CARRIED}


class ReportEpochs(Callback):
    """Tells `EpochTasks` of the epochs of a skorch net, and ends the last one.

    Parameters
    ----------
    tasks : EpochTasks
        Where epochs are reported.

    patience : Patience, default=None
        What may want to stop the training.
    """

    def __init__(self, tasks, patience=None):
        self.tasks = tasks
        self.patience = patience

    def on_epoch_begin(self, net, **kwargs):
        """Open a task."""
        self.tasks.begin()

    def on_epoch_end(self, net, **kwargs):
        """Close it."""
        self.tasks.end()
        if self.patience is not None and self.patience.is_exhausted_:
            raise StopTraining
