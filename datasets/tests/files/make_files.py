#!/usr/bin/env python3
"""Makes the Parquet files of this folder as pandas and Spark users would: pip install pyarrow==26.0.1, then run it here."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
START = dt.datetime(2015, 2, 4, 17, 51)

sensors = pa.table({
    "at": pa.array([START + dt.timedelta(seconds=30 * i) for i in range(5)], pa.timestamp("us")),
    "__index_level_0__": pa.array(range(5), pa.int64()),
    "temperature": pa.array([20.5, 20.25, 20.75, 21.0, 21.5], pa.float32()),
    "co2": pa.array([400, 410, 420, 430, 40_000], pa.int64()),
    "door open": pa.array([True, False, False, True, True]),
    "ticks": pa.array([1, 2, 3, 4, 4_000_000_000], pa.uint32()),
    "pressure": pa.array([1013.1, 1013.2, 1013.3, 1013.4, 1013.5], pa.float64()),
    "state": pa.array(["idle", "busy", "idle", "idle", "away"]),
})


def main() -> None:
    pq.write_table(sensors, HERE / "sensors-snappy.parquet", row_group_size=2, coerce_timestamps="us")
    pq.write_table(sensors, HERE / "sensors-gzip.parquet", compression="gzip", version="1.0", coerce_timestamps="ms")
    pq.write_table(sensors, HERE / "sensors-zstd.parquet", compression="zstd", data_page_version="2.0")
    one = sensors.select(["temperature", "state"])
    null = pa.array([1, 2, 3, None, 5], pa.int32())
    pq.write_table(one.add_column(0, "level", null), HERE / "null.parquet", row_group_size=2)
    nan = pa.array([1, 2, float("nan"), 4, 5], pa.float64())
    pq.write_table(one.add_column(0, "level", nan), HERE / "nan.parquet")
    lists = pa.array([[1], [2], [3], [4], [5, 6]], pa.list_(pa.int32()))
    pq.write_table(one.add_column(0, "level", lists), HERE / "list.parquet")
    large = pa.array([1, 2, 3, 4, 2**53 + 1], pa.int64())
    pq.write_table(one.add_column(0, "level", large), HERE / "large.parquet")
    pq.write_table(sensors.select(["state", "temperature"]), HERE / "text.parquet")
    pq.write_table(one.slice(0, 0), HERE / "no-rows.parquet")
    structs = pa.array([{"high": float(i)} for i in range(5)])
    pq.write_table(one.add_column(0, "level", structs), HERE / "struct.parquet")
    decimals = pa.array([Decimal(i) / 4 for i in range(5)], pa.decimal128(8, 2))
    pq.write_table(one.add_column(0, "level", decimals), HERE / "decimal.parquet")
    pq.write_table(one, HERE / "brotli.parquet", compression="brotli")
    index = pa.array([0, 3, 4, 8, 9], pa.int64())
    pq.write_table(one.append_column("__index_level_0__", index), HERE / "index.parquet")


if __name__ == "__main__":
    main()
