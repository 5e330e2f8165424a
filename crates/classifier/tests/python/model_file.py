"""Model files in Python, by the format's description in src/model_file.rs: what a reader and a writer have to do.

python3 model_file.py read MODEL > TABLE.json
python3 model_file.py write TABLE.json MODEL
python3 model_file.py copy MODEL COPY

Needs numpy and safetensors.
"""

import json
import sys
import zlib

import numpy
import safetensors
import safetensors.numpy


def split(path):
    """The header's metadata, and the bytes after the header."""
    with open(path, "rb") as file:
        content = file.read()
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end])["__metadata__"], content[end:]


def checksum(record, data):
    return f"{zlib.crc32(data, zlib.crc32(record.encode())):08x}"


def read(path):
    """The training rows as they were, and what else the file says."""
    metadata, data = split(path)
    assert metadata["crc32"] == checksum(metadata["runnel"], data), "a damaged file"
    record = json.loads(metadata["runnel"])
    tensors = safetensors.numpy.load_file(path)
    with safetensors.safe_open(path, "numpy") as file:
        assert file.metadata() == metadata
    n_rows = len(tensors["labels"])
    n_read = {"short": 0, "single": 0, "double": 0}
    n_members = {}

    def next_column(form):
        n_read[form] += 1
        return tensors[form][n_read[form] - 1]

    columns = []
    for form in record["columns"]:
        if form == "ignored":
            columns.append(numpy.zeros(n_rows))
        elif form in ("single", "double"):
            columns.append(next_column(form).astype(float))
        elif "constant" in form:
            columns.append(numpy.full(n_rows, form["constant"], dtype=float))
        elif "short" in form:
            short = form["short"]
            columns.append((short["base"] + next_column("short").astype(float)) / short["divisor"])
        else:
            group = form["member"]["group"]
            n_members[group] = n_members.get(group, 0) + 1
            columns.append((tensors["category"][group] == n_members[group]).astype(float))
    assert sorted(tensors["order"]) == list(range(n_rows))
    return {
        "rows": numpy.column_stack(columns).tolist(),
        "labels": tensors["labels"].tolist(),
        "record": record,
    }


def write(table, path):
    """A file with little more than the rows: every column as doubles, and whatever engine suits them."""
    rows, labels = numpy.array(table["rows"]), numpy.array(table["labels"], dtype=numpy.uint8)
    n_features = rows.shape[1]
    weights = table["feature_weights"]
    forms = ["ignored" if weight == 0 else "double" for weight in weights]
    kept = [feature for feature in range(n_features) if forms[feature] == "double"]
    record = json.dumps({
        "version": 3,
        "k": table["k"],
        "metric": table["metric"],
        "voting": table["voting"],
        "preparation": "standard",
        "scaling": {"offset": rows.mean(axis=0).tolist(), "scale": rows.std(axis=0).tolist()},
        "feature_weights": weights,
        "class_names": [f"class {label}" for label in range(1 + max(table["labels"]))],
        "feature_names": [f"feature {feature}" for feature in range(n_features)],
        "source": "written in Python",
        "columns": forms,
        "engine": "auto",
    })
    # Contiguous: safetensors writes the bytes of an array as they lie, whatever its strides say.
    tensors = {"labels": labels, "double": numpy.ascontiguousarray(rows[:, kept].T)}
    save(tensors, record, path)


def save(tensors, record, path):
    """Twice, because only a file has the bytes that the checksum is of."""
    safetensors.numpy.save_file(tensors, path)
    with open(path, "rb") as file:
        content = file.read()
    data = content[8 + int.from_bytes(content[:8], "little"):]
    metadata = {"runnel": record, "crc32": checksum(record, data)}
    safetensors.numpy.save_file(tensors, path, metadata=metadata)


def copy(path, to):
    """All that is in a file, written anew."""
    metadata, _ = split(path)
    save(safetensors.numpy.load_file(path), metadata["runnel"], to)


command, *paths = sys.argv[1:]
if command == "read":
    json.dump(read(*paths), sys.stdout)
elif command == "write":
    with open(paths[0], encoding="utf-8") as file:
        write(json.load(file), paths[1])
elif command == "copy":
    copy(*paths)
else:
    sys.exit(f"unknown command {command}")
