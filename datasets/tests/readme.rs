//! The README's catalogue is the program's.
//!
//! `UPDATE_README=1 cargo nextest run -p datasets --test readme` writes it anew.

use std::path::Path;

const BEGIN: &str = "<!-- catalogue: made by `datasets::markdown_table`, checked by tests/readme.rs -->\n";
const END: &str = "<!-- end of catalogue -->\n";

#[test]
fn the_readme_holds_the_catalogue_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the catalogue's begin");
    let (table, after) = rest.split_once(END).expect("the catalogue's end");
    let expected = format!("\n{}\n", datasets::markdown_table());
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
    } else {
        assert!(
            table == expected,
            "README.md is not up to date; see the head of tests/readme.rs"
        );
    }
}
