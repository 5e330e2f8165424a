"""What scikit-learn says of the readings that the page has labelled.

    python reference.py QUESTION.json        (lib/reference.mjs writes it)

QUESTION: `csv`, the split as `sensor-sim datasets export` wrote it (part, row, features..., label); `classes`, names in
the order of the class ids; `k`; `n_readings`, of which reading i is row i of the stream, from the start again at the
end; `scaling`, null or `{kind, offset, scale}`, the served model's own; `algorithm`, scikit-learn's.
Prints one JSON object: `predicted`, `true_labels`, `k`, `votes`, `distances`, `accuracy`, `confusion`, `plain_agreement`.

scikit-learn leaves ties open, and its standardisation may differ from ours in the last bit. So it is asked for more
neighbours than needed, and the documented rule (squared distance in f64, then training row; votes equal, then the
smallest class) chooses among them; that enough were asked for is checked. `plain_agreement` is the share of readings
on which its own `KNeighborsClassifier.predict`, ties as they fall, says the same.
"""

import csv
import json
import sys

import numpy as np
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.preprocessing import MinMaxScaler, StandardScaler

N_SPARE = 50


def read_split(path, classes):
    """(features, class ids) of the training part and of the stream, in the split's order."""
    class_ids = {name: class_id for class_id, name in enumerate(classes)}
    with open(path, newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        n_columns = len(next(rows))
        parts, labels = zip(*((row[0], class_ids[row[-1]]) for row in rows))
    features = np.loadtxt(
        path, delimiter=",", skiprows=1, usecols=range(2, n_columns - 1), quotechar='"', encoding="utf-8", comments=None
    )
    is_training = np.array(parts) == "training"
    labels = np.array(labels)
    return features[is_training], labels[is_training], features[~is_training], labels[~is_training]


def check_scaling(training, scaling):
    """The served scaling must be scikit-learn's, but for rounding."""
    if scaling["kind"] == "standard":
        scaler = StandardScaler().fit(training)
        offset, scale = scaler.mean_, scaler.scale_
    else:
        scaler = MinMaxScaler().fit(training)
        offset, scale = scaler.data_min_, scaler.data_range_
        scale = np.where(scale == 0, 1, scale)
    np.testing.assert_allclose(scaling["offset"], offset, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scaling["scale"], scale, rtol=1e-9)


def squared_distances(queries, training, rows):
    """Summed in feature order in f64, as the definition has it."""
    sums = np.zeros(rows.shape)
    for feature in range(training.shape[1]):
        differences = queries[:, feature, None] - training[rows, feature]
        sums += differences * differences
    return sums


def nearest(search, queries, training, k):
    """Training rows and squared distances of each query's k nearest, by (squared distance, row)."""
    n_asked = min(k + N_SPARE, len(training))
    while True:
        distances, rows = search.kneighbors(queries, n_neighbors=n_asked)
        dist_sq = squared_distances(queries, training, rows)
        order = np.lexsort((rows, dist_sq))[:, :k]
        kept = np.take_along_axis(dist_sq, order, axis=1)
        # A row that was not returned is no nearer than the farthest returned, but for rounding.
        is_certain = kept[:, -1] < (distances.max(axis=1) ** 2) * (1 - 1e-9)
        if is_certain.all() or n_asked == len(training):
            return np.take_along_axis(rows, order, axis=1), kept
        n_asked = min(4 * n_asked, len(training))


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        question = json.load(file)
    n_classes, k = len(question["classes"]), question["k"]
    training, training_labels, stream, stream_labels = read_split(question["csv"], question["classes"])
    passes = np.arange(question["n_readings"]) % len(stream)
    queries, true_labels = stream[passes], stream_labels[passes]
    if question["scaling"] is not None:
        check_scaling(training, question["scaling"])
        offset, scale = np.array(question["scaling"]["offset"]), np.array(question["scaling"]["scale"])
        training, queries = (training - offset) / scale, (queries - offset) / scale

    search = NearestNeighbors(algorithm=question["algorithm"], n_jobs=-1).fit(training)
    rows, dist_sq = nearest(search, queries, training, k)
    votes = np.zeros((len(queries), n_classes), dtype=int)
    np.add.at(votes, (np.arange(len(queries))[:, None], training_labels[rows]), 1)
    predicted = votes.argmax(axis=1)  # The first of equal ones: the smallest class.

    confusion = np.zeros((n_classes, n_classes), dtype=int)
    np.add.at(confusion, (true_labels, predicted), 1)
    plain = KNeighborsClassifier(k, algorithm=question["algorithm"], n_jobs=-1).fit(training, training_labels)
    answer = {
        "predicted": predicted.tolist(),
        "true_labels": true_labels.tolist(),
        "k": k,
        "votes": votes.tolist(),
        "distances": np.sqrt(dist_sq[:, 0]).tolist(),
        "accuracy": int((predicted == true_labels).sum()) / len(queries),
        "confusion": confusion.tolist(),
        "plain_agreement": float((plain.predict(queries) == predicted).mean()),
    }
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
