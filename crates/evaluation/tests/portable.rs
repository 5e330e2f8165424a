//! Tests that hold wherever statistics are kept: natively, in Node and in a browser.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use evaluation::*;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test(unsupported = test)]
fn nothing_is_said_of_an_empty_stream() {
    let scores = Prequential::new(3, 10);
    assert_eq!(scores.cumulative(), Scores::default());
    assert_eq!(scores.windowed(), Scores::default());
    assert_eq!(wilson_interval(0, 0, Z_95), None);
    assert_eq!(LatencyHistogram::new().summary(), None);
    assert_eq!(RecentLatency::new(5e6).summary(0.0), None);
    assert_eq!(ClockOffset::new().estimate(), None);
    assert_eq!(RateMeter::new().per_sec(0.0), 0.0);
}

#[wasm_bindgen_test(unsupported = test)]
fn a_kappa_is_undefined_where_nothing_can_be_gained() {
    let mut scores = Prequential::new(2, 2);
    scores.record(1, 1).unwrap();
    // The baselines were wrong on the first reading; the only class was always predicted.
    let Scores {
        kappa,
        kappa_m,
        kappa_t,
        ..
    } = scores.cumulative();
    assert_eq!((kappa, kappa_m, kappa_t), (None, Some(1.0), Some(1.0)));
    for _ in 0..3 {
        scores.record(1, 0).unwrap();
    }
    // By now both baselines are always right within the window.
    let Scores {
        n,
        accuracy,
        kappa,
        kappa_m,
        kappa_t,
        ..
    } = scores.windowed();
    assert_eq!((n, accuracy), (2, Some(0.0)));
    assert_eq!((kappa, kappa_m, kappa_t), (Some(0.0), None, None));
}

#[wasm_bindgen_test(unsupported = test)]
fn majority_ties_go_to_the_smaller_class() {
    let mut scores = Prequential::new(3, 10);
    let mut majority_was_right = |true_label| {
        let before = scores.cumulative().baseline_majority.unwrap_or(0.0) * scores.n() as f64;
        scores.record(true_label, 0).unwrap();
        scores.cumulative().baseline_majority.unwrap() * scores.n() as f64 > before + 0.5
    };
    assert!(!majority_was_right(2)); // Nothing known.
    assert!(!majority_was_right(1)); // 2 leads.
    assert!(majority_was_right(1)); // 1 and 2 are as common.
    assert!(!majority_was_right(2)); // 1 leads.
    assert!(majority_was_right(1)); // As common again.
}

#[wasm_bindgen_test(unsupported = test)]
fn classes_that_do_not_exist_are_refused_and_not_counted() {
    let mut scores = Prequential::new(2, 10);
    assert_eq!(
        scores.record(2, 0),
        Err(ScoreError::TrueLabel {
            class: 2,
            n_classes: 2
        })
    );
    assert_eq!(
        scores.record(0, u32::MAX),
        Err(ScoreError::Predicted {
            class: u32::MAX,
            n_classes: 2
        })
    );
    assert_eq!(scores.cumulative(), Scores::default());
    let mut confusion = ConfusionMatrix::new(2);
    assert!(!confusion.record(0, 2) && !confusion.record(2, 0) && confusion.record(1, 0));
    assert_eq!(confusion.to_rows(), [[0, 0], [1, 0]]);
    assert_eq!(confusion.iter().collect::<Vec<_>>(), [(1, 0, 1)]);
}

#[wasm_bindgen_test(unsupported = test)]
fn many_classes_take_little_room() {
    // The protocol allows 65,535 classes; a dense matrix of them would be 34 GB.
    let mut scores = Prequential::new(65_535, 1_000);
    for t in 0..20_000 {
        scores.record(t * 7 % 65_535, t * 5 % 65_535).unwrap();
        let _ = scores.windowed();
    }
    assert_eq!(scores.confusion().iter().count(), 20_000);
}

