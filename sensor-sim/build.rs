//! Puts the page's files into the program: reads the folder that `RUNNEL_PAGE_DIR` names, compresses each file with
//! gzip and brotli, and writes a table of them for `src/assets.rs`. Without the variable the table is empty.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest as _, Sha256};

/// Slower settings save 2 % more and take many times as long in an unoptimised build script.
const BROTLI_QUALITY: u32 = 9;

/// The window size, 2^22 bytes: the largest that every browser takes.
const BROTLI_WINDOW_BITS: u32 = 22;

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUNNEL_PAGE_DIR");
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut table = String::from("static ASSETS: &[Asset] = &[\n");
    if let Some(page_dir) = env::var_os("RUNNEL_PAGE_DIR").filter(|dir| !dir.is_empty()) {
        let page_dir = PathBuf::from(page_dir);
        println!("cargo:rerun-if-changed={}", page_dir.display());
        let mut files = Vec::new();
        find_files(&page_dir, "", &mut files).map_err(|error| {
            io::Error::other(format!("{error}, reading RUNNEL_PAGE_DIR {}", page_dir.display()))
        })?;
        files.sort();
        for (idx, (name, path)) in files.iter().enumerate() {
            println!("cargo:rerun-if-changed={}", path.display());
            add(&mut table, name, path, &out_dir.join(format!("asset-{idx}")))?;
        }
    }
    table.push_str("];\n");
    fs::write(out_dir.join("page.rs"), table)
}

/// Collects (name with forward slashes, path) of all files below `dir`.
fn find_files(dir: &Path, prefix: &str, out: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            find_files(&entry.path(), &format!("{name}/"), out)?;
        } else {
            out.push((name, entry.path()));
        }
    }
    Ok(())
}

/// Writes the three forms of a file and its line of the table.
fn add(table: &mut String, name: &str, path: &Path, stem: &Path) -> io::Result<()> {
    let plain = fs::read(path)?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&plain)?;
    let gzip = gzip.finish()?;
    let mut brotli = Vec::new();
    brotli::CompressorWriter::new(&mut brotli, 64 * 1024, BROTLI_QUALITY, BROTLI_WINDOW_BITS)
        .write_all(&plain)?;

    let etag: String = Sha256::digest(&plain)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
    let form = |extension: &str, bytes: &[u8]| -> io::Result<String> {
        let file = stem.with_extension(extension);
        fs::write(&file, bytes)?;
        Ok(format!("include_bytes!({:?})", file.display().to_string()))
    };
    let compressed = |extension: &str, bytes: &[u8]| -> io::Result<String> {
        if bytes.len() < plain.len() {
            Ok(format!("Some({})", form(extension, bytes)?))
        } else {
            Ok("None".to_owned())
        }
    };
    let (gzip, brotli) = (compressed("gz", &gzip)?, compressed("br", &brotli)?);
    let plain = form("plain", &plain)?;
    let content_type = content_type(name);
    let etag = format!("\"{etag}\"");
    let _ = writeln!(
        table,
        "Asset {{ path: {name:?}, content_type: {content_type:?}, etag: {etag:?}, plain: {plain}, gzip: {gzip}, brotli: {brotli} }},"
    );
    Ok(())
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
