"""Draws the pictures of a bench beside its results: python pictures.py RESULTS.json

SVG, on a light panel of its own so that axes are readable on a dark page too; text stays text.
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.transforms import Bbox

plt.rcParams.update(
    {
        "svg.fonttype": "none",
        # The same file for the same figures.
        "svg.hashsalt": "runnel",
        "font.family": "sans-serif",
        "font.size": 10,
        "figure.facecolor": "#fbfbfa",
        "axes.facecolor": "#fbfbfa",
        "savefig.facecolor": "#fbfbfa",
        "axes.edgecolor": "#55554f",
        "axes.grid": True,
        "grid.color": "#dcdcd6",
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)

OURS, REFERENCE = "#b3261e", "#55554f"
COLOURS = {
    "ours": OURS,
    "ours-loaded": OURS,
    "scan": REFERENCE,
    "textbook": "#8a6d00",
    "typed": "#8a6d00",
    "static-kdtree": "#1f6f8b",
    "scipy-ckdtree": "#3b7a3b",
}
OTHER = "#7a86a8"
NAMES = {
    "naive": "plain JavaScript",
    "typed": "typed-array JavaScript",
    "tfjs-cpu": "TensorFlow.js, cpu",
    "tfjs-wasm": "TensorFlow.js, wasm",
    "tfjs-webgl": "TensorFlow.js, webgl",
    "tfjs-webgpu": "TensorFlow.js, webgpu",
    "flask": "scikit-learn behind Flask",
    "textbook": "textbook Rust wasm",
    "scan": "f64 ndarray scan, wasm",
    "ours": "ours, fitted",
    "ours-loaded": "ours, from a model file",
    "scipy-ckdtree": "scipy cKDTree, native",
}
CASES = {"wine": "Wine", "wine-binary": "preprocessed Wine", "covertype": "Covertype"}
COVERTYPE = {"n_rows": 464_809, "n_features": 54}
LOSSLESS_ROW_BYTES = 22


def name(driver):
    return NAMES.get(driver, driver)


def colour(driver):
    return COLOURS.get(driver, OTHER)


def save(figure, folder, stem):
    path = folder / f"{stem}.svg"
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    print(f"wrote {path}")


def by_driver(axes, rows, value, label, is_log=False):
    """The drivers' values in file order, Node above Chromium: bars, or points where the axis has no zero to start from."""
    drivers = list(dict.fromkeys(row["driver"] for row in rows))
    for place, driver in enumerate(drivers):
        for row in (row for row in rows if row["driver"] == driver):
            is_node = row["environment"] == "Node"
            y = place + (-0.2 if is_node else 0.2)
            style = {"color": colour(driver), "alpha": 1 if is_node else 0.6}
            if is_log:
                axes.plot(value(row), y, marker="o", markersize=5, **style)
            else:
                axes.barh(y, value(row), height=0.36, **style)
            axes.annotate(label(value(row)), (value(row), y), xytext=(6, 0), textcoords="offset points", va="center", fontsize=7)
    axes.set_yticks(range(len(drivers)), [name(driver) for driver in drivers])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)


def duration(micros):
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if micros >= size:
            return f"{micros / size:.3g} {unit}"
    return f"{micros:.3g} µs"


def label_apart(axes, labels):
    """Writes each label beside its point, above or below, where it lies on no other label or point."""
    axes.figure.canvas.draw()
    renderer = axes.figure.canvas.get_renderer()
    points = axes.transData.transform([at for at, _ in labels])
    placed = [Bbox.from_bounds(x - 4, y - 4, 8, 8) for x, y in points]
    for at, text in sorted(labels, key=lambda label: label[0][1]):
        for offset, side in (((7, 3), "left"), ((7, -10), "left"), ((-7, 3), "right"), ((-7, -10), "right"), ((6, 14), "left"), ((6, -21), "left")):
            label = axes.annotate(text, at, xytext=offset, textcoords="offset points", fontsize=8, ha=side)
            box = label.get_window_extent(renderer)
            if not any(box.overlaps(other) for other in placed):
                break
            if offset != (6, -21):
                label.remove()
        placed.append(box)


def paper(results, folder):
    rows = [row for row in results["rows"] if row["form"] == "raw" and "error" not in row]
    cases = [case for case in CASES if any(row["case"] == case for row in rows)]
    figure, panels = plt.subplots(1, len(cases), figsize=(4.6 * len(cases), 4.2), sharey=True, squeeze=False, layout="constrained")
    for axes, case in zip(panels[0], cases):
        shown = [row for row in rows if row["case"] == case]
        axes.set_xscale("log")
        by_driver(axes, shown, lambda row: row["latency_micros"]["p50"], duration, is_log=True)
        axes.margins(x=0.25)
        axes.set_title(f"{CASES[case]}, raw")
        axes.set_xlabel("median latency of a query, µs (log)")
    figure.suptitle("One query: Node (full colour) and Chromium (pale)")
    save(figure, folder, "paper-latency")

    shown = [row for row in rows if row["case"] == "covertype"]
    if shown:
        figure, axes = plt.subplots(figsize=(7, 4.2))
        by_driver(axes, shown, resident_megabytes, lambda megabytes: f"{megabytes:.0f}")
        axes.margins(x=0.1, y=0.03)
        axes.set_title("Covertype: memory after the queries, Node (full colour) and Chromium (pale)")
        axes.set_xlabel("resident memory of the process, with the Flask server's where there is one, MB")
        save(figure, folder, "paper-memory")