#[wasm_bindgen_test(unsupported = test)]
fn wilson_interval_is_that_of_the_textbook() {
    let check = |n_correct, n, expected: (f64, f64)| {
        let (lower, upper) = wilson_interval(n_correct, n, Z_95).unwrap();
        assert!(
            (lower - expected.0).abs() < 5e-5 && (upper - expected.1).abs() < 5e-5,
            "{lower} {upper}"
        );
    };
    // R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17, 1998, table I.
    check(81, 263, (0.2553, 0.3662));
    check(15, 148, (0.0624, 0.1605));
    check(0, 20, (0.0, 0.1611));
    check(1, 29, (0.0061, 0.1718));
    assert_eq!(wilson_interval(20, 20, Z_95).unwrap().1, 1.0);
}

#[wasm_bindgen_test(unsupported = test)]
fn percentiles_are_right_to_a_thousandth_and_never_too_low() {
    let mut latency = LatencyHistogram::new();
    // 1 to 100,000 µs, each once, in an order that is not sorted.
    for idx in 0..100_000_u32 {
        latency.record(f64::from(idx * 7_919 % 100_000 + 1));
    }
    let summary = latency.summary().unwrap();
    assert_eq!((summary.n, latency.n()), (100_000, 100_000));
    let check = |actual: u64, expected: f64| {
        assert!(
            (expected..=expected * 1.001).contains(&(actual as f64)),
            "{actual}, expected {expected}"
        );
    };
    check(summary.p50, 50_000.0);
    check(summary.p95, 95_000.0);
    check(summary.p99, 99_000.0);
    check(summary.max, 100_000.0);
    check(latency.quantile(0.001).unwrap(), 100.0);
}

#[wasm_bindgen_test(unsupported = test)]
fn latencies_beyond_the_ends_count_as_the_ends() {
    let mut latency = LatencyHistogram::new();
    for micros in [-5.0, f64::NEG_INFINITY, 0.4] {
        latency.record(micros);
    }
    assert_eq!(latency.summary().unwrap().max, 0);
    latency.record(f64::NAN);
    assert_eq!(latency.n(), 3);
    latency.record(f64::INFINITY);
    let max = latency.summary().unwrap().max as f64;
    assert!((600e6..=600.6e6).contains(&max), "{max}");
}

