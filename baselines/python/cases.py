"""A case as `baselines prepare` wrote it; src/native/case.rs lists its files."""

import json
from pathlib import Path

import numpy as np


class Case:
    """Training rows, queries, labels and true neighbours of a case, prepared in `form` (raw or standard)."""

    def __init__(self, folder, name, form, n_training=None):
        folder = Path(folder) / name
        self.about = json.loads((folder / "case.json").read_text())
        self.n_features, self.n_classes, self.k = (self.about[key] for key in ("n_features", "n_classes", "k"))
        table = lambda file: np.fromfile(folder / file, dtype="<f8").reshape(-1, self.n_features)
        numbers = lambda file: np.fromfile(folder / file, dtype="<u4")
        self.training = table(f"training.{form}.f64")[:n_training]
        self.labels = numbers("training.labels.u32")[:n_training]
        self.queries = table(f"queries.{form}.f64")
        self.query_labels = numbers("queries.labels.u32")
        is_whole = len(self.training) == self.about["n_training"]
        self.truth = numbers(f"truth.{form}.u32").reshape(-1, self.k) if is_whole else None

    def vote(self, rows):
        """The majority's class; equal votes go to the smallest."""
        return int(np.bincount(self.labels[rows], minlength=self.n_classes).argmax())