def resident_megabytes(row):
    memory = row["memory"]
    own = memory.get("renderer_rss_bytes", memory.get("rss_bytes", 0))
    return (own + memory.get("server_rss_bytes", 0)) / 1e6


def knn(results, folder):
    peers = [row for row in results["peers"] if row["case"] == "covertype" and row["form"] == "raw" and "error" not in row]
    peers = [row for row in peers if row["environment"] != "Chromium" or row["driver"] == "ours-loaded"]
    figure, axes = plt.subplots(figsize=(8, 5))
    axes.set(xscale="log", yscale="log", xlabel="time to build, or to load a model file, s (log)", ylabel="median latency of a query, µs (log)")
    axes.margins(x=0.2, y=0.1)
    points = [(max(row["build_millis"], 0.1) / 1e3, row["latency_micros"]["p50"]) for row in peers]
    for row, at in zip(peers, points):
        axes.scatter(*at, color=colour(row["driver"]), s=36, zorder=3)
    label_apart(axes, [(at, name(row["driver"])) for row, at in zip(peers, points)])
    axes.set_title("Covertype, raw, 464,809 rows x 54: to build and to ask\nJavaScript and WebAssembly in Node (from a model file: Chromium), native in Python")
    save(figure, folder, "knn-peers")

    bytes_per_micro = results["bandwidth"]["median_gb_per_sec"] * 1e3
    floors = [("f32", 4 * COVERTYPE["n_features"]), (f"{LOSSLESS_ROW_BYTES} lossless bytes a row", LOSSLESS_ROW_BYTES)]
    titles = {
        "rows": ("training rows of Covertype (log)", "Cost against rows, 54 features, k = 5"),
        "features": ("features, uniform random, 20,000 rows (log)", "Cost against features, k = 5"),
        "k": ("k (log)", "Cost against k, Covertype"),
    }
    for kind, (label, title) in titles.items():
        curves = [curve for curve in results["curves"] if curve["kind"] == kind and "error" not in curve]
        figure, axes = plt.subplots(figsize=(7, 4.6))
        for curve in curves:
            xs = [point["x"] for point in curve["points"]]
            ys = [point["p50"] for point in curve["points"]]
            axes.plot(xs, ys, marker="o", markersize=4, color=colour(curve["driver"]), label=f"{name(curve['driver'])} ({curve['environment']})")
        xs = sorted({point["x"] for curve in curves for point in curve["points"]})
        if kind != "features":
            for style, (what, row_bytes) in zip((":", (0, (1, 4))), floors):
                rows = xs if kind == "rows" else [COVERTYPE["n_rows"]] * len(xs)
                ys = [n_rows * row_bytes / bytes_per_micro for n_rows in rows]
                axes.plot(xs, ys, linestyle=style, color=REFERENCE, linewidth=1, label=f"reading all rows once, {what}")
        axes.set(xscale="log", yscale="log", xlabel=label, ylabel="median latency of a query, µs (log)", title=title)
        if kind != "rows":
            axes.set_xticks(xs, [str(x) for x in xs])
            axes.minorticks_off()
        axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        save(figure, folder, f"knn-{kind}")


SENT_AS = {
    "runnel-websocket": "sensor-sim, WebSocket, one a message",
    "mosquitto": "mosquitto, MQTT QoS 0, one a message",
    "nats": "nats-server, one a message",
    "runnel-websocket-lines": "sensor-sim, WebSocket, 64 JSON lines",
    "runnel-websocket-frames": "sensor-sim, WebSocket, 64 in a frame",
    "runnel-http": "sensor-sim, HTTP, one a request",
    "runnel-http-lines": "sensor-sim, HTTP, 64 JSON lines",
    "runnel-http-frames": "sensor-sim, HTTP, 64 in a frame",
}


def ingest(results, folder):
    # What is forwarded unread is no comparison: it stands in the table.
    rows = [row for row in results["throughput"] if row["id"] in SENT_AS]
    figure, axes = plt.subplots(figsize=(7.5, 3.8))
    for place, row in enumerate(rows):
        rate = row["readings_per_sec"]
        ours = row["server"] == "sensor-sim"
        axes.barh(place, rate["median"], height=0.6, color=OURS if ours else OTHER)
        axes.plot([rate["low"], rate["high"]], [place, place], color=REFERENCE, linewidth=1.5)
        axes.annotate(f"{rate['median']:,.0f}", (rate["high"], place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [SENT_AS[row["id"]] for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.15)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
    axes.set_xlabel("readings/s from one publisher to one subscriber: median, least and most")
    axes.set_title("Readings of 11 features, counted where they come out")
    save(figure, folder, "ingest")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    {"paper": paper, "knn": knn, "ingest": ingest}[path.stem](json.loads(path.read_text()), path.parent)
