"""What scikit-learn's KNeighborsClassifier says of data sets, and what safetensors says of model files.

    python reference.py compare WINE_QUALITY.csv      prints {"sets": [...], "cases": [...]}
    python reference.py file MODEL.safetensors        prints {"tensors": {name: [type, shape]}, "metadata": {...}}

`sets`: name, n_features, training and queries (row after row), labels. `cases`: the set, the options in the package's
words, and scikit-learn's `predict`, `predict_proba` and `kneighbors` for k + 1 neighbours, by which one sees where row
k and row k + 1 tie.
"""

import json
import sys

import numpy as np
from sklearn.datasets import load_iris, load_wine
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import MinMaxScaler, StandardScaler

PREPARATIONS = {"raw": None, "standard": StandardScaler, "min-max": MinMaxScaler}
METRICS = {"euclidean": 2, "manhattan": 1}


def split(name, features, labels):
    order = np.random.default_rng(1).permutation(len(features))
    n_queries = min(len(features) // 3, 250)
    queries, training = order[:n_queries], order[n_queries:]
    return name, features[training], labels[training], features[queries]


def data_sets(wine_quality):
    yield split("Iris", *load_iris(return_X_y=True))
    yield split("Wine", *load_wine(return_X_y=True))
    table = np.loadtxt(wine_quality, delimiter=";", skiprows=1)
    qualities, labels = np.unique(table[:, -1], return_inverse=True)
    assert len(qualities) == 7
    yield split("White Wine Quality", table[:, :-1], labels)


def case(name, training, labels, queries, preparation, metric, weights, k, feature_weights):
    if PREPARATIONS[preparation]:
        scaler = PREPARATIONS[preparation]().fit(training)
        training, queries = scaler.transform(training), scaler.transform(queries)
    # Without weights scikit-learn takes the distances of euclidean_distances, which cancel: brute force over "minkowski"
    # with its own sums is the one that says what the documentation does.
    w = np.ones(training.shape[1]) if feature_weights is None else np.array(feature_weights)
    model = KNeighborsClassifier(
        k, weights=weights, algorithm="brute", metric="minkowski", p=METRICS[metric], metric_params={"w": w}
    ).fit(training, labels)
    return {
        "set": name,
        "options": {"preparation": preparation, "metric": metric, "weights": weights, "k": k}
        | ({} if feature_weights is None else {"featureWeights": feature_weights}),
        "predicted": model.predict(queries).tolist(),
        "shares": model.predict_proba(queries).tolist(),
        "distances": model.kneighbors(queries, k + 1)[0].tolist(),
    }


def compare(wine_quality):
    sets, cases = [], []
    for data in data_sets(wine_quality):
        name, training, labels, queries = data
        n_features = training.shape[1]
        sets.append(
            {
                "name": name,
                "n_features": n_features,
                "training": training.ravel().tolist(),
                "labels": labels.tolist(),
                "queries": queries.ravel().tolist(),
            }
        )
        for preparation in PREPARATIONS:
            for metric in METRICS:
                for weights in ["uniform", "distance"]:
                    for k in [1, 5]:
                        cases.append(case(*data, preparation, metric, weights, k, None))
        feature_weights = [(i % 4) / 2 for i in range(n_features)]
        for metric in METRICS:
            cases.append(case(*data, "standard", metric, "distance", 5, feature_weights))
            # Whole weights, for which rows that tie without them often still tie.
            cases.append(case(*data, "raw", metric, "uniform", 5, [1 + i % 3 for i in range(n_features)]))
    json.dump({"sets": sets, "cases": cases}, sys.stdout)


def read_file(path):
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        described = {name: [str(tensor.dtype), list(tensor.shape)] for name, tensor in tensors.items()}
        json.dump({"tensors": described, "metadata": file.metadata()}, sys.stdout)


if __name__ == "__main__":
    {"compare": compare, "file": read_file}[sys.argv[1]](sys.argv[2])
