//! Documents must not promise what is not there: commands that do not exist, links that lead nowhere.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use crate::{cli::Cli, repo};

/// Every Markdown file of the repository outside folders that tools make.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![repo::root()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).expect("a folder of the repository is readable") {
            let path = entry.expect("an entry of the repository is readable").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let is_made =
                name.starts_with('.') || ["target", "dist", "node_modules"].contains(&name.as_str());
            if path.is_dir() && !is_made {
                dirs.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The words after each `cargo xtask ` in `text`, up to the end of the command.
fn commands_in(text: &str) -> Vec<Vec<String>> {
    let is_word = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    let mut commands = Vec::new();
    for (at, phrase) in text.match_indices("cargo xtask ") {
        let rest = text[at + phrase.len()..]
            .split(['\n', '`', '#', '|', ';', ',', '.', ')', ':'])
            .next();
        let words = rest.unwrap_or_default().split_whitespace().take_while(is_word);
        commands.push(words.map(str::to_owned).collect());
    }
    commands
}

/// Whether the words name a command, and, where it has commands of its own, one of those.
fn exists(words: &[String]) -> bool {
    let root = Cli::command();
    let Some(command) = words.first().and_then(|word| root.find_subcommand(word)) else {
        return words.is_empty();
    };
    !command.has_subcommands()
        || words
            .get(1)
            .is_none_or(|word| command.find_subcommand(word).is_some())
}

/// Targets of inline links and pictures that are paths.
fn links_in(text: &str) -> Vec<&str> {
    let targets = text
        .match_indices("](")
        .filter_map(|(at, _)| text[at + 2..].split([')', ' ']).next());
    let html = ["src=\"", "srcset=\"", "href=\""]
        .into_iter()
        .flat_map(|attribute| {
            text.match_indices(attribute)
                .filter_map(move |(at, _)| text[at + attribute.len()..].split('"').next())
        });
    targets
        .chain(html)
        .filter(|target| !target.contains("://") && !target.starts_with(['#', '/']))
        .collect()
}

fn for_each_document(mut check: impl FnMut(&Path, &str)) {
    for path in documents() {
        let text = fs::read_to_string(&path).expect("a document is UTF-8");
        check(&path, &text);
    }
}

#[test]
fn the_readme_names_both_first_commands() {
    let readme = fs::read_to_string(repo::root().join("README.md")).expect("the repository has a README.md");
    for command in ["demo", "test"] {
        assert!(
            readme.contains(&format!("cargo xtask {command}")),
            "README.md does not name `cargo xtask {command}`"
        );
    }
}

#[test]
fn every_command_in_a_document_exists() {
    let mut missing = Vec::new();
    for_each_document(|path, text| {
        for words in commands_in(text).into_iter().filter(|words| !exists(words)) {
            missing.push(format!("{}: cargo xtask {}", path.display(), words.join(" ")));
        }
    });
    assert!(missing.is_empty(), "no such command:\n{}", missing.join("\n"));
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut broken = Vec::new();
    for_each_document(|path, text| {
        let dir = path.parent().expect("a file lies in a folder");
        for target in links_in(text) {
            let file = target.split('#').next().unwrap_or_default();
            if !dir.join(file).exists() {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    });
    assert!(
        broken.is_empty(),
        "links that lead nowhere:\n{}",
        broken.join("\n")
    );
}

#[test]
fn commands_are_read_out_of_prose_and_code() {
    let words = commands_in("Type `cargo xtask demo`, or\n    cargo xtask bench stream --quick # short\n");
    assert_eq!(words, [vec!["demo"], vec!["bench", "stream"]]);
    assert!(words.iter().all(|words| exists(words)));
    assert!(!exists(&["fly".to_owned()]));
    assert!(!exists(&["bench".to_owned(), "fly".to_owned()]));
}
