//! `sensor-sim datasets …`: what there is, where it is, and how to get at it with other tools.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};

use anyhow::{Context as _, Result};
use datasets::{Lookup, Progress};

use crate::cli::DatasetsCommand;
use crate::data_args::{Folders, check_name, load};

/// Carries out a command; results go to `out`, which is stdout but in tests.
///
/// # Errors
///
/// [`crate::cli::UsageError`] for an unknown name, otherwise what went wrong with files or the network.
pub fn run(command: &DatasetsCommand, mut out: impl Write) -> Result<()> {
    match command {
        DatasetsCommand::List { markdown: true } => write!(out, "{}", datasets::markdown_table())?,
        DatasetsCommand::List { markdown: false } => list(&mut out)?,
        DatasetsCommand::Fetch { name } => fetch(name, &mut out)?,
        DatasetsCommand::Path { name, folders } => {
            check_name(name)?;
            let path = lookup(folders).path(name)?;
            writeln!(out, "{}", path.display())?;
        }
        DatasetsCommand::Export {
            name,
            out: file,
            split,
            filters,
            folders,
        } => {
            let dataset = filters.apply(load(name, folders)?)?;
            let split = split.parts(&dataset, filters)?;
            match file {
                Some(path) => {
                    let writing = || format!("writing {}", path.display());
                    let file = File::create(path).with_context(writing)?;
                    datasets::export_csv(&dataset, &split, BufWriter::new(file)).with_context(writing)?;
                }
                None => datasets::export_csv(&dataset, &split, BufWriter::new(out))?,
            }
        }
    }
    Ok(())
}

fn lookup(folders: &Folders) -> Lookup {
    Lookup::from_dirs(folders.data_dirs.clone())
}

fn list(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<16} {:>8} {:>8} {:>7}  {:<8} title",
        "name", "rows", "features", "classes", "kept"
    )?;
    let lookup = lookup(&Folders::default());
    for entry in datasets::catalogue() {
        let kept = if entry.built_in {
            "built in"
        } else if lookup.path(entry.name).is_ok() {
            "fetched"
        } else {
            "to fetch"
        };
        let (name, title) = (entry.name, entry.title);
        let (n_rows, n_features, n_classes) = (entry.n_rows, entry.n_features, entry.classes.len());
        writeln!(
            out,
            "{name:<16} {n_rows:>8} {n_features:>8} {n_classes:>7}  {kept:<8} {title}"
        )?;
    }
    Ok(())
}

fn fetch(name: &str, out: &mut impl Write) -> Result<()> {
    check_name(name)?;
    let cache_dir = datasets::cache_dir().context("there is no home folder to keep a cache in; set HOME")?;
    let mut bar = Bar::default();
    let folder = datasets::fetch(name, &cache_dir, &mut |progress| bar.show(name, &progress))?;
    bar.end();
    writeln!(out, "{}", folder.display())?;
    Ok(())
}

/// Shows on stderr how far a download has got: a line that is redrawn on a terminal, a few lines in a file.
#[derive(Debug, Default)]
struct Bar {
    last_percent: Option<u64>,
    is_open: bool,
}

impl Bar {
    /// Characters of the bar itself.
    const WIDTH: u64 = 30;

    fn show(&mut self, name: &str, progress: &Progress) {
        match progress {
            Progress::Connecting { url, n_kept_bytes: 0 } => {
                self.line(&format!("fetching {name} from {url}"))
            }
            Progress::Connecting { url, n_kept_bytes } => {
                self.line(&format!(
                    "fetching {name} from {url}, going on after {n_kept_bytes} bytes"
                ));
            }
            Progress::Downloading {
                n_bytes,
                n_total_bytes,
            } => self.draw(*n_bytes, *n_total_bytes),
            _ => self.line("checking and unpacking"),
        }
    }

    fn draw(&mut self, n_bytes: u64, n_total_bytes: Option<u64>) {
        let percent = n_total_bytes
            .filter(|&total| total > 0)
            .map(|total| (n_bytes * 100 / total).min(100));
        let is_terminal = io::stderr().is_terminal();
        // Unknown sizes are shown by the megabyte.
        let step = percent.unwrap_or(n_bytes >> 20);
        if !is_terminal || self.last_percent == Some(step) {
            return;
        }
        self.last_percent = Some(step);
        let mut err = io::stderr().lock();
        // A terminal that is gone is no reason to stop fetching.
        let _ = match percent {
            Some(percent) => {
                let done = (percent * Self::WIDTH / 100) as usize;
                let rest = Self::WIDTH as usize - done;
                write!(err, "\r[{}{}] {percent:>3} %", "#".repeat(done), "-".repeat(rest))
            }
            None => write!(err, "\r{:.1} MB", n_bytes as f64 / 1e6),
        };
        self.is_open = true;
    }

    fn line(&mut self, text: &str) {
        self.end();
        let _ = writeln!(io::stderr(), "{text}");
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.is_open) {
            let _ = writeln!(io::stderr());
        }
    }
}
