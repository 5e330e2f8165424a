//! How fast one core reads memory: the bound under which no scan that touches all its bytes can get.

use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};

/// Well beyond any last-level cache.
const N_BYTES: usize = 512 << 20;
const TURNS: usize = 9;
/// Sums side by side, so that the additions do not wait for each other.
const LANES: usize = 32;

pub(super) fn measure() -> Value {
    let buffer: Vec<u64> = (0..(N_BYTES / size_of::<u64>()) as u64).collect();
    let mut gigabytes_per_sec: Vec<f64> = (0..TURNS)
        .map(|_| {
            let start = Instant::now();
            let mut sums = [0_u64; LANES];
            for chunk in black_box(&buffer).as_chunks::<LANES>().0 {
                for (sum, value) in sums.iter_mut().zip(chunk) {
                    *sum = sum.wrapping_add(*value);
                }
            }
            black_box(sums);
            N_BYTES as f64 / start.elapsed().as_secs_f64() / 1e9
        })
        .collect();
    gigabytes_per_sec.sort_by(f64::total_cmp);
    json!({
        "n_bytes": N_BYTES,
        "turns": TURNS,
        "median_gb_per_sec": gigabytes_per_sec[TURNS / 2],
        "min_gb_per_sec": gigabytes_per_sec[0],
        "max_gb_per_sec": gigabytes_per_sec[TURNS - 1],
    })
}
