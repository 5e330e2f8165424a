//! Fetches a data set from the archive that publishes it: [`fetch`].
//!
//! A download goes to `NAME.zip.part` in the cache folder and is resumed from there; the archive's members are compared
//! with their published checksums before any file gets its final name, so that a folder never holds half a file. Blocks the
//! calling thread; one fetch of a set at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::http::{StatusCode, header};

use crate::catalogue::{self, ARCHIVE_BASE_URL, Entry};
use crate::checksum;
use crate::lookup::{self, LookupError};

/// More than any archive of the catalogue, compressed or not: a wrong server must not fill the disk or the memory.
const MAX_BYTES: u64 = 100 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Without a byte for this long, the server counts as gone.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("runnel-datasets/", env!("CARGO_PKG_VERSION"));

/// How far a fetch has got.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// The request is on its way.
    Connecting {
        /// Address of the archive.
        url: String,
        /// Bytes kept from an earlier try.
        n_kept_bytes: u64,
    },
    /// Bytes arrive.
    Downloading {
        /// Bytes on disk, those of an earlier try included.
        n_bytes: u64,
        /// Bytes of the whole archive, if the server says so.
        n_total_bytes: Option<u64>,
    },
    /// The archive is complete; its members are being checked and written.
    Unpacking,
}

/// A fetch that failed. Messages that another try would not mend say how to do without.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The name is unknown or that of a built-in set.
    #[error(transparent)]
    Name(LookupError),
    /// The server could not be reached.
    #[error("cannot fetch `{name}`: {cause}; {by_hand}")]
    Unreachable {
        /// The set.
        name: String,
        /// What the network said.
        cause: String,
        /// Address, files and folder, as the end of a sentence.
        by_hand: String,
    },
    /// The server answered something else than the archive.
    #[error("cannot fetch `{name}`: the server answered {status}; {by_hand}")]
    Status {
        /// The set.
        name: String,
        /// HTTP status.
        status: u16,
        /// Address, files and folder, as the end of a sentence.
        by_hand: String,
    },
    /// The connection broke; what arrived is kept.
    #[error(
        "the download of `{name}` broke off after {n_bytes} bytes: {cause}; fetch it again to go on from there"
    )]
    Interrupted {
        /// The set.
        name: String,
        /// Bytes on disk.
        n_bytes: u64,
        /// What the network said.
        cause: String,
    },
    /// The download is not the published archive; it has been removed.
    #[error("what the server sent for `{name}` is not the published archive: {cause}; {by_hand}")]
    Archive {
        /// The set.
        name: String,
        /// What is wrong with it.
        cause: String,
        /// Address, files and folder, as the end of a sentence.
        by_hand: String,
    },
    /// Another process is fetching the same set.
    #[error("`{name}` is being fetched already by another process")]
    Busy {
        /// The set.
        name: String,
    },
    /// The cache folder cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Fetches a set into `cache_dir` (see [`cache_dir`](crate::cache_dir)) and returns the folder that holds its files.
