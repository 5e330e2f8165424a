#!/usr/bin/env python3
"""The seeded split of `datasets::split` in plain Python: a second writing of the rule in src/split.rs.

    python3 datasets/tools/split.py N_ROWS SHARE SEED    # first 10 training rows, then the first 10 streamed ones

The golden numbers of tests/split.rs come from here. Import `split` to use the very same rows in another experiment.
"""

import struct
import sys


def chacha8_words(seed: int):
    """Little-endian u32 words of ChaCha8 under this seed, without end."""
    key = struct.unpack("<8I", seed.to_bytes(8, "little") + bytes(24))
    constants = struct.unpack("<4I", b"expand 32-byte k")
    counter = 0
    while True:
        start = [*constants, *key, counter & 0xFFFFFFFF, counter >> 32, 0, 0]
        state = list(start)
        for _ in range(4):  # Two rounds each: columns, then diagonals.
            for offset in (0, 1, 2, 3):
                quarter_round(state, offset, offset + 4, offset + 8, offset + 12)
            for offset in (0, 1, 2, 3):
                quarter_round(state, offset, 4 + (offset + 1) % 4, 8 + (offset + 2) % 4, 12 + (offset + 3) % 4)
        yield from ((word + first) & 0xFFFFFFFF for word, first in zip(state, start))
        counter += 1


def quarter_round(x: list[int], a: int, b: int, c: int, d: int) -> None:
    for p, q, r, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[p] = (x[p] + x[q]) & 0xFFFFFFFF
        x[r] ^= x[p]
        x[r] = ((x[r] << bits) | (x[r] >> (32 - bits))) & 0xFFFFFFFF


def split(n_rows: int, share: float, seed: int) -> tuple[list[int], list[int]]:
    """(training rows, streamed rows), shuffled by seed."""
    words = chacha8_words(seed)
    rows = list(range(n_rows))
    for i in range(n_rows - 1, 0, -1):
        r = next(words) | next(words) << 32
        j = (r * (i + 1)) >> 64
        rows[i], rows[j] = rows[j], rows[i]
    n_training = int(share * n_rows)
    return rows[:n_training], rows[n_training:]


if __name__ == "__main__":
    training, stream = split(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))
    print(training[:10], stream[:10])
