//! The seeded split against `tools/split.py`, a second writing of its rule, and the paper's preprocessing of Wine.

use datasets::{
    Lookup, Order, binary_label, export_csv, iqr_bounds, iqr_filter_split, iqr_filter_whole, load, split,
};

#[test]
fn seed_42_gives_the_rows_that_the_python_twin_gives() {
    // python3 datasets/tools/split.py 10 0.8 42, and so on.
    let small = split(10, 0.8, Order::Shuffled, 42).unwrap();
    assert_eq!(
        (small.training, small.stream),
        (vec![7, 6, 5, 1, 0, 4, 8, 9], vec![2, 3])
    );
    let wine = split(4_898, 0.8, Order::Shuffled, 42).unwrap();
    assert_eq!((wine.training.len(), wine.stream.len()), (3_918, 980));
    assert_eq!(wine.training[..5], [4441, 1610, 158, 2075, 2900]);
    assert_eq!(wine.stream[..5], [2699, 1864, 2389, 4260, 1853]);
    let covertype = split(581_012, 0.8, Order::Shuffled, 42).unwrap();
    assert_eq!(
        (covertype.training.len(), covertype.stream.len()),
        (464_809, 116_203)
    );
    assert_eq!(covertype.training[..5], [387490, 235300, 22297, 320621, 158688]);
    assert_eq!(covertype.stream[..5], [28863, 87427, 166465, 151224, 301682]);
}

#[test]
fn wine_filtered_as_a_whole_keeps_4015_rows_in_two_classes() {
    let wine = load("wine", &Lookup::only(vec![])).unwrap();
    let filtered = iqr_filter_whole(&wine);
    assert_eq!(filtered.n_rows(), 4_015);
    let binary = binary_label(&filtered, 6.0).unwrap();
    assert_eq!(binary.classes, ["below 6", "6 or more"]);
    let n_above = filtered
        .labels
        .iter()
        .filter(|&&label| wine.classes[label as usize].parse::<u32>().unwrap() >= 6);
    assert_eq!(
        binary.labels.iter().filter(|&&label| label == 1).count(),
        n_above.count()
    );

    let message = |at_least| binary_label(&wine, at_least).unwrap_err().to_string();
    assert_eq!(message(3.0), "no cut at 3: the classes go from 3 to 9");
    let covertype = load("elec", &Lookup::only(vec![])).unwrap();
    let error = binary_label(&covertype, 6.0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "class `DOWN` is not a number: only numeric classes can be cut at 6"
    );
}

#[test]
fn outliers_are_told_by_the_training_part_alone() {
    let wine = load("wine", &Lookup::only(vec![])).unwrap();
    let parts = split(wine.n_rows(), 0.8, Order::Shuffled, 42).unwrap();
    let filtered = iqr_filter_split(&wine, &parts);
    assert!(filtered.training.len() < parts.training.len() && filtered.stream.len() < parts.stream.len());

    // Whatever streams, the same training rows stay, and the same bounds hold.
    let mut other = wine.clone();
    for column in &mut other.columns {
        let mut values: Vec<f64> = column.values().collect();
        for &row in &parts.stream {
            values[row as usize] = 1e9;
        }
        *column = datasets::Column::narrowest(values);
    }
    let of_other = iqr_filter_split(&other, &parts);
    assert_eq!(of_other.training, filtered.training);
    assert!(of_other.stream.is_empty());
    assert_eq!(
        iqr_bounds(&other, &parts.training),
        iqr_bounds(&wine, &parts.training)
    );
    let all: Vec<u32> = (0..wine.n_rows() as u32).collect();
    assert_ne!(iqr_bounds(&wine, &all), iqr_bounds(&wine, &parts.training));
}

#[test]
fn an_export_holds_the_split_and_reads_back_as_the_same_numbers() {
    let wine = load("wine", &Lookup::only(vec![])).unwrap();
    let parts = split(wine.n_rows(), 0.8, Order::Shuffled, 42).unwrap();
    let mut text = vec![];
    export_csv(&wine, &parts, &mut text).unwrap();
    let mut csv = csv::Reader::from_reader(text.as_slice());
    let header = csv.headers().unwrap().clone();
    assert_eq!(
        header.iter().take(3).collect::<Vec<_>>(),
        ["part", "row", "fixed acidity"]
    );
    assert_eq!(header.iter().next_back(), Some("label"));
    let expected = parts
        .training
        .iter()
        .map(|row| ("training", row))
        .chain(parts.stream.iter().map(|row| ("stream", row)));
    let mut n_rows = 0;
    for (record, (part, &row)) in csv.records().zip(expected) {
        let record = record.unwrap();
        assert_eq!((&record[0], &record[1]), (part, row.to_string().as_str()));
        for feature in 0..wine.n_features() {
            assert_eq!(
                record[feature + 2].parse::<f64>().unwrap(),
                wine.value(row as usize, feature)
            );
        }
        assert_eq!(&record[13], wine.classes[wine.labels[row as usize] as usize]);
        n_rows += 1;
    }
    assert_eq!(n_rows, 4_898);
}
