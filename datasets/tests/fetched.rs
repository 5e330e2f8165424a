//! The readers of the fetched sets on their published files, where a folder `shared/datasets` beside the repository has
//! them; without it these tests say so and check nothing. Where files are looked for is checked in any case.

use std::path::{Path, PathBuf};

use datasets::{Dataset, LoadError, Lookup, LookupError, catalogue, load};
use tempfile::TempDir;

#[expect(clippy::print_stdout, reason = "a test that checks nothing has to say so")]
fn published() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/datasets");
    let is_there = folder.is_dir();
    if !is_there {
        println!("skipped: the published files are not in {}", folder.display());
    }
    is_there.then_some(folder)
}

fn class_counts(dataset: &Dataset) -> Vec<usize> {
    (0..dataset.classes.len())
        .map(|class| {
            dataset
                .labels
                .iter()
                .filter(|&&label| label as usize == class)
                .count()
        })
        .collect()
}

#[test]
fn fetched_sets_have_the_shape_that_the_catalogue_says() {
    let Some(folder) = published() else { return };
    for entry in catalogue().iter().filter(|entry| !entry.built_in) {
        let dataset = load(entry.name, &Lookup::only(vec![folder.clone()])).unwrap();
        assert_eq!(
            (dataset.n_rows(), dataset.n_features()),
            (entry.n_rows, entry.n_features),
            "{}",
            entry.name
        );
        assert_eq!(dataset.classes, entry.classes);
        assert_eq!(dataset.times_micros.is_some(), entry.has_times, "{}", entry.name);
        if let Some(times) = &dataset.times_micros {
            assert_eq!(times.len(), entry.n_rows);
            assert!(times.is_sorted(), "{} is in time order", entry.name);
        }
    }
}

#[test]
fn fetched_sets_have_the_rows_that_were_published() {
    let Some(folder) = published() else { return };
    let lookup = Lookup::only(vec![folder]);
    let mut row = vec![];

    let occupancy = load("occupancy", &lookup).unwrap();
    assert_eq!(class_counts(&occupancy), [15_810, 4_750]);
    occupancy.row_into(0, &mut row);
    assert_eq!(row, [23.7, 26.272, 585.2, 749.2, 0.00476416302416414]);
    // 2015-02-02 14:19:00, and the first row of datatraining.txt at 2015-02-04 17:51:00.
    let times = occupancy.times_micros.as_ref().unwrap();
    assert_eq!(
        (times[0], times[2_665]),
        (1_422_886_740_000_000, 1_423_072_260_000_000)
    );

    let room = load("room-occupancy", &lookup).unwrap();
    assert_eq!(class_counts(&room), [8_228, 459, 748, 694]);
    room.row_into(0, &mut row);
    assert_eq!(row[..5], [24.94, 24.75, 24.56, 25.38, 121.0]);
    // 2017-12-22 10:49:41.
    assert_eq!(room.times_micros.as_ref().unwrap()[0], 1_513_939_781_000_000);

    let robot = load("wall-robot", &lookup).unwrap();
    assert_eq!(class_counts(&robot), [2_205, 2_097, 328, 826]);
    robot.row_into(0, &mut row);
    assert_eq!((row[0], row[23]), (0.438, 0.429));
}

#[test]
fn the_first_folder_with_all_files_is_taken() {
    let (incomplete, own, bare) = (
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
        TempDir::new().unwrap(),
    );
    let write = |folder: &Path, names: &[&str]| {
        std::fs::create_dir_all(folder).unwrap();
        names
            .iter()
            .for_each(|name| std::fs::write(folder.join(name), "").unwrap());
    };
    let all = ["datatest.txt", "datatraining.txt", "datatest2.txt"];
    write(&incomplete.path().join("occupancy"), &all[..2]);
    write(&own.path().join("occupancy"), &all);
    write(bare.path(), &all);
    let dirs = [&incomplete, &own, &bare].map(|dir| dir.path().to_owned());
    let lookup = |from: usize| Lookup::only(dirs[from..].to_vec());
    assert_eq!(lookup(0).path("occupancy").unwrap(), own.path().join("occupancy"));
    assert_eq!(lookup(2).path("occupancy").unwrap(), bare.path());
    // An empty file is not the published one.
    let error = load("occupancy", &lookup(0)).unwrap_err();
    assert!(matches!(error, LoadError::Checksum { .. }), "{error}");
    assert!(
        error.to_string().ends_with("; fetch `occupancy` again"),
        "{error}"
    );
    // Folders given by hand come first, the cache last.
    assert!(Lookup::from_dirs(dirs.to_vec()).dirs().starts_with(&dirs));
}

#[test]
fn a_set_that_is_not_here_says_how_to_get_it() {
    let lookup = Lookup::only(vec!["some/cache".into()]);
    assert_eq!(
        load("room-occupancy", &lookup).unwrap_err().to_string(),
        "`room-occupancy` has not been fetched yet: fetch it, or download \
         https://archive.ics.uci.edu/static/public/864/room+occupancy+estimation.zip by hand and put \
         Occupancy_Estimation.csv from it into some/cache/room_occupancy"
    );
    assert!(matches!(
        lookup.path("covertype"),
        Err(LookupError::BuiltIn { .. })
    ));
    assert!(matches!(lookup.path("iris"), Err(LookupError::Unknown { .. })));
    assert!(matches!(
        load("iris", &lookup),
        Err(LoadError::Lookup(LookupError::Unknown { .. }))
    ));
}
