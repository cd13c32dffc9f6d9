"""Files from which a fit or a search that was killed goes on."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import joblib

from sk_bvae.training.fingerprints import hash_of


class Quiet:
    """A callback of scikit-learn's that does nothing yet."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing before the fit.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.

        context : CallbackContext
            The fit.
        """

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing after the fit: what was written stays.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that was fitted.

        context : CallbackContext
            The fit.
        """

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing as a task begins.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.

        context : CallbackContext
            The task.
        """

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Do nothing as a task ends.

        Parameters
        ----------
        estimator : estimator instance
            The estimator that is fitted.

        context : CallbackContext
            The task.
        """


class Checkpoint(Quiet):
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
        if not hasattr(estimator, "_fitted_so_far"):
            raise TypeError(
                "Checkpoint is for the fit of one model. For a search, as by "
                f"{type(estimator).__name__}, there is SearchCheckpoint(folder)."
            )
        folder = Path(self.path).absolute().parent
        if not folder.is_dir():
            raise FileNotFoundError(
                f"Checkpoint(path={str(self.path)!r}): the folder {folder} does not "
                "exist."
            )

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


class SearchCheckpoint(Quiet):
    """Keep the replicas that a search has trained, and do not train them again.

    A callback for ``set_callbacks`` of `sk_bvae.model_selection.ReplicaGridSearch`.
    Each stack of replicas is written to a file of its own when its training ends,
    in one step, so that the file is whole or is not there. After a kill, run the same
    program again: what is in the folder is taken from there, judged like all others,
    and the search ends in the bits in which it would have ended. Files are found by
    what was trained, on which data: a search over a longer grid takes what it can use,
    and another scoring can judge the same replicas.

    Parameters
    ----------
    folder : str or path-like
        Where the files are. It is made if it does not exist. With workers on several
        machines, all have to see it.

    Notes
    -----
    Stacks with a replica whose fit failed are not written, and so tried again. A
    replica takes as much of the disk as its pickle: weights, and the optimizer's
    moments, which are twice as large. Loading these files runs code that they hold:
    use folders that you trust.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_digits
    >>> from sk_bvae import BetaVAE
    >>> from sk_bvae.callbacks import SearchCheckpoint
    >>> from sk_bvae.model_selection import ReplicaGridSearch
    >>> X, _ = load_digits(return_X_y=True)
    >>> search = ReplicaGridSearch(
    ...     BetaVAE(max_iter=3), {"beta": [1, 4]}, n_replicas=3, random_state=0
    ... )
    >>> folder = tempfile.mkdtemp()
    >>> search.set_callbacks(SearchCheckpoint(folder)).fit(X).transform(X).shape
    (1797, 10)
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = folder

    def setup(self, estimator: Any, context: Any) -> None:
        """Make the folder, and refuse what could not be found again.

        Parameters
        ----------
        estimator : ReplicaGridSearch
            The search.

        context : CallbackContext
            Its fit.
        """
        name = type(estimator).__name__
        if not hasattr(estimator, "n_replicas"):
            raise TypeError(
                "SearchCheckpoint is for ReplicaGridSearch. For the fit of one model, "
                f"as by {name}, there is Checkpoint(path)."
            )
        if estimator.random_state is None:
            raise ValueError(
                f"SearchCheckpoint asks for an integer as random_state of {name}: "
                "with None, the program would draw other seeds when it is run again."
            )
        Path(self.folder).mkdir(parents=True, exist_ok=True)

    def file_of(self, trained: Any) -> Path:
        """Name the file of a stack.

        Parameters
        ----------
        trained : object
            All that the stack's weights depend on.

        Returns
        -------
        path : Path
            Where it is, or would be.
        """
        return Path(self.folder) / f"{hash_of(trained)}.joblib"


def find_checkpoint(estimator, kind=Checkpoint):
    """Return the checkpoint among an estimator's callbacks, if there is one."""
    callbacks = getattr(estimator, "_skl_callbacks", [])
    return next((one for one in callbacks if isinstance(one, kind)), None)


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
