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

__all__ = [
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "StrOptions",
    "fit_context",
    "validate_params",
    "yield_masked_array_for_each_param",
]
