"""A file from which a fit that was killed goes on."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import joblib
import numpy as np

# Rows that data is told from other data by.
FINGERPRINT_ROWS = 1024


class Checkpoint:
    """Write the fitted estimator to a file every few epochs, and go on from it.

    A callback for ``set_callbacks``. Where the file exists when `fit` begins, and was
    written by a fit of the same parameters to the same data, `fit` goes on from there
    and ends, with the same number of threads, in the bits in which it would have ended
    without the interruption: after a kill, run the same program again. A fit that is
    finished is not repeated; delete the file to start anew. The file is replaced in one
    step, so that it is whole at every moment.

    Parameters
    ----------
    path : str or path-like
        The file, which ``joblib.load`` reads: a fitted estimator.

    every : int, default=1
        Epochs between two writings. The last epoch is always written.

    Notes
    -----
    Callbacks of skorch in ``net_params`` start anew when a fit goes on. Loading a
    joblib file runs code that it holds: use files that you trust.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import BetaVAE
    >>> from sk_bvae.callbacks import Checkpoint
    >>> X, _ = load_digits(return_X_y=True)
    >>> path = Path(tempfile.mkdtemp()) / "vae.joblib"
    >>> vae = BetaVAE(max_iter=3, random_state=0)
    >>> vae.set_callbacks(Checkpoint(path, every=2)).fit(X).n_iter_
    3
    >>> import joblib
    >>> joblib.load(path).transform(X).shape
    (1797, 10)
    """

    def __init__(self, path: str | os.PathLike, every: int = 1) -> None:
        self.path = path
        self.every = every

    def setup(self, estimator: Any, context: Any) -> None:
        """Refuse what cannot be written to, before the training.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.

        context : CallbackContext
            The fit.
        """
        folder = Path(self.path).absolute().parent
        if not folder.is_dir():
            raise FileNotFoundError(
                f"Checkpoint(path={str(self.path)!r}): the folder {folder} does not "
                "exist."
            )

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing: the file stays.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that was fitted.

        context : CallbackContext
            The fit.
        """

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.

        context : CallbackContext
            The task.
        """

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Write the file, where it is time.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.

        context : CallbackContext
            The task: an epoch, or the fit as a whole.
        """
        if context.task_name != "epoch":
            write(estimator, self.path)
        elif estimator._epochs_so_far() % self.every == 0:
            write(estimator._fitted_so_far(), self.path)

    def load(self) -> Any:
        """Read the file.

        Returns
        -------
        estimator : estimator instance or None
            The fitted estimator; None where there is no file.
        """
        return joblib.load(self.path) if Path(self.path).exists() else None


def find_checkpoint(estimator):
    """Return the `Checkpoint` among an estimator's callbacks, if there is one."""
    callbacks = getattr(estimator, "_skl_callbacks", [])
    return next((one for one in callbacks if isinstance(one, Checkpoint)), None)


def write(thing, path):
    """Replace a file in one step: whoever reads it finds the old one or the new."""
    path = Path(path).absolute()
    unfinished = {"dir": path.parent, "prefix": f".{path.name}.", "delete": False}
    with NamedTemporaryFile(**unfinished) as new:
        try:
            joblib.dump(thing, new)
            new.flush()
            os.fsync(new.fileno())
            os.replace(new.name, path)
        except BaseException:
            Path(new.name).unlink(missing_ok=True)
            raise


def fingerprint(X):
    """Tell data from other data, by its shape and some of its rows."""
    stride = -(-len(X) // FINGERPRINT_ROWS)
    return joblib.hash((X.shape, str(X.dtype), np.ascontiguousarray(X[::stride])))
