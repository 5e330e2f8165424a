//! Which engine is chosen, and that the model says so.

mod common;

use classifier::{EngineKind, KnnOptions, Metric, Preparation};
use common::{ENGINES, Random, Table};
use wasm_bindgen_test::wasm_bindgen_test;

fn uniform(n_rows: usize, n_features: usize) -> Table {
    Table::random(&mut Random(5), n_rows, |random, row| {
        row.extend((0..n_features).map(|_| random.unit()));
    })
}

#[wasm_bindgen_test(unsupported = test)]
fn a_tree_is_chosen_where_few_rows_are_looked_at() {
    for metric in [Metric::Euclidean, Metric::Manhattan] {
        for preparation in [Preparation::Raw, Preparation::Standard, Preparation::MinMax] {
            let options = KnnOptions {
                metric,
                preparation,
                ..KnnOptions::default()
            };
            for (n_features, expected) in [
                (2, EngineKind::Tree),
                (4, EngineKind::Tree),
                (40, EngineKind::Scan),
            ] {
                let knn = uniform(4000, n_features).fit(&options);
                assert_eq!(knn.describe().engine, expected, "{}", knn.describe());
                assert_eq!(knn.options().engine, EngineKind::Auto);
            }
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_engine_that_is_asked_for_is_used() {
    let asked_for = ENGINES
        .iter()
        .copied()
        .filter(|engine| *engine != EngineKind::Auto);
    for engine in asked_for {
        for n_features in [2, 40] {
            let options = KnnOptions {
                engine,
                ..KnnOptions::default()
            };
            let description = uniform(500, n_features).fit(&options).describe();
            assert_eq!(description.engine, engine);
            assert_eq!(
                description.visited_ppm, None,
                "nothing to choose, nothing counted"
            );
        }
    }
}

#[wasm_bindgen_test(unsupported = test)]
fn the_description_says_why() {
    let tree = uniform(4000, 2)
        .fit(&KnnOptions::default())
        .describe()
        .to_string();
    assert!(
        tree.contains("box tree, ") && tree.contains(", as it looks at 0."),
        "{tree}"
    );
    let description = uniform(4000, 40).fit(&KnnOptions::default()).describe();
    let visited_ppm = description.visited_ppm.expect("the choice was free");
    assert!(
        (500_000..=1_000_000).contains(&visited_ppm),
        "{visited_ppm} of forty independent features"
    );
    let scan = description.to_string();
    let per_cent = format!(", as a tree would look at {}.", visited_ppm / 10_000);
    assert!(scan.contains("scan, ") && scan.contains(&per_cent), "{scan}");
    let few = uniform(16, 2).fit(&KnnOptions::default()).describe().to_string();
    assert!(
        few.contains("scan, ") && few.contains(" kB: ") && !few.contains("tree"),
        "a tree of one leaf is no reason: {few}"
    );
}

/// One row, one value, no varying column, fewer rows than a leaf or than k.
#[wasm_bindgen_test(unsupported = test)]
fn the_smallest_sets_have_trees_too() {
    for n_rows in [1, 2, 15, 16, 17, 33, 64, 65] {
        for values in [1, 2, 50] {
            let table = Table::random(&mut Random(n_rows as u64), n_rows, |random, row| {
                row.extend((0..2).map(|_| random.integer(1, values)));
            });
            let options = KnnOptions {
                engine: EngineKind::Tree,
                k: 20,
                ..KnnOptions::default()
            };
            let mut knn = table.fit(&options);
            assert_eq!(knn.describe().engine, EngineKind::Tree);
            for query in [[1.0, 1.0], [2.5, 1e9], [0.0, 3.0]] {
                let found: Vec<(u32, f64)> = knn
                    .neighbours(&query)
                    .expect("two features")
                    .iter()
                    .map(|neighbour| (neighbour.row, neighbour.distance))
                    .collect();
                assert_eq!(found, common::by_sorting(&table, &query, &options));
            }
        }
    }
}
