"""Warnings that point to the user's line."""

import inspect
import warnings

# What may stand between a call of the user's and what warns.
BETWEEN = {"sk_bvae", "sklearn", "skorch", "joblib", "pickle", "skops"}


def warn(message, category=UserWarning):
    """Warn of the line that called into these libraries.

    A fixed ``stacklevel`` would depend on every decorator on the way.

    Parameters
    ----------
    message : str or Warning
        What is said.

    category : type, default=UserWarning
        The class of a message that is a string.
    """
    frame, level = inspect.currentframe(), 1
    while frame.f_back is not None and _library(frame) in BETWEEN:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _library(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
