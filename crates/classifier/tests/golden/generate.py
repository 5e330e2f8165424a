"""Writes scikit_learn.json: what scikit-learn answers on a small made-up table without tied distances.

python3 -m pip install numpy scikit-learn && python3 generate.py
"""

import json
import pathlib

import numpy
import sklearn
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import MinMaxScaler, StandardScaler

N_ROWS, N_QUERIES, K = 80, 12, 5
random = numpy.random.RandomState(20)


def table(n):
    """Decimals, integers, a wide float, a constant, a group of three: every way a column can be stored."""
    one_hot = numpy.eye(3)[random.randint(0, 3, n)]
    columns = [
        random.randint(0, 10_000, n) / 1000,
        random.randint(-300, 300, n),
        random.standard_normal(n) * 1e-3,
        random.standard_normal(n).astype(numpy.float32),
        numpy.full(n, 4.5),
        *one_hot.T,
    ]
    return numpy.column_stack([numpy.asarray(column, dtype=float) for column in columns])


rows, queries = table(N_ROWS), table(N_QUERIES)
# Two rows among the queries: neighbours at distance 0 vote alone, where votes go by distance.
queries = numpy.vstack([queries, rows[[3, 17]]])
labels = random.randint(0, 4, N_ROWS)
weights = [1.0, 0.25, 400.0, 3.0, 1.0, 0.0, 2.0, 0.5]
cases = []
for preparation, scaler in [("raw", None), ("standard", StandardScaler()), ("min-max", MinMaxScaler())]:
    x = rows if scaler is None else scaler.fit_transform(rows)
    q = queries if scaler is None else scaler.transform(queries)
    for metric, p in [("euclidean", 2), ("manhattan", 1)]:
        for w in [None, weights]:
            for voting in ["uniform", "distance"]:
                # Ball trees add up differences; brute force would take Euclidean distances from dot products, half the digits.
                model = KNeighborsClassifier(
                    K, p=p, weights=voting, algorithm="ball_tree", metric_params=w and {"w": numpy.array(w)}
                ).fit(x, labels)
                distances, neighbours = model.kneighbors(q, K + 1)
                assert (numpy.diff(distances) > 1e-9).all(), "tied distances: choose another seed"
                cases.append({
                    "preparation": preparation,
                    "metric": metric,
                    "feature_weights": w or [],
                    "voting": voting,
                    "neighbours": neighbours[:, :K].tolist(),
                    "distances": distances[:, :K].tolist(),
                    "predicted": model.predict(q).tolist(),
                    "shares": model.predict_proba(q).tolist(),
                })

golden = {
    "versions": {"scikit-learn": sklearn.__version__, "numpy": numpy.__version__},
    "k": K,
    "rows": rows.tolist(),
    "labels": labels.tolist(),
    "queries": queries.tolist(),
    "cases": cases,
}
path = pathlib.Path(__file__).with_name("scikit_learn.json")
path.write_text(json.dumps(golden).replace("], [", "],\n[").replace("}, {", "},\n{") + "\n")
