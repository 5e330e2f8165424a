//! The bound held against what it bounds: for every row, taken as the k-th neighbour, its own f32 sum must be within the
//! limit that its f64 distance gives. That is all that the searches rely on.

use kernels::Stored as _;

use super::*;
use crate::growing::Growing;
use crate::pace::Pace;
use crate::random::Random;
use crate::{Metric, Preparation, RowMajor, Rows as _, Scaling};

/// Uniform in `-1..1`.
fn signed(random: &mut Random) -> f64 {
    2.0 * random.unit() - 1.0
}

/// What was seen of one table.
#[derive(Default)]
struct Seen {
    n_rows: usize,
    /// Rows whose f32 sum is above their f64 distance: without the bound they would be ruled out.
    n_above: usize,
    /// Rows whose f32 sum is above the limit that there would be if only sums were rounded, not differences.
    n_need_error: usize,
    /// The largest share of the room above the distance that was needed.
    room: f64,
}

/// Asks `query` of all `rows`, as scan and tree do.
fn look(columns: &Columns, measure: &Measure, query: &[f64], seen: &mut Seen) {
    // The bound does not mind in which order columns are added.
    let order = Part::all(columns);
    let mut scratch = Filter::new(columns, measure, &order);
    let prepared: Vec<f64> = (0..query.len())
        .map(|feature| measure.prepare(feature, query[feature]))
        .collect();
    let question = Question {
        columns,
        measure,
        query,
        prepared: &prepared,
    };
    if !scratch.prepare(&question) {
        return;
    }
    let is_squared = measure.metric == Metric::Euclidean;
    for row in 0..columns.n_rows {
        let mut sum = 0.0;
        for (part, point) in order.iter().zip(&scratch.points) {
            let difference = match *part {
                Part::Short(idx) => columns.shorts[idx].1.values[row].difference(*point),
                Part::Single(idx) => columns.singles[idx].values[row].difference(*point),
                Part::Double(idx) => {
                    let column = &columns.doubles[idx];
                    ((column.values[row] - column.origin()) as f32).difference(*point)
                }
            };
            sum += if is_squared {
                difference * difference
            } else {
                difference.abs()
            };
        }
        for (group, start) in columns.groups.iter().zip(&scratch.starts) {
            sum += scratch.costs[start + usize::from(group.codes[row])] as f32;
        }
        let distance = question.distance(row);
        let radius = scratch.radius(distance, is_squared);
        let limit = scratch.limit(radius, is_squared);
        assert!(
            sum <= limit,
            "row {row} at {distance:e}: {sum:e} is above {limit:e}, {}, query {query:?}",
            measure.metric
        );
        let without_error = Filter {
            error: 0.0,
            ..Filter::new(columns, measure, &order)
        };
        seen.n_rows += 1;
        seen.n_above += usize::from(f64::from(sum) > distance);
        seen.n_need_error += usize::from(sum > without_error.limit(radius, is_squared));
        if f64::from(limit) > distance {
            seen.room = seen
                .room
                .max((f64::from(sum) - distance) / (f64::from(limit) - distance));
        }
    }
}

fn columns(values: &[f64], n_features: usize) -> Columns {
    let mut rows = Growing::new(n_features, &[]);
    rows.push(&RowMajor::new(values, n_features))
        .expect("finite values");
    Pace::run(async |pace| Columns::new(rows, &pace).await)
}

/// Tables of numbers that `value` makes, which stresses what it is named for.
fn check(name: &str, value: impl Fn(&mut Random, usize) -> f64) {
    let mut seen = Seen::default();
    for seed in 0..40 {
        let mut random = Random(seed);
        let n_features = 1 + seed as usize % 7;
        let values: Vec<f64> = (0..200 * n_features)
            .map(|at| value(&mut random, at % n_features))
            .collect();
        let columns = columns(&values, n_features);
        for preparation in [Preparation::Raw, Preparation::Standard, Preparation::MinMax] {
            let preparation = Scaling::fit(preparation, &columns);
            for metric in [Metric::Euclidean, Metric::Manhattan] {
                let weights: Vec<f64> = (0..n_features).map(|_| random.unit() + 1e-3).collect();
                for weights in [&[][..], &weights] {
                    let measure = Measure::new(metric, preparation.as_ref(), weights, n_features);
                    for _ in 0..4 {
                        // A row, next to a row, and anywhere: roundings of the query count as much as those of rows.
                        let row = random.below(200);
                        let near = 10_f64.powi(-(random.below(18) as i32));
                        let query: Vec<f64> = (0..n_features)
                            .map(|feature| columns.value(row, feature) * (1.0 + near * signed(&mut random)))
                            .collect();
                        look(&columns, &measure, &query, &mut seen);
                    }
                }
            }
        }
    }
    // Else these numbers do not try the bound, or it is too wide to rule out much.
    let Seen {
        n_rows,
        n_above,
        n_need_error,
        room,
    } = seen;
    assert!(n_above > n_rows / 10, "{name}: {n_above} of {n_rows}");
    assert!(n_need_error > 0, "{name}: differences might as well be exact");
    assert!(room > 0.05, "{name}: {room:e} of the room was needed");
}

#[test]
fn doubles_around_zero() {
    check("around zero", |random, _| signed(random));
}

#[test]
fn doubles_far_from_zero() {
    check("far from zero", |random, feature| {
        10_f64.powi(feature as i32 * 2) + signed(random)
    });
}

#[test]
fn singles_far_from_zero() {
    check("singles", |random, feature| {
        f64::from((1000.0 * (1 + feature) as f64 + signed(random)) as f32)
    });
}

#[test]
fn decimals() {
    check("decimals", |random, _| {
        ((signed(random) * 9999.0).round() + 100_000.0) / 100.0
    });
}

/// Groups, which may be broken by the query, and a constant that drowns what else there is.
#[test]
fn every_form_at_once() {
    check("every form", |random, feature| match feature {
        0 => signed(random) * 1e3,
        1..=3 => f64::from(u8::from(random.below(3) == feature - 1)),
        4 => 1e6,
        5 => (signed(random) * 99.0).round(),
        _ => f64::from(signed(random) as f32),
    });
}

#[test]
fn magnitudes_at_the_ends_of_f32() {
    for exponent in [-30, -20, -12, 12, 16] {
        check("magnitudes", |random, _| signed(random) * 10_f64.powi(exponent));
    }
}
