"""Unsupervised disentanglement ranking (UDR)."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata
from sklearn.linear_model import Lasso
from sklearn.preprocessing import scale
from sklearn.utils import check_array, check_consistent_length

from sk_bvae.metrics._active_components import ACTIVE_STD, _is_active
from sk_bvae.metrics._validation import _check_codes, _is_constant, _warn_undefined
from sk_bvae.utils._active import ACTIVE_NATS
from sk_bvae.utils._sklearn import StrOptions, validate_params

# As in the published implementation.
LASSO_ALPHA = 0.1


@validate_params(
    {
        "codes": [list, tuple, np.ndarray],
        "kl": [list, tuple, np.ndarray, None],
        "correlation": [StrOptions({"lasso", "spearman"})],
    },
    prefer_skip_nested_validation=True,
)
def unsupervised_disentanglement_ranking(
    codes: Sequence[ArrayLike] | np.ndarray,
    *,
    kl: Sequence[ArrayLike] | np.ndarray | None = None,
    correlation: Literal["lasso", "spearman"] = "lasso",
) -> np.ndarray:
    """Unsupervised disentanglement ranking (UDR) of several models.

    Models that disentangle agree with each other up to the order and the sign of
    their codes; models that do not, entangle in different ways. So a model is scored
    by how far each of its codes corresponds to one code of the other models [1]_. No
    factors are needed. With R the matrix that compares the codes of a partner with the
    model's, a pair scores the mean of (max R)^2 / sum R over the columns, averaged with
    the same over the rows.

    Parameters
    ----------
    codes : sequence of array-like, each of shape (n_samples, n_codes)
        The codes that two models or more give to the same samples; for example
        models that differ in nothing but their seeds. The numbers of codes may
        differ.

    kl : sequence of array-like, each of shape (n_codes,), default=None
        The divergence of each code from its prior in nats, averaged over the
        samples, for each model. Codes with more than 0.01 nats are informative, and
        only they are compared. None takes the codes that
        :func:`active_components` finds by their spread instead.

    correlation : {"lasso", "spearman"}, default="lasso"
        How codes are compared: by the absolute coefficients of a
        :class:`~sklearn.linear_model.Lasso` with ``alpha=0.1`` that predicts the
        model's codes from its partner's, or by absolute rank correlation.

    Returns
    -------
    ndarray of shape (n_models,)
        The median over a model's partners, at least 0. With rank correlation best is
        1; the Lasso shrinks the best attainable score to 0.9.

    Raises
    ------
    ValueError
        If there are fewer than two models, if their codes are not two-dimensional,
        have NaN or infinite values or differ in length, or if `kl` does not match
        `codes`.

    Warns
    -----
    UndefinedMetricWarning
        If a model has no informative code; its pairs count as 0. Where fewer than two
        models have one, all scores are NaN.

    References
    ----------
    .. [1] S. Duan et al., "Unsupervised Model Selection for Variational Disentangled
       Representation Learning", ICLR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_bvae.metrics import unsupervised_disentanglement_ranking
    >>> Z = np.random.RandomState(0).normal(size=(500, 2))
    >>> models = [Z, Z[:, ::-1], -Z]
    >>> unsupervised_disentanglement_ranking(models, correlation="spearman").round(2)
    array([0.99, 0.99, 0.99])
    """
    models = _informative_codes(codes, kl)
    if sum(Z.shape[1] > 0 for Z in models) < 2:
        return np.full(len(models), np.nan)
    compare = {"lasso": _lasso, "spearman": _spearman}[correlation]
    agreement = np.array([_agreements(compare, models, j) for j in range(len(models))])
    of_partners = ~np.eye(len(models), dtype=bool)
    return np.array(
        [
            np.median(own[others])
            for own, others in zip(agreement.T, of_partners, strict=True)
        ]
    )


def _informative_codes(codes, kl):
    """Standardise each model's codes and keep the informative ones."""
    codes = [_check_codes(Z) for Z in codes]
    if len(codes) < 2:
        raise ValueError(
            "UDR compares models with each other: codes must list the codes of two "
            f"models or more, got {len(codes)}."
        )
    check_consistent_length(*codes)
    informative = _are_active(codes) if kl is None else _have_kl(kl, codes)
    dead = [str(model) for model, mask in enumerate(informative) if not mask.any()]
    if dead:
        which = (
            f"model {dead[0]} has"
            if len(dead) == 1
            else f"models {', '.join(dead)} have"
        )
        rest_agrees = len(codes) - len(dead) >= 2
        _warn_undefined(
            f"unsupervised_disentanglement_ranking: {which} no informative code, so "
            + ("such pairs count as 0." if rest_agrees else "all scores are NaN.")
        )
    kept = [Z[:, mask] for Z, mask in zip(codes, informative, strict=True)]
    return [scale(Z) if Z.shape[1] else Z for Z in kept]


def _are_active(codes):
    return [_is_active(Z.var(axis=0, ddof=1), ACTIVE_STD) for Z in codes]


def _have_kl(kl, codes):
    kl = [
        check_array(values, ensure_2d=False, dtype=np.float64, input_name="kl")
        for values in kl
    ]
    wanted = [(Z.shape[1],) for Z in codes]
    if [values.shape for values in kl] != wanted:
        raise ValueError(
            "kl must have one value for each code of each model: expected shapes "
            f"{wanted}, got {[values.shape for values in kl]}."
        )
    return [
        (values > ACTIVE_NATS) & ~_is_constant(Z)
        for values, Z in zip(kl, codes, strict=True)
    ]


def _agreements(compare, models, partner):
    """Say how far each model agrees with one of them, in one comparison with all."""
    agreement = np.zeros(len(models))
    others = [i for i, Z in enumerate(models) if i != partner and Z.shape[1]]
    if not others or not models[partner].shape[1]:
        return agreement
    R = compare(models[partner], np.hstack([models[i] for i in others]))
    ends = np.cumsum([models[i].shape[1] for i in others])[:-1]
    for i, own in zip(others, np.split(R, ends, axis=1), strict=True):
        agreement[i] = _one_to_one(own)
    return agreement


def _lasso(Z_from, Z_to):
    # A seed is drawn for each column, also where the codes are gone through in turn;
    # of a generator of our own, which takes far less time than making one for each.
    rng = np.random.RandomState(0)
    model = Lasso(alpha=LASSO_ALPHA, random_state=rng).fit(Z_from, Z_to)
    return np.abs(model.coef_).reshape(Z_to.shape[1], Z_from.shape[1]).T


def _spearman(Z_from, Z_to):
    ranks_from, ranks_to = (scale(rankdata(Z, axis=0)) for Z in (Z_from, Z_to))
    return np.abs(ranks_from.T @ ranks_to) / len(ranks_from)


def _one_to_one(R):
    """How far each row and each column of a matrix has one large entry."""
    sides = []
    for axis in (0, 1):
        largest, total = R.max(axis=axis), R.sum(axis=axis)
        strength = np.divide(
            largest**2, total, out=np.zeros_like(total), where=total > 0
        )
        sides.append(strength.mean())
    return float(np.mean(sides))
