//! Where fetched data sets are looked for: [`Lookup`].

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;

use crate::catalogue::{self, ARCHIVE_BASE_URL, Entry};

/// Environment variable that names a folder to look in, or several, separated as in `PATH`.
pub const DATA_DIR_VARIABLE: &str = "RUNNEL_DATA_DIR";

/// The folders in which files of a data set are looked for, in order.
///
/// A set's files lie in a folder of its name (`occupancy/`, `room_occupancy/` or `room-occupancy/`) or in the folder
/// itself. Built-in sets need none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    dirs: Vec<PathBuf>,
}

/// A data set whose files are not on this machine, or a name that means none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// No such set.
    #[error("no data set is named `{name}`; known are {}", catalogue::names())]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// A built-in set has no file.
    #[error("`{name}` is part of the program and has no file; export it to get one")]
    BuiltIn {
        /// The name asked for.
        name: String,
    },
    /// Some of its files are in no folder.
    #[error("`{name}` has not been fetched yet: fetch it, or {}", by_hand(.entry, .folder.as_deref()))]
    NotFetched {
        /// The name asked for.
        name: String,
        /// What the catalogue knows of it.
        entry: &'static Entry,
        /// Where its files would be found: the set's folder in the last folder looked in.
        folder: Option<PathBuf>,
    },
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Entry {}

impl Lookup {
    /// Looks in `dirs`, then in the folders that the environment variable `RUNNEL_DATA_DIR` names, then in
    /// [`cache_dir`].
    #[must_use]
    pub fn from_dirs(dirs: Vec<PathBuf>) -> Self {
        let variable = std::env::var_os(DATA_DIR_VARIABLE).unwrap_or_default();
        let from_variable = std::env::split_paths(&variable).filter(|dir| !dir.as_os_str().is_empty());
        Self {
            dirs: dirs.into_iter().chain(from_variable).chain(cache_dir()).collect(),
        }
    }

    /// Looks in `dirs` and nowhere else.
    #[must_use]
    pub fn only(dirs: Vec<PathBuf>) -> Self {
        Self { dirs }
    }

    /// The folders looked in, in order.
    #[must_use]
    pub fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// The folder that holds all files of a set. Their content is not looked at.
    ///
    /// # Errors
    ///
    /// [`LookupError::Unknown`] or [`LookupError::BuiltIn`] by its name, [`LookupError::NotFetched`] if no folder has them
    /// all.
    pub fn path(&self, name: &str) -> Result<PathBuf, LookupError> {
        let Some(entry) = catalogue::entry(name) else {
            return Err(LookupError::Unknown {
                name: name.to_owned(),
            });
        };
        if entry.built_in {
            return Err(LookupError::BuiltIn {
                name: name.to_owned(),
            });
        }
        let folders = self
            .dirs
            .iter()
            .flat_map(|dir| [dir.join(entry.folder()), dir.join(entry.name), dir.clone()]);
        let mut complete =
            folders.filter(|folder| entry.files.iter().all(|file| folder.join(file.name).is_file()));
        complete.next().ok_or_else(|| LookupError::NotFetched {
            name: name.to_owned(),
            entry,
            folder: self.dirs.last().map(|dir| dir.join(entry.folder())),
        })
    }
}

/// Where fetched sets are kept: `runnel/datasets` in the user's cache folder (`$XDG_CACHE_HOME`, by default `~/.cache`;
/// the local application data on Windows). `None` if the user has no home folder.
#[must_use]
pub fn cache_dir() -> Option<PathBuf> {
    etcetera::choose_base_strategy()
        .ok()
        .map(|strategy| strategy.cache_dir().join("runnel").join("datasets"))
}

/// What to do without a fetch, as the end of a sentence: the address, the files and the folder.
pub(crate) fn by_hand(entry: &Entry, folder: Option<&Path>) -> String {
    let files: Vec<&str> = entry.files.iter().map(|file| file.name).collect();
    let address = entry
        .archive
        .map(|archive| format!("{ARCHIVE_BASE_URL}{}", archive.path))
        .unwrap_or_default();
    let folder = folder.map_or_else(
        || format!("a folder named {}", entry.folder()),
        |it| it.display().to_string(),
    );
    format!(
        "download {address} by hand and put {} from it into {folder}",
        files.join(", ")
    )
}
