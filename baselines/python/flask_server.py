"""scikit-learn behind Flask, one query a request, as the paper serves it: python flask_server.py DATA_FOLDER

Prints its address once it listens on a free port of 127.0.0.1. POST /CASE/FORM/K fits a model, POST /CASE/FORM/K/query
with a JSON list of numbers answers `{"label": …, "rows": […]}`, GET /facts tells the server's memory.
"""

import json
import resource
import sys

from flask import Flask, request
from sklearn.neighbors import KNeighborsClassifier
from werkzeug.serving import WSGIRequestHandler, make_server

from cases import Case

app = Flask(__name__)
models = {}


@app.after_request
def let_pages_read(response):
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@app.post("/<name>/<form>/<int:k>")
def fit(name, form, k):
    models.clear()
    case = Case(sys.argv[1], name, form)
    # As scikit-learn has it when nothing is asked for: it chooses the algorithm by the data.
    models[name, form, k] = KNeighborsClassifier(n_neighbors=k).fit(case.training, case.labels)
    return {"n_rows": len(case.labels)}


@app.post("/<name>/<form>/<int:k>/query")
def query(name, form, k):
    model = models[name, form, k]
    rows = model.kneighbors([json.loads(request.data)], return_distance=False)[0]
    votes = {}
    for label in model._y[rows]:
        votes[label] = votes.get(label, 0) + 1
    winner = min(votes, key=lambda label: (-votes[label], label))
    return {"label": int(model.classes_[winner]), "rows": rows.tolist()}


@app.get("/facts")
def facts():
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"server_rss_bytes": pages * resource.getpagesize(), "server_peak_rss_bytes": peak}


class Handler(WSGIRequestHandler):
    """Keeps connections open and logs nothing: neither belongs to the time that is measured."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *args):
        pass


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Handler)
    print(f"http://127.0.0.1:{server.port}", flush=True)
    server.serve_forever()
