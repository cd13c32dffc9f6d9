"""Where epochs of a training meet scikit-learn's callbacks."""

from skorch.callbacks import Callback

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


class ReportEpochs(Callback):
    """Tells `EpochTasks` of the epochs of a skorch net.

    Parameters
    ----------
    tasks : EpochTasks
        Where epochs are reported.
    """

    def __init__(self, tasks):
        self.tasks = tasks

    def on_epoch_begin(self, net, **kwargs):
        """Open a task."""
        self.tasks.begin()

    def on_epoch_end(self, net, **kwargs):
        """Close it."""
        self.tasks.end()
