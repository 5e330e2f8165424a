//! The bound held against what it bounds, as in `filter/tests.rs`: for every row, taken as the k-th neighbour, its own
//! f32 sum along the axes must be within the limit that its f64 distance gives.

use super::*;
use crate::filter::Filter;
use crate::growing::Growing;
use crate::random::Random;
use crate::{Preparation, RowMajor, Scaling};

const N_ROWS: usize = 200;

/// What was seen of all tables.
#[derive(Default)]
struct Seen {
    n_rows: usize,
    /// Rows whose f32 sum is above their f64 distance.
    n_above: usize,
    /// Rows that would be ruled out if nothing were lost in turning and storing.
    n_need_error: usize,
    /// Rows that would be ruled out if axes were taken to be perpendicular and of length 1.
    n_need_skew: usize,
}

/// Stretches and bends the axes until they are nearly as bad as axes may be.
fn bend(axes: &mut Axes, random: &mut Random) {
    let (n_axes, n_features) = (axes.point.len(), axes.features.len());
    let stretch = 1.0 + 0.4 * MAX_SKEW * random.unit();
    for direction in &mut axes.directions {
        *direction = *direction * stretch + 1e-6 * (random.unit() - 0.5);
    }
    let vectors = (0..n_axes).flat_map(|axis| (0..n_features).map(move |at| (axis, at)));
    let vectors: Vec<f64> = vectors
        .map(|(axis, at)| axes.directions[at * n_axes + axis])
        .collect();
    axes.skew = skew(&vectors, n_features);
    assert!(axes.skew <= MAX_SKEW, "{}", axes.skew);
}

/// Holds every row of `columns` against its limit for `query`.
fn look(columns: &Columns, measure: &Measure, axes: &mut Axes, query: &[f64], seen: &mut Seen) {
    let question = Question {
        columns,
        measure,
        query,
        prepared: &(0..query.len())
            .map(|feature| measure.prepare(feature, query[feature]))
            .collect::<Vec<f64>>(),
    };
    let (turned, reach) =
        Pace::run(async |pace| axes.turn_rows(columns, measure, &pace).await).expect("nothing is far");
    let distance = axes.turn(|feature| question.prepared[feature]);
    let error = axes.error(reach, distance);
    let point: Vec<f32> = axes.point.iter().map(|value| *value as f32).collect();
    let mut filter = Filter::new(columns, measure, &[]);
    let mut limit = |distance: f64, error: f64, skew: f64| {
        assert!(filter.prepare_turned(&question, error, skew));
        filter.limit(filter.radius(distance, true), true)
    };
    for row in 0..columns.n_rows {
        let tile: Vec<[f32; LEAF]> = turned
            .singles
            .iter()
            .map(|axis| [axis.values[row]; LEAF])
            .collect();
        let mut sums = [0.0; LEAF];
        kernels::sums_along(&tile, &point, f32::INFINITY, &mut sums);
        let sum = sums[0];
        let distance = question.distance_of(|feature| columns.value(row, feature));
        let of_row = limit(distance, error, axes.skew);
        assert!(
            sum <= of_row,
            "row {row} at {distance:e}: {sum:e} is above {of_row:e}, query {query:?}"
        );
        seen.n_rows += 1;
        seen.n_above += usize::from(f64::from(sum) > distance);
        seen.n_need_error += usize::from(sum > limit(distance, 0.0, axes.skew));
        seen.n_need_skew += usize::from(sum > limit(distance, error, 0.0));
    }
}

/// Tables of numbers that `value` makes, seen from rows, from next to rows, and from anywhere.
fn check(name: &str, value: impl Fn(&mut Random, usize) -> f64) {
    let mut seen = Seen::default();
    for seed in 0..60 {
        let mut random = Random(seed);
        let n_features = 2 + seed as usize % 6;
        let values: Vec<f64> = (0..N_ROWS * n_features)
            .map(|at| value(&mut random, at % n_features))
            .collect();
        let mut rows = Growing::new(n_features, &[]);
        rows.push(&RowMajor::new(&values, n_features))
            .expect("finite values");
        let columns = Pace::run(async |pace| Columns::new(rows, &pace).await);
        for preparation in [Preparation::Raw, Preparation::Standard] {
            let scaling = Scaling::fit(preparation, &columns);
            let weights: Vec<f64> = match seed % 2 {
                0 => Vec::new(),
                _ => (0..n_features)
                    .map(|_| random.choose(&[1e-3, 0.3, 1.0, 2.0, 1e3]))
                    .collect(),
            };
            let measure = Measure::new(Metric::Euclidean, scaling.as_ref(), &weights, n_features);
            let axes = Pace::run(async |pace| Axes::new(&columns, &measure, &pace).await);
            let mut axes = axes.expect("these can be turned");
            for is_bent in [false, true] {
                if is_bent {
                    bend(&mut axes, &mut random);
                }
                for _ in 0..4 {
                    let row = random.below(N_ROWS);
                    let near = 10_f64.powi(-(random.below(18) as i32));
                    let query: Vec<f64> = (0..n_features)
                        .map(|feature| columns.value(row, feature) * (1.0 + near * (random.unit() - 0.5)))
                        .collect();
                    look(&columns, &measure, &mut axes, &query, &mut seen);
                }
            }
        }
    }
    // Else these numbers do not try the bound.
    let Seen {
        n_rows,
        n_above,
        n_need_error,
        n_need_skew,
    } = seen;
    assert!(n_above > n_rows / 10, "{name}: {n_above} of {n_rows}");
    assert!(n_need_error > 0, "{name}: turning might as well be exact");
    assert!(n_need_skew > 0, "{name}: axes might as well be perfect");
}

#[test]
fn around_zero() {
    check("around zero", |random, _| random.unit() - 0.5);
}

#[test]
fn far_from_zero() {
    check("far from zero", |random, feature| {
        10_f64.powi(2 * feature as i32) + random.unit()
    });
}

/// Axes beyond the first two hold next to nothing; a constant counts for the distance and not for the axes.
#[test]
fn of_lower_rank() {
    check("lower rank", |random, feature| match feature {
        0 => 1e3 * random.unit(),
        1 => 1e2 * random.unit(),
        2 => 5.0,
        _ => random.unit(),
    });
}

#[test]
fn decimals() {
    check("decimals", |random, _| random.integer(0, 9999) / 100.0);
}
