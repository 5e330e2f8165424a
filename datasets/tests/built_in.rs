//! The built-in sets against the catalogue, the published figures and their checksums.

use datasets::{Dataset, Lookup, catalogue, load};
use sha2::Digest as _;

fn loaded(name: &str) -> Dataset {
    load(name, &Lookup::only(vec![])).expect("built-in sets load")
}

fn class_counts(dataset: &Dataset) -> Vec<usize> {
    let mut counts = vec![0; dataset.classes.len()];
    for &label in &dataset.labels {
        counts[label as usize] += 1;
    }
    counts
}

#[test]
fn built_in_sets_have_the_shape_that_the_catalogue_says() {
    for entry in catalogue().iter().filter(|entry| entry.built_in) {
        let dataset = loaded(entry.name);
        assert_eq!(dataset.name, entry.name);
        assert_eq!(
            (dataset.n_rows(), dataset.n_features()),
            (entry.n_rows, entry.n_features),
            "{}",
            entry.name
        );
        assert_eq!(dataset.features.len(), entry.features.len());
        assert!(dataset.columns.iter().all(|column| column.len() == entry.n_rows));
        assert_eq!(dataset.classes, entry.classes);
        assert!(
            class_counts(&dataset).iter().all(|&count| count > 0),
            "{}",
            entry.name
        );
        assert_eq!(dataset.times_micros.is_some(), entry.has_times);
    }
}

#[test]
fn files_have_the_checksums_of_the_catalogue_and_of_the_list_beside_them() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let list = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let mut n_listed = 0;
    for line in list.lines() {
        let (expected, name) = line.split_once("  ").unwrap();
        let digest = sha2::Sha256::digest(std::fs::read(folder.join(name)).unwrap());
        let actual: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(actual, expected, "{name}");
        n_listed += 1;
    }
    assert_eq!(
        n_listed,
        std::fs::read_dir(&folder).unwrap().count() - 1,
        "every file but the list is listed"
    );
    for entry in catalogue().iter().filter(|entry| entry.built_in) {
        for file in entry.files {
            assert!(
                list.contains(&format!("{}  {}\n", file.sha256, file.name)),
                "{}",
                file.name
            );
        }
    }
}

#[test]
fn covertype_is_the_file_that_uci_publishes() {
    let covertype = loaded("covertype");
    assert!(
        covertype
            .columns
            .iter()
            .all(|column| column.number_type_name() == "i16")
    );
    // Written out again as covtype.data, it has the checksum of UCI's file.
    let mut digest = sha2::Sha256::new();
    let mut text = String::new();
    for row in 0..covertype.n_rows() {
        for column in &covertype.columns {
            text.push_str(&column.value(row).to_string());
            text.push(',');
        }
        text.push_str(&(covertype.labels[row] + 1).to_string());
        text.push('\n');
        if text.len() > 1 << 20 {
            digest.update(&text);
            text.clear();
        }
    }
    digest.update(&text);
    let actual: String = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        actual,
        "0a9371cef7c964b5475d6053cc3e0894a5aa6f65ad1ed3ecb01c45aa96217945"
    );
    // UCI's covtype.info.
    assert_eq!(
        class_counts(&covertype),
        [211_840, 283_301, 35_754, 2_747, 9_493, 17_367, 20_510]
    );
    assert_eq!(covertype.columns[0].range(), Some((1_859.0, 3_858.0)));
}

#[test]
fn wine_has_the_grades_of_the_paper() {
    let wine = loaded("wine");
    assert_eq!(class_counts(&wine), [20, 163, 1_457, 2_198, 880, 175, 5]);
    assert_eq!(wine.value(0, 0), 7.0);
    assert_eq!(wine.value(4_897, 10), 11.8);
    assert_eq!(wine.features[0].unit.as_deref(), Some("g/dm³"));
    // Repeated measurements make tied distances: the tie rule of a classifier is not a corner case here.
    let mut seen = std::collections::HashSet::new();
    let mut row = vec![];
    let n_repeated = (0..wine.n_rows()).filter(|&idx| {
        wine.row_into(idx, &mut row);
        row.push(f64::from(wine.labels[idx]));
        !seen.insert(row.iter().map(|value| value.to_bits()).collect::<Vec<_>>())
    });
    assert_eq!(n_repeated.count(), 937);
}

#[test]
fn elec_and_weather_keep_every_digit() {
    let elec = loaded("elec");
    assert_eq!(class_counts(&elec), [26_075, 19_237]);
    let mut row = vec![];
    elec.row_into(0, &mut row);
    assert_eq!(
        row,
        [0.0, 0.05644299999999999, 0.439155, 0.003467, 0.422915, 0.414912]
    );
    assert_eq!(elec.labels[0], 1);
    let weather = loaded("weather");
    assert_eq!(class_counts(&weather), [12_461, 5_698]);
    weather.row_into(0, &mut row);
    assert_eq!(row, [19.8, 14.0, 1019.6, 8.4, 9.9, 15.9, 28.9, 14.0]);
    // What the column names rest on.
    let [mean, highest, lowest] = [0, 6, 7].map(|idx| &weather.columns[idx]);
    assert!(
        mean.values()
            .zip(highest.values())
            .all(|(mean, highest)| mean <= highest)
    );
    assert!(
        mean.values()
            .zip(lowest.values())
            .all(|(mean, lowest)| lowest <= mean)
    );
}

/// "The same class as the row before", a figure that every accuracy on these streams is shown beside.
#[test]
fn file_order_is_the_published_order() {
    for (name, expected) in [("covertype", 0.9506), ("elec", 0.8533), ("weather", 0.6802)] {
        let dataset = loaded(name);
        let n_same = dataset
            .labels
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .count();
        let share = n_same as f64 / dataset.n_rows() as f64; // The first row has none before it: a mistake.
        assert!((share - expected).abs() < 5e-5, "{name}: {share}");
    }
}
