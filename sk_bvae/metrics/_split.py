"""Training and test rows for the metrics that fit a predictor."""

from numbers import Real

from sklearn.model_selection import train_test_split

from sk_bvae.metrics._validation import _is_constant, _keep_defined
from sk_bvae.utils._sklearn import Interval

SPLIT_CONSTRAINTS = {
    "test_size": [Interval(Real, 0, 1, closed="neither")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
}


def _split_rows(Z, Y, test_size, shuffle, rng):
    """Split codes and factors: Z_train, Z_test, Y_train, Y_test."""
    return train_test_split(
        Z,
        Y,
        test_size=test_size,
        shuffle=shuffle,
        random_state=rng if shuffle else None,
    )


def _learnable_factors(Y_train, metric):
    """List the factors with two classes or more to learn; warn of the others."""
    why = "hold a single value in the training rows"
    return _keep_defined(~_is_constant(Y_train), metric, why)
