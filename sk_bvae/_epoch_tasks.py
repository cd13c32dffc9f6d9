"""Where skorch's epochs meet scikit-learn's callbacks."""

from skorch.callbacks import Callback

from sk_bvae._net import StopTraining


class EpochTasks(Callback):
    """Reports every epoch of a net as a task of an estimator's fit.

    Parameters
    ----------
    estimator : estimator instance
        The estimator that is being fitted.

    context : CallbackContext
        The task that the epochs are part of.

    data : dict
        The training data "X" and its target "y".

    fitted_attributes : callable
        Gives what `estimator` would have as attributes if fit ended now.
    """

    def __init__(self, estimator, context, data, fitted_attributes):
        self.estimator = estimator
        self.context = context
        self.data = data
        self.fitted_attributes = fitted_attributes

    def on_epoch_begin(self, net, **kwargs):
        """Open a task."""
        self.task_ = self.context.subcontext(task_name="epoch")
        self.task_.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_end(self, net, **kwargs):
        """Close the task, and stop the training if a callback asks for it."""
        stop = self.task_.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=self.fitted_attributes,
            **self.data,
        )
        if stop:
            raise StopTraining
