"""Time the metrics against the scikit-learn calls, one a pair, that they replace.

Prints the median of the ratios of interleaved runs on (10,000, 10) codes and
(10,000, 5) factors; below 1 this package is faster. Then a report of all metrics on
3,000 rows, with factors one by one and two at a time: the wall clock of a machine that
does something else too says little, and the seconds of its processors say more.
"""

from itertools import combinations_with_replacement
from time import perf_counter, process_time

import numpy as np
from sklearn.covariance import empirical_covariance
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import mutual_info_score
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

from sk_bvae.metrics import (
    disentanglement_report,
    gaussian_total_correlation,
    modularity_score,
    mutual_info_gap,
    mutual_info_matrix,
    sap_score,
)

FACTOR_SIZES = [3, 6, 40, 32, 32]


def make_data(n_samples=10_000, n_codes=10):
    """Draw factors like those of dSprites, and codes that know half of them."""
    rng = np.random.RandomState(0)
    Y = rng.randint(FACTOR_SIZES, size=(n_samples, len(FACTOR_SIZES)))
    Z = rng.normal(size=(n_samples, n_codes))
    Z[:, : Y.shape[1]] += Y / np.array(FACTOR_SIZES) * 4
    return Z, Y


def cut(Z):
    """Bin each code by NumPy's histogram."""
    return [np.digitize(z, np.histogram(z, 20)[1][:-1]) for z in Z.T]


def information_per_pair(Z, Y):
    """Call mutual_info_score on each pair of a binned code and a factor."""
    return np.array([[mutual_info_score(b, y) for y in Y.T] for b in cut(Z)])


def gap_per_pair(Z, Y):
    """Compute MIG from per-pair calls."""
    entropy = [mutual_info_score(y, y) for y in Y.T]
    information = np.sort(information_per_pair(Z, Y), axis=0)
    return np.mean((information[-1] - information[-2]) / entropy)


def modularity_per_pair(Z, Y):
    """Compute modularity from per-pair calls."""
    squared = information_per_pair(Z, Y) ** 2
    best = squared.max(axis=1)
    return np.mean(1 - (squared.sum(axis=1) - best) / best / (Y.shape[1] - 1))


def sap_per_pair(Z, Y):
    """Fit a LinearSVC to each pair of a code and a factor."""
    Z, Z_test, Y, Y_test = train_test_split(
        Z, Y, test_size=0.5, random_state=np.random.RandomState(0)
    )
    S = np.empty((Z.shape[1], Y.shape[1]))
    for d, k in np.ndindex(S.shape):
        model = LinearSVC(C=0.01, class_weight="balanced", random_state=0)
        S[d, k] = model.fit(Z[:, [d]], Y[:, k]).score(Z_test[:, [d]], Y_test[:, k])
    S.sort(axis=0)
    return np.mean(S[-1] - S[-2])


def total_correlation_per_pair(Z):
    """Call empirical_covariance on each pair of codes."""
    S = np.empty((Z.shape[1], Z.shape[1]))
    for i, j in combinations_with_replacement(range(len(S)), 2):
        S[i, j] = S[j, i] = empirical_covariance(Z[:, [i, j]])[0, 1]
    return 0.5 * (np.log(np.diag(S)).sum() - np.linalg.slogdet(S)[1])


def median_ratio(ours, theirs, n_runs):
    """Time both in turn; return the median ratio and both medians."""
    times = np.array([[clock(ours), clock(theirs)] for _ in range(n_runs + 1)])[1:]
    return np.median(times[:, 0] / times[:, 1]), *np.median(times, axis=0)


def clock(function):
    """Return the seconds that one call takes."""
    start = perf_counter()
    function()
    return perf_counter() - start


def compare_with_calls_per_pair():
    """Print a line for each metric."""
    Z, Y = make_data()
    rows = [
        (mutual_info_matrix, information_per_pair, (Z, Y), {}, 7),
        (mutual_info_gap, gap_per_pair, (Z, Y), {}, 7),
        (modularity_score, modularity_per_pair, (Z, Y), {}, 7),
        (sap_score, sap_per_pair, (Z, Y), {"random_state": 0}, 3),
        (gaussian_total_correlation, total_correlation_per_pair, (Z,), {}, 15),
    ]
    print(f"{'metric':28}{'ratio':>8}{'ms':>10}{'per pair, ms':>14}{'differ by':>12}")
    for ours, theirs, args, options, n_runs in rows:
        difference = np.abs(ours(*args, **options) - theirs(*args)).max()
        ratio, *seconds = median_ratio(
            lambda: ours(*args, **options),  # noqa: B023
            lambda: theirs(*args),  # noqa: B023
            n_runs,
        )
        times = f"{seconds[0] * 1e3:10.1f}{seconds[1] * 1e3:14.1f}"
        print(f"{ours.__name__:28}{ratio:8.3f}{times}{difference:12.1e}")


def time_reports():
    """Print two lines for each estimator of DCI."""
    Z, Y = make_data(3_000)
    print(f"{'report, DCI by':28}{'n_jobs':>8}{'s':>10}{'CPU s':>14}{'differ by':>12}")
    forest = RandomForestClassifier(max_features=None)
    estimators = {"gradient boosting": None, "random forest": forest}
    for label, estimator in estimators.items():
        params = {"dci": {"estimator": estimator}}
        reports = []
        for n_jobs in (1, 2):
            start, cpu_start = perf_counter(), process_time()
            report = disentanglement_report(
                Z, Y, metric_params=params, random_state=0, n_jobs=n_jobs
            )
            seconds, cpu = perf_counter() - start, process_time() - cpu_start
            reports.append(np.array(list(report.values())))
            difference = np.abs(reports[-1] - reports[0]).max()
            print(f"{label:28}{n_jobs:8}{seconds:10.1f}{cpu:14.1f}{difference:12.1e}")


if __name__ == "__main__":
    compare_with_calls_per_pair()
    time_reports()