#[wasm_bindgen_test(unsupported = test)]
fn log_bins_hold_every_latency_once() {
    let mut latency = LatencyHistogram::new();
    for micros in [0.0, 1.0, 2.0, 10.0, 10.0, 11.0, 1_000.0, 1_500.0, 600e6] {
        latency.record(micros);
    }
    let bins = latency.log_bins(1);
    let expected = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
    assert_eq!(bins.upper_micros, expected);
    assert_eq!(bins.counts, [2, 3, 1, 1, 1, 0, 0, 0, 0, 1]);
    for n_per_decade in [0, 1, 7, 100, u32::MAX] {
        let bins = latency.log_bins(n_per_decade);
        assert_eq!(bins.counts.iter().sum::<u64>(), 9);
        assert!(bins.upper_micros.is_sorted() && bins.upper_micros.len() == bins.counts.len());
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn recent_latency_forgets() {
    let mut recent = RecentLatency::new(5e6);
    let start = 1.795e15; // Microseconds since the Unix epoch.
    recent.record(start, 100.0);
    recent.record(start + 2e6, 10.0);
    assert_eq!(
        recent
            .summary(start + 2e6)
            .map(|summary| (summary.n, summary.max)),
        Some((2, 100))
    );
    // Back in time: counted now.
    recent.record(start - 60e6, 11.0);
    assert_eq!(
        recent
            .summary(start + 4e6 - 1.0)
            .map(|summary| (summary.n, summary.max)),
        Some((3, 100))
    );
    assert_eq!(
        recent
            .summary(start + 5e6)
            .map(|summary| (summary.n, summary.max)),
        Some((2, 11))
    );
    assert_eq!(recent.summary(start + 7e6), None);
    recent.record(start + 7e6, 12.0);
    recent.record(f64::INFINITY, 13.0);
    recent.record(f64::NAN, 14.0);
    assert_eq!(
        recent.summary(f64::NAN).map(|summary| (summary.n, summary.max)),
        Some((3, 14))
    );
    assert_eq!(recent.summary(start + 1e9), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn recent_latency_is_that_of_the_last_slots() {
    let mut recent = RecentLatency::new(5e6);
    for millis in 0..20_000_u32 {
        let now = f64::from(millis) * 1e3;
        recent.record(now, f64::from(millis));
        if millis % 997 == 0 {
            // The slot begun and the four before it.
            let oldest = (millis / 1_000).saturating_sub(4) * 1_000;
            let summary = recent.summary(now).unwrap();
            assert_eq!(summary.n, u64::from(millis - oldest + 1));
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_offset_is_within_its_uncertainty() {
    let check = |offset: f64, there: f64, at_server: f64, back: f64| {
        let mut clock = ClockOffset::new();
        let sent = 5_000.0;
        let received_there = sent + there + offset;
        let received = sent + there + at_server + back;
        assert!(clock.record(sent, received_there, received_there + at_server, received));
        let estimate = clock.estimate().unwrap();
        assert!(
            (estimate.offset_micros - offset).abs() <= estimate.uncertainty_micros + 0.5,
            "{estimate:?}"
        );
        assert!(
            (estimate.uncertainty_micros - (there + back) / 2.0).abs() <= 0.5,
            "{estimate:?}"
        );
        assert!((estimate.to_server(sent) - (sent + offset)).abs() <= estimate.uncertainty_micros + 0.5);
    };
    check(1.795e15, 100.0, 30.0, 100.0);
    check(1.795e15, 0.0, 0.0, 400.0);
    check(-2e9, 900.0, 5.0, 10.0);
    check(0.0, 0.0, 0.0, 0.0);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_sample_with_the_least_uncertainty_counts() {
    let mut clock = ClockOffset::new();
    let offset = 1e6;
    let mut round_trip = |now: f64, there: f64, back: f64| {
        let at_server = now + there + offset;
        assert!(clock.record(now, at_server, at_server, now + there + back));
        clock.estimate().unwrap()
    };
    assert_eq!(round_trip(0.0, 500.0, 100.0).uncertainty_micros, 300.0);
    assert_eq!(round_trip(1e6, 20.0, 20.0).uncertainty_micros, 20.0);
    // One second later it is still better than a bad new one, less what the clocks may have drifted: 700 ppm.
    let estimate = round_trip(2e6, 9_000.0, 100.0);
    assert_eq!((estimate.offset_micros, estimate.n), (offset, 3));
    let drifted = 20.0 + (1e6 + 9_060.0) * 700e-6;
    assert!(
        (estimate.uncertainty_micros - drifted).abs() < 1e-6,
        "{estimate:?}, expected {drifted}"
    );
    // Half a second of drift is more than what a little longer round trip leaves open.
    assert_eq!(round_trip(2.5e6, 300.0, 300.0).uncertainty_micros, 300.0);
    assert_eq!(round_trip(31.5e6, 100.0, 100.0).uncertainty_micros, 100.0);
}

#[wasm_bindgen_test(unsupported = test)]
fn uncertainty_grows_while_no_sample_comes() {
    let mut clock = ClockOffset::new();
    assert_eq!(clock.estimate_at(0.0), None);
    clock.record(0.0, 50.0, 50.0, 100.0);
    let uncertainty = |now: f64| clock.estimate_at(now).map(|estimate| estimate.uncertainty_micros);
    assert_eq!(uncertainty(100.0), Some(50.0));
    assert_eq!(uncertainty(0.0), Some(50.0), "never less than at the sample");
    assert_eq!(uncertainty(1_000_100.0), Some(750.0));
}

#[wasm_bindgen_test(unsupported = test)]
fn a_clock_that_jumps_is_followed_at_once() {
    let mut clock = ClockOffset::new();
    for second in 0..10 {
        let now = f64::from(second) * 1e6;
        clock.record(now, now + 1_020.0, now + 1_020.0, now + 40.0);
    }
    assert_eq!(
        clock
            .estimate()
            .map(|estimate| (estimate.offset_micros, estimate.n)),
        Some((1_000.0, 10))
    );
    // The server's clock is an hour further, and the way is longer: the old samples cannot be true any more.
    let now = 10e6;
    clock.record(now, now + 3.6e9 + 500.0, now + 3.6e9 + 500.0, now + 1_000.0);
    assert_eq!(
        clock
            .estimate()
            .map(|estimate| (estimate.offset_micros, estimate.n)),
        Some((3.6e9, 1))
    );
}

#[wasm_bindgen_test(unsupported = test)]
fn drift_is_followed_within_the_window() {
    let mut clock = ClockOffset::new();
    for second in 0..600 {
        let now = f64::from(second) * 1e6;
        let offset = now * 100e-6; // 100 ppm.
        // Every tenth round trip is short, the others are long and one-sided.
        let (there, back) = if second % 10 == 0 {
            (50.0, 50.0)
        } else {
            (20_000.0, 50.0)
        };
        let at_server = now + there + offset;
        clock.record(now, at_server, at_server, now + there + back);
        let estimate = clock.estimate().unwrap();
        assert!(
            (estimate.offset_micros - offset).abs() <= estimate.uncertainty_micros,
            "{estimate:?}, truth {offset}"
        );
    }
    let estimate = clock.estimate().unwrap();
    assert!(estimate.n <= 31, "{}", estimate.n);
}

#[wasm_bindgen_test(unsupported = test)]
fn impossible_round_trips_are_ignored() {
    let mut clock = ClockOffset::new();
    assert!(!clock.record(f64::NAN, 0.0, 0.0, 1.0));
    assert!(!clock.record(0.0, 0.0, 0.0, f64::INFINITY));
    assert!(
        !clock.record(10.0, 0.0, 0.0, 9.0),
        "an answer before its question"
    );
    assert!(
        !clock.record(0.0, 5.0, 4.0, 10.0),
        "a server that answers before it has read"
    );
    assert!(
        !clock.record(0.0, 0.0, 11.0, 10.0),
        "a server that took longer than the whole"
    );
    assert_eq!(clock.estimate(), None);
}

#[wasm_bindgen_test(unsupported = test)]
fn the_rate_is_that_of_the_last_second() {
    let mut rate = RateMeter::new();
    let mut now = 1.795e15;
    let mut run = |n_per_sec: f64, secs: f64| {
        let end = now + secs * 1e6;
        while now < end {
            now += 1e6 / n_per_sec;
            rate.record(now, 1);
        }
        (rate.per_sec(now), now)
    };
    let near = |(actual, _): (f64, f64), expected: f64| {
        assert!(
            (actual / expected - 1.0).abs() < 0.02,
            "{actual}, expected {expected}"
        );
    };
    near(run(1_000.0, 0.3), 1_000.0); // From the first event on, not from a second before it.
    near(run(1_000.0, 2.0), 1_000.0);
    near(run(50.0, 1.5), 50.0);
    let (_, end) = run(4_000.0, 1.5);
    assert_eq!(rate.per_sec(end + 1.1e6), 0.0);
    assert_eq!(rate.per_sec(f64::NAN), 0.0);
    // After a pause the meter has not forgotten how to count.
    rate.record(end + 60e6, 500);
    assert!((500.0..530.0).contains(&rate.per_sec(end + 60e6)));
}

#[wasm_bindgen_test(unsupported = test)]
fn delayed_labels_are_scored_with_the_guesses_of_their_readings() {
    let mut late = Prequential::new(2, 10);
    let guesses: Vec<Guesses> = (0..3).map(|_| late.guesses()).collect();
    for guesses in guesses {
        late.record_later(1, 1, guesses).unwrap();
    }
    // At once, the baselines learn from the first label before they guess the second.
    let mut at_once = Prequential::new(2, 10);
    for _ in 0..3 {
        at_once.record(1, 1).unwrap();
    }
    let baselines = |scores: &Prequential| {
        let scores = scores.cumulative();
        [scores.baseline_no_change, scores.baseline_majority].map(|share| (share.unwrap() * 3.0).round())
    };
    assert_eq!((baselines(&late), baselines(&at_once)), ([0.0, 0.0], [2.0, 2.0]));
    assert_eq!(late.cumulative().accuracy, at_once.cumulative().accuracy);
    assert_eq!(
        late.guesses(),
        Guesses {
            no_change: Some(1),
            majority: Some(1)
        }
    );
    assert!(late.record_later(2, 0, late.guesses()).is_err() && late.n() == 3);
}
