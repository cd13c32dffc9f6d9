"""A checkpoint that keeps what a model was on the way."""

import shutil

from models import FOLDER

from sk_bvae.callbacks import Checkpoint


class Snapshots(Checkpoint):
    """A checkpoint of which copies are kept from after some epochs.

    Without any, every fourth epoch is enough: writing one takes half as long as an
    epoch, since the KL that it tells is of all images.
    """

    def __init__(self, path, kept):
        super().__init__(path, every=1 if kept else 4)
        self.kept = kept

    def on_fit_task_end(self, estimator, context):
        super().on_fit_task_end(estimator, context)
        if context.task_name == "epoch" and estimator._epochs_so_far() in self.kept:
            name = f"{self.path.stem}_epoch_{estimator._epochs_so_far()}.joblib"
            shutil.copy(self.path, FOLDER / name)
