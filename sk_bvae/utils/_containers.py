"""Rows in the container that they came in."""

from sk_bvae.utils._sklearn import ADAPTERS, check_feature_names, output_container


def like_input(filled, changed, X, estimator):
    """Put rows, of which some columns were filled, into what they came in.

    Parameters
    ----------
    filled : ndarray of shape (n_samples, n_features)
        The rows.

    changed : iterable of int
        Places of the columns that were filled.

    X : array-like of shape (n_samples, n_features)
        What they came in.

    estimator : estimator instance
        Whose `set_output`, where it was called, asks for another container.

    Returns
    -------
    container : ndarray or DataFrame of shape (n_samples, n_features)
        A DataFrame's columns keep their dtype, unless they were filled and it cannot
        hold what they were filled with.
    """
    wanted = output_container("transform", estimator)["dense"]
    library = type(X).__module__.partition(".")[0]
    if library in FILL and wanted in ("default", library):
        return FILL[library](X, filled, changed)
    if wanted == "default":
        return filled
    names = check_feature_names(estimator)
    return ADAPTERS[wanted].create_container(filled, X, names)


def _fill_pandas(X, filled, changed):
    X = X.copy()
    for place in changed:
        old = X.iloc[:, place]
        dtype = old.dtype if old.dtype.kind == "f" else filled.dtype
        X.isetitem(place, type(old)(filled[:, place], index=X.index, dtype=dtype))
    return X


def _fill_polars(X, filled, changed):
    for place in changed:
        old = X.to_series(place)
        dtype = old.dtype if old.dtype.is_float() else None
        X = X.with_columns(type(old)(old.name, filled[:, place], dtype=dtype))
    return X


FILL = {"pandas": _fill_pandas, "polars": _fill_polars}
