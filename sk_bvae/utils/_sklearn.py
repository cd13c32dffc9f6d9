"""The one door to names that scikit-learn keeps private."""

from sklearn.base import _fit_context as fit_context
from sklearn.model_selection._search import (
    _yield_masked_array_for_each_param as yield_masked_array_for_each_param,
)
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
    StrOptions,
    validate_params,
)

# What callbacks keep in an estimator from the beginning of its fit to their teardown.
CALLBACKS_DURING_A_FIT = (
    "_callback_fit_ctx",
    "_parent_callback_ctx",
    "_skl_callbacks_to_teardown",
)

__all__ = [
    "CALLBACKS_DURING_A_FIT",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "StrOptions",
    "fit_context",
    "validate_params",
    "yield_masked_array_for_each_param",
]