/// Returns at once, without network, if they are there already.
///
/// A proxy is taken from the environment (`HTTPS_PROXY`, `NO_PROXY`).
///
/// # Errors
///
/// [`FetchError::Name`] for a set that cannot be fetched; the other variants say what failed on the way.
pub fn fetch(
    name: &str,
    cache_dir: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, FetchError> {
    let name_error = |error| Err(FetchError::Name(error));
    match catalogue::entry(name) {
        None => name_error(LookupError::Unknown {
            name: name.to_owned(),
        }),
        Some(entry) if entry.built_in => name_error(LookupError::BuiltIn {
            name: name.to_owned(),
        }),
        Some(entry) => fetch_entry(entry, ARCHIVE_BASE_URL, cache_dir, progress),
    }
}

/// As [`fetch`], for an entry of the caller's or from another server: a mirror, or a test's.
///
/// # Errors
///
/// As [`fetch`].
///
/// # Panics
///
/// If the entry names no archive.
pub fn fetch_entry(
    entry: &Entry,
    base_url: &str,
    cache_dir: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, FetchError> {
    let folder = cache_dir.join(entry.folder());
    if is_complete(entry, &folder) {
        return Ok(folder);
    }
    let archive = entry.archive.expect("only sets with an archive are fetched");
    let part_path = cache_dir.join(format!("{}.zip.part", entry.folder()));
    let fetch = Fetch {
        entry,
        url: format!("{base_url}{}", archive.path),
        folder: &folder,
        part_path: &part_path,
    };

    create_dir(cache_dir)?;
    let mut part = fetch.open_part()?;
    let was_resumed = fetch.download(&mut part, progress)?;
    progress(Progress::Unpacking);
    let mut members = fetch.members(&mut part);
    if members.is_err() && was_resumed {
        // The kept bytes may be of another archive than the rest: once more, from the start.
        fetch.truncate(&mut part)?;
        fetch.download(&mut part, progress)?;
        progress(Progress::Unpacking);
        members = fetch.members(&mut part);
    }
    let outcome = members
        .map_err(|cause| FetchError::Archive {
            name: entry.name.to_owned(),
            cause,
            by_hand: fetch.by_hand(),
        })
        .and_then(|members| write_files(&folder, &members));
    drop(part);
    // Kept only if writing failed, which is worth another try; a wrong archive is not.
    if !matches!(outcome, Err(FetchError::Write { .. })) {
        fs::remove_file(&part_path).map_err(|source| FetchError::Write {
            path: part_path.clone(),
            source,
        })?;
    }
    outcome.map(|()| folder)
}

fn is_complete(entry: &Entry, folder: &Path) -> bool {
    entry.files.iter().all(|file| {
        fs::read(folder.join(file.name)).is_ok_and(|bytes| checksum::check(&bytes, file.sha256).is_ok())
    })
}

fn create_dir(dir: &Path) -> Result<(), FetchError> {
    fs::create_dir_all(dir).map_err(|source| FetchError::Write {
        path: dir.to_owned(),
        source,
    })
}

/// Writes every file under a passing name first: a reader sees all of a file or none.
fn write_files(folder: &Path, members: &[(&str, Vec<u8>)]) -> Result<(), FetchError> {
    create_dir(folder)?;
    for (name, bytes) in members {
        let (path, passing) = (folder.join(name), folder.join(format!("{name}.new")));
        let written = fs::write(&passing, bytes).and_then(|()| fs::rename(&passing, &path));
        written.map_err(|source| FetchError::Write { path, source })?;
    }
    Ok(())
}

/// One set on its way from one address to one folder.
struct Fetch<'a> {
    entry: &'a Entry,
    url: String,
    folder: &'a Path,
    part_path: &'a Path,
}

impl Fetch<'_> {
    fn by_hand(&self) -> String {
        lookup::by_hand(self.entry, Some(self.folder))
    }

    fn name(&self) -> String {
        self.entry.name.to_owned()
    }

    fn write_error(&self, source: io::Error) -> FetchError {
        FetchError::Write {
            path: self.part_path.to_owned(),
            source,
        }
    }

    fn unreachable(&self, cause: impl ToString) -> FetchError {
        FetchError::Unreachable {
            name: self.name(),
            cause: cause.to_string(),
            by_hand: self.by_hand(),
        }
    }

    /// The download so far, locked against a second process.
    fn open_part(&self) -> Result<File, FetchError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let part = options
            .open(self.part_path)
            .map_err(|source| self.write_error(source))?;
        match part.try_lock() {
            Ok(()) => Ok(part),
            Err(TryLockError::WouldBlock) => Err(FetchError::Busy { name: self.name() }),
            Err(TryLockError::Error(source)) => Err(self.write_error(source)),
        }
    }

    fn truncate(&self, part: &mut File) -> Result<(), FetchError> {
        part.set_len(0)
            .and_then(|()| part.rewind())
            .map_err(|source| self.write_error(source))
    }

    /// Appends what is missing to `part`. True if bytes of an earlier try were kept.
    fn download(&self, part: &mut File, progress: &mut dyn FnMut(Progress)) -> Result<bool, FetchError> {
        let agent = self.agent();
        let mut n_kept_bytes = part
            .seek(SeekFrom::End(0))
            .map_err(|source| self.write_error(source))?;
        loop {
            progress(Progress::Connecting {
                url: self.url.clone(),
                n_kept_bytes,
            });
            let mut request = agent.get(&self.url);
            if n_kept_bytes > 0 {
                request = request.header(header::RANGE, format!("bytes={n_kept_bytes}-"));
            }
            let response = request.call().map_err(|error| self.unreachable(error))?;
            let goes_on = response.status() == StatusCode::PARTIAL_CONTENT
                && first_byte(response.headers()) == Some(n_kept_bytes);
            match response.status() {
                StatusCode::PARTIAL_CONTENT if goes_on => {}
                // The whole archive: the server does not resume.
                StatusCode::OK => {
                    n_kept_bytes = 0;
                    self.truncate(part)?;
                }
                // The kept bytes do not fit what the server has: ask for all of it.
                StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT if n_kept_bytes > 0 => {
                    n_kept_bytes = 0;
                    self.truncate(part)?;
                    continue;
                }
                status => {
                    let (name, status, by_hand) = (self.name(), status.as_u16(), self.by_hand());
                    return Err(FetchError::Status {
                        name,
                        status,
                        by_hand,
                    });
                }
            }
            self.receive(response.into_body(), n_kept_bytes, part, progress)?;
            return Ok(n_kept_bytes > 0);
        }
    }

    fn agent(&self) -> ureq::Agent {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(USER_AGENT)
            // A redirect must not lead from HTTPS to plain HTTP.
            .https_only(self.url.starts_with("https:"))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(READ_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT));
        if self.url.starts_with("http://127.0.0.1:") {
            // This machine is not reached through a proxy.
            config = config.proxy(None);
        }
        config.build().new_agent()
    }

    fn receive(
        &self,
        body: ureq::Body,
        n_kept_bytes: u64,
        part: &mut File,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), FetchError> {
        let n_total_bytes = body.content_length().map(|n| n_kept_bytes.saturating_add(n));
        let mut n_bytes = n_kept_bytes;
        let interrupted = |n_bytes: u64, cause: String| FetchError::Interrupted {
            name: self.name(),
            n_bytes,
            cause,
        };
        let mut body = body.into_reader();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            progress(Progress::Downloading {
                n_bytes,
                n_total_bytes,
            });
            let n_read = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(n_read) => n_read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(interrupted(n_bytes, error.to_string())),
            };
            n_bytes += n_read as u64;
            if n_bytes > MAX_BYTES {
                self.truncate(part)?;
                let cause = format!("it has more than {MAX_BYTES} bytes");
                return Err(FetchError::Archive {
                    name: self.name(),
                    cause,
                    by_hand: self.by_hand(),
                });
            }
            part.write_all(&buffer[..n_read])
                .map_err(|source| self.write_error(source))?;
        }
        match n_total_bytes {
            Some(total) if n_bytes < total => {
                Err(interrupted(n_bytes, format!("the server promised {total}")))
            }
            _ => Ok(()),
        }
    }

    /// The set's files from the archive, compared with their checksums; or what is wrong with it.
    fn members(&self, part: &mut File) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
        let mut archive =
            zip::ZipArchive::new(part).map_err(|error| format!("not a zip archive: {error}"))?;
        let mut members = vec![];
        for file in self.entry.files {
            // By the last part of the path: archives may keep their files in a folder.
            let is_wanted = |name: &str| name.rsplit('/').next() == Some(file.name);
            let idx = (0..archive.len())
                .find(|&idx| {
                    archive
                        .name_for_index(idx)
                        .and_then(Result::ok)
                        .is_some_and(|name| is_wanted(&name))
                })
                .ok_or_else(|| format!("it holds no file {}", file.name))?;
            let mut bytes = vec![];
            let member = archive
                .by_index(idx)
                .map_err(|error| format!("{}: {error}", file.name))?;
            // One byte more than allowed tells a file that is too large; its checksum is wrong in any case.
            member
                .take(MAX_BYTES + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| format!("{}: {error}", file.name))?;
            checksum::check(&bytes, file.sha256)
                .map_err(|actual| format!("{} has SHA-256 {actual}, expected {}", file.name, file.sha256))?;
            members.push((file.name, bytes));
        }
        Ok(members)
    }
}

/// Where a partial answer begins: `n` of `Content-Range: bytes n-m/total`.
fn first_byte(headers: &ureq::http::HeaderMap) -> Option<u64> {
    let range = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    range
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .trim()
        .parse()
        .ok()
}
