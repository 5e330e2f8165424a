"""Scores of random labels by scikit-learn and statsmodels, the outside oracle of tests/scikit_learn.rs.

Run as `python scikit_learn.py > scikit_learn.json`; the versions that made the committed file are in it.
The baselines have no function in scikit-learn: their predictions are made here by their definition and scored by it.
"""

import json
import random
from collections import Counter

import sklearn
import statsmodels
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix
from statsmodels.stats.proportion import proportion_confint


def stream(n, n_classes, share_correct, stickiness, seed):
    """Labels that stay for a while, and predictions that are right more often than by chance."""
    rng = random.Random(seed)
    true, predicted = [], []
    for t in range(n):
        stay = t > 0 and rng.random() < stickiness
        true.append(true[-1] if stay else rng.randrange(n_classes))
        predicted.append(true[-1] if rng.random() < share_correct else rng.randrange(n_classes))
    return true, predicted


def no_change(true):
    return [None] + true[:-1]


def majority(true):
    counts, out = Counter(), []
    for label in true:
        out.append(min((c for c in counts if counts[c] == max(counts.values())), default=None))
        counts[label] += 1
    return out


def share(true, predicted):
    # -1 is no class: the first row of a baseline is wrong.
    return accuracy_score(true, [-1 if p is None else p for p in predicted])


def scores(true, predicted, no_change, majority):
    accuracy = accuracy_score(true, predicted)
    n_correct = sum(t == p for t, p in zip(true, predicted))
    m, t = share(true, majority), share(true, no_change)
    return {
        "accuracy": accuracy,
        "accuracy_interval": proportion_confint(n_correct, len(true), alpha=0.05, method="wilson"),
        "baseline_no_change": t,
        "baseline_majority": m,
        "kappa": cohen_kappa_score(true, predicted),
        "kappa_m": (accuracy - m) / (1 - m),
        "kappa_t": (accuracy - t) / (1 - t),
    }


def case(n, n_classes, share_correct, stickiness, window, seed):
    true, predicted = stream(n, n_classes, share_correct, stickiness, seed)
    columns = (true, predicted, no_change(true), majority(true))
    return {
        "n_classes": n_classes,
        "window": window,
        "true": "".join(map(str, true)),
        "predicted": "".join(map(str, predicted)),
        "confusion": confusion_matrix(true, predicted, labels=range(n_classes)).tolist(),
        "cumulative": scores(*columns),
        "windowed": scores(*(column[-window:] for column in columns)),
    }


print(json.dumps({
    "made_with": {"scikit-learn": sklearn.__version__, "statsmodels": statsmodels.__version__},
    "cases": [
        case(300, 2, 0.5, 0.0, 100, seed=1),
        case(300, 7, 0.6, 0.5, 50, seed=2),
        case(300, 10, 0.0, 0.9, 299, seed=3),
        case(300, 3, 0.95, 0.8, 1000, seed=4),
    ],
}, indent=1))
