"""Times native Python implementations as js/measure.mjs times the JavaScript ones: python harness.py DATA_FOLDER JOBS

JOBS is a JSON list of jobs with the fields of js/measure.mjs; each result is a line of JSON on stdout. Everything runs
on one thread, one query at a time, each query once.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import gc
import json
import resource
import sys
import time

import numpy as np

from cases import Case

MAX_WARM_UP = 200
MIN_QUERIES = 3


def scikit_learn(algorithm):
    def create(case, k):
        from sklearn.neighbors import NearestNeighbors

        model = NearestNeighbors(n_neighbors=k, algorithm=algorithm).fit(case.training)
        return case.queries, lambda query: model.kneighbors(query[None], return_distance=False)[0]

    return create


def scipy_tree(case, k):
    from scipy.spatial import cKDTree

    tree = cKDTree(case.training)
    neighbours = range(1, k + 1)
    return case.queries, lambda query: tree.query(query, neighbours)[1]


def faiss_flat(case, k):
    import faiss

    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatL2(case.n_features)
    index.add(case.training.astype(np.float32))
    return case.queries.astype(np.float32), lambda query: index.search(query[None], k)[1][0]


def hnswlib_graph(case, k):
    import hnswlib

    index = hnswlib.Index(space="l2", dim=case.n_features)
    index.init_index(max_elements=len(case.training), ef_construction=200, M=16)
    index.set_num_threads(1)
    index.add_items(case.training.astype(np.float32), num_threads=1)
    index.set_ef(16)
    return case.queries.astype(np.float32), lambda query: index.knn_query(query, k, num_threads=1)[0][0].astype(np.int64)


def usearch_graph(case, k):
    from usearch.index import Index

    index = Index(ndim=case.n_features, metric="l2sq", dtype="f32")
    index.add(np.arange(len(case.training)), case.training.astype(np.float32), threads=1)
    return case.queries.astype(np.float32), lambda query: index.search(query, k, threads=1).keys.astype(np.int64)


DRIVERS = {
    "sklearn-kd-tree": scikit_learn("kd_tree"),
    "sklearn-ball-tree": scikit_learn("ball_tree"),
    "sklearn-brute": scikit_learn("brute"),
    "scipy-ckdtree": scipy_tree,
    "faiss-flat": faiss_flat,
    "hnswlib": hnswlib_graph,
    "usearch-hnsw-python": usearch_graph,
}


def summary(micros):
    """As `summary` in js/clock.mjs."""
    times = np.sort(micros)
    at = lambda share: float(times[min(len(times) - 1, int(len(times) * share))])
    p99 = at(0.99) if len(times) >= 100 else None
    return {"n": len(times), "mean": float(times.mean()), "p50": at(0.5), "p99": p99, "max": float(times[-1])}


def rss_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def measure(data_folder, job):
    case = Case(data_folder, job["case"], job["form"], job.get("n_training"))
    k = job.get("k", case.k)
    start = time.perf_counter()
    queries, search = DRIVERS[job["driver"]](case, k)
    build_millis = (time.perf_counter() - start) * 1e3
    case.training = None
    gc.collect()

    budget = job["budget_millis"] / 1e3
    n_warm_up, start = 0, time.perf_counter()
    while n_warm_up == 0 or (n_warm_up < min(MAX_WARM_UP, len(queries) // 10) and time.perf_counter() - start < budget / 5):
        search(queries[len(queries) - 1 - n_warm_up])
        n_warm_up += 1
    n_fresh = len(queries) - n_warm_up

    micros, classes, found = [], [], []
    deadline = time.perf_counter() + budget
    while len(micros) < MIN_QUERIES or (time.perf_counter() < deadline and len(micros) < n_fresh):
        query = queries[len(micros)]
        start = time.perf_counter()
        rows = search(query)
        answer = case.vote(rows)
        micros.append((time.perf_counter() - start) * 1e6)
        classes.append(answer)
        found.append(rows)
    memory = {"rss_bytes": rss_bytes(), "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}

    n_known = 0 if case.truth is None or k != case.k else len(case.truth)
    until = time.perf_counter() + job.get("compare_millis", 0) / 1e3
    while len(found) < n_known and time.perf_counter() < until:
        found.append(search(queries[len(found)]))
    compared = found[:n_known]
    differing = [[idx, *map(int, rows)] for idx, rows in enumerate(compared) if list(rows) != list(case.truth[idx])]
    n_right = int((np.array(classes) == case.query_labels[: len(classes)]).sum())
    return {
        **job,
        "environment": "Python",
        "build_millis": build_millis,
        "latency_micros": {**summary(micros), "batch": 1, "n_queries": len(micros)},
        "accuracy": {"n": len(classes), "n_right": n_right},
        "memory": memory,
        "compared": {"n": len(compared), "n_other_rows": len(differing), "differing": differing},
    }


if __name__ == "__main__":
    for job in json.loads(sys.argv[2]):
        print(json.dumps(measure(sys.argv[1], job)), flush=True)
