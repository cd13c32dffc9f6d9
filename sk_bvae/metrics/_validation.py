"""What every metric asks of its input, and how it says what it leaves out."""

from numbers import Real

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_consistent_length

from sk_bvae.utils._sklearn import Interval
from sk_bvae.utils._warnings import warn

# The parameters of the metrics that fit a predictor.
SPLIT_CONSTRAINTS = {
    "test_size": [Interval(Real, 0, 1, closed="neither")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
}


def _check_codes(Z, min_samples=2):
    """Return the codes as a finite float64 array of shape (n_samples, n_codes)."""
    return check_array(
        Z, dtype=np.float64, input_name="Z", ensure_min_samples=min_samples
    )


def _check_factors(Y):
    """Return the factors as an integer array of shape (n_samples, n_factors)."""
    Y = check_array(_as_table(Y), dtype=None, input_name="Y", ensure_min_samples=2)
    if Y.dtype.kind in "biu":
        return Y.astype(np.int64, copy=False)
    Y = _as_numbers(Y)
    fractional = np.flatnonzero((np.floor(Y) != Y).any(axis=0))
    if fractional.size:
        column = fractional[0]
        value = Y[Y[:, column] != np.floor(Y[:, column]), column][0]
        raise ValueError(
            f"Y must hold integer factor classes, but column {column} holds {value}. "
            "Encode the values as classes, for example with "
            "sklearn.preprocessing.OrdinalEncoder, or cut a continuous factor into "
            "bins first."
        )
    return Y.astype(np.int64)


def _check_continuous_factors(Y):
    """Return the factors as a finite float64 array of shape (n_samples, n_factors)."""
    Y = check_array(_as_table(Y), dtype=None, input_name="Y", ensure_min_samples=2)
    return _as_numbers(Y)


def _check_codes_and_factors(Z, Y, continuous=False):
    """Check codes and factors, and that they describe the same rows."""
    Z = _check_codes(Z)
    Y = _check_continuous_factors(Y) if continuous else _check_factors(Y)
    check_consistent_length(Z, Y)
    return Z, Y


def _split_rows(Z, Y, test_size, shuffle, rng):
    """Split codes and factors: Z_train, Z_test, Y_train, Y_test."""
    return train_test_split(
        Z,
        Y,
        test_size=test_size,
        shuffle=shuffle,
        random_state=rng if shuffle else None,
    )


def _as_table(Y):
    shape = np.shape(Y)
    if len(shape) == 1:
        raise ValueError(
            "Y must have one column per factor, shape (n_samples, n_factors), but it "
            f"is one-dimensional with shape {shape}. For a single factor pass it as "
            "one column: numpy.reshape(Y, (-1, 1))."
        )
    return Y


def _as_numbers(Y):
    try:
        return check_array(Y, dtype=np.float64, input_name="Y")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Y must hold numbers, but it holds {Y.dtype} values such as "
            f"{Y.flat[0]!r}. Encode the values as integer classes, for example with "
            "sklearn.preprocessing.OrdinalEncoder."
        ) from error


def _encode(y):
    """Number the distinct values of one factor 0, 1, ... and count them."""
    values, classes = np.unique(y, return_inverse=True)
    return classes, len(values)


def _is_constant(A):
    """Tell which columns hold one value only."""
    return A.min(axis=0) == A.max(axis=0)


def _varying_factors(Y, metric):
    """List the columns of Y that vary; name the others in a warning."""
    return _keep_defined(~_is_constant(Y), metric, "hold a single value")


def _learnable_factors(Y_train, metric):
    """List the factors with two classes or more to learn; warn of the others."""
    why = "hold a single value in the training rows"
    return _keep_defined(~_is_constant(Y_train), metric, why)


def _keep_defined(defined, metric, why, columns=None):
    """List the factors for which a metric is defined; name the others in a warning.

    Parameters
    ----------
    defined : ndarray of bool, shape (n_factors,)
        Whether the metric is defined for each factor.

    metric : str
        Name of the metric, for the warning.

    why : str
        What is wrong with the other factors, as a verb phrase of the plural.

    columns : ndarray of int, shape (n_factors,), default=None
        The columns of Y where the factors stand; None for 0, 1, ...

    Returns
    -------
    ndarray of int
        Positions of the factors to keep.
    """
    columns = np.arange(len(defined)) if columns is None else np.asarray(columns)
    if not defined.all():
        missing = ", ".join(str(column) for column in columns[~defined])
        outcome = "left out" if defined.any() else "left out, and no factor remains"
        warn(
            f"{metric}: the factors in columns {missing} of Y {why}, so it is "
            f"undefined for them and they are {outcome}. Score rows in which every "
            "factor varies (shuffle ordered data before splitting it), or drop the "
            "columns.",
            UndefinedMetricWarning,
        )
    return np.flatnonzero(defined)


def _mean_or_nan(values):
    """Average over the factors that were left; NaN, already warned of, if none is."""
    return float(np.mean(values)) if np.size(values) else np.nan


def _warn_undefined(message):
    """Say that a score is not defined for what was given."""
    warn(message, UndefinedMetricWarning)
