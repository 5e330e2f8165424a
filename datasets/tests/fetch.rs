//! Fetching, against a small HTTP server on loopback that behaves well or badly.

#![expect(clippy::unwrap_used, reason = "the helpers of these tests are tests too")]

use std::io::{Cursor, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use datasets::{Archive, Entry, FetchError, File, Progress, entry, fetch, fetch_entry};
use sha2::Digest as _;
use tempfile::TempDir;

/// What a server sends, given the request in lower case.
type Answer = Box<dyn Fn(&str) -> Vec<u8> + Send>;

const FIRST: &[u8] = b"1,2,a\n3,4,b\n";
const SECOND: &[u8] = b"5,6,a\n";

/// An entry of two small files.
fn two_files() -> Entry {
    let file = |name: &'static str, bytes: &[u8]| {
        let digest: String = sha2::Sha256::digest(bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        File {
            name,
            sha256: digest.leak(),
        }
    };
    let wall_robot = entry("wall-robot").unwrap();
    Entry {
        name: "two-files",
        files: vec![file("first.csv", FIRST), file("second.csv", SECOND)].leak(),
        archive: Some(Archive {
            path: "/static/two+files.zip",
        }),
        features: wall_robot.features,
        classes: wall_robot.classes,
        ..*wall_robot
    }
}

fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(vec![]));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in members {
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn good_zip() -> Vec<u8> {
    zip_of(&[
        ("readme.txt", b"hello"),
        ("data/first.csv", FIRST),
        ("data/second.csv", SECOND),
    ])
}

/// Answers one connection after another with what `answers` make of the request; the requests come out of the receiver.
fn serve(answers: Vec<Answer>) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let (send, requests) = mpsc::channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let request = read_request(&mut stream);
            stream.write_all(&answer(&request)).unwrap();
            if send.send(request).is_err() {
                return;
            }
        }
    });
    (base_url, requests)
}

fn read_request(stream: &mut TcpStream) -> String {
    let (mut request, mut byte) = (vec![], [0]);
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        request.push(byte[0]);
    }
    String::from_utf8(request).unwrap().to_lowercase()
}

fn response(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The whole of `zip`, whatever is asked for.
fn whole(zip: Vec<u8>) -> Answer {
    Box::new(move |_| response("200 OK", &format!("content-length: {}\r\n", zip.len()), &zip))
}

/// The part of `zip` that is asked for.
fn ranged(zip: Vec<u8>) -> Answer {
    Box::new(move |request| {
        let (_, range) = request.split_once("range: bytes=").unwrap();
        let begin: usize = range.split('-').next().unwrap().parse().unwrap();
        let headers = format!(
            "content-range: bytes {begin}-{}/{}\r\ncontent-length: {}\r\n",
            zip.len() - 1,
            zip.len(),
            zip.len() - begin
        );
        response("206 Partial Content", &headers, &zip[begin..])
    })
}

/// Half of `zip` under a header that promises all of it.
fn half(zip: Vec<u8>) -> Answer {
    let promised = format!("content-length: {}\r\n", zip.len());
    Box::new(move |_| response("200 OK", &promised, &zip[..zip.len() / 2]))
}

fn status(line: &'static str) -> Answer {
    Box::new(move |_| response(line, "content-length: 0\r\n", b""))
}

fn fetch_two(base_url: &str, cache: &TempDir) -> Result<(), FetchError> {
    fetch_entry(&two_files(), base_url, cache.path(), &mut |_| {}).map(|folder| check_files(&folder))
}

fn check_files(folder: &Path) {
    assert!(folder.ends_with("two_files"));
    assert_eq!(std::fs::read(folder.join("first.csv")).unwrap(), FIRST);
    assert_eq!(std::fs::read(folder.join("second.csv")).unwrap(), SECOND);
    let mut left: Vec<_> = std::fs::read_dir(folder.parent().unwrap())
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["two_files"], "no partial download is left");
    assert_eq!(
        std::fs::read_dir(folder).unwrap().count(),
        2,
        "only the files wanted"
    );
}

#[test]
fn a_set_is_downloaded_unpacked_and_then_found_without_network() {
    let (base_url, requests) = serve(vec![whole(good_zip())]);
    let cache = TempDir::new().unwrap();
    let mut steps = vec![];
    let folder = fetch_entry(&two_files(), &base_url, cache.path(), &mut |step| {
        steps.push(step)
    })
    .unwrap();
    check_files(&folder);
    let request = requests.recv().unwrap();
    assert!(
        request.starts_with("get /static/two+files.zip http/1.1\r\n"),
        "{request}"
    );
    assert!(!request.contains("range:"), "{request}");
    let n = good_zip().len() as u64;
    assert_eq!(
        steps[0],
        Progress::Connecting {
            url: format!("{base_url}/static/two+files.zip"),
            n_kept_bytes: 0
        }
    );
    assert_eq!(
        steps[1],
        Progress::Downloading {
            n_bytes: 0,
            n_total_bytes: Some(n)
        }
    );
    assert_eq!(
        steps[steps.len() - 2],
        Progress::Downloading {
            n_bytes: n,
            n_total_bytes: Some(n)
        }
    );
    assert_eq!(steps[steps.len() - 1], Progress::Unpacking);
    // The server has ended: this must not ask it.
    fetch_two(&base_url, &cache).unwrap();
}

#[test]
fn a_size_that_is_not_told_is_not_needed() {
    let zip = good_zip();
    let (base_url, _requests) = serve(vec![Box::new(move |_| response("200 OK", "", &zip))]);
    fetch_two(&base_url, &TempDir::new().unwrap()).unwrap();
}

#[test]
fn a_download_that_broke_off_goes_on_where_it_stopped() {
    let (base_url, requests) = serve(vec![half(good_zip()), ranged(good_zip())]);
    let cache = TempDir::new().unwrap();
    let n_half = good_zip().len() / 2;
    let error = fetch_two(&base_url, &cache).unwrap_err();
    assert!(
        matches!(&error, FetchError::Interrupted { n_bytes, .. } if *n_bytes == n_half as u64),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .ends_with("; fetch it again to go on from there"),
        "{error}"
    );
    assert!(!cache.path().join("two_files").exists());
    fetch_two(&base_url, &cache).unwrap();
    assert!(!requests.recv().unwrap().contains("range:"));
    assert!(
        requests
            .recv()
            .unwrap()
            .contains(&format!("range: bytes={n_half}-\r\n"))
    );
}

#[test]
fn a_server_that_cannot_resume_sends_all_of_it_again() {
    for second in [
        vec![whole(good_zip())],
        vec![status("416 Range Not Satisfiable"), whole(good_zip())],
    ] {
        let answers = std::iter::once(half(good_zip())).chain(second).collect();
        let (base_url, _requests) = serve(answers);
        let cache = TempDir::new().unwrap();
        fetch_two(&base_url, &cache).unwrap_err();
        fetch_two(&base_url, &cache).unwrap();
    }
}

#[test]
fn kept_bytes_of_another_archive_cost_a_second_download_only() {
    let (base_url, _requests) = serve(vec![ranged(good_zip()), whole(good_zip())]);
    let cache = TempDir::new().unwrap();
    std::fs::write(cache.path().join("two_files.zip.part"), [0; 50]).unwrap();
    fetch_two(&base_url, &cache).unwrap();
}

#[test]
fn a_wrong_archive_is_refused_and_removed() {
    let check = |zip: Vec<u8>, expected: &str| {
        let (base_url, _requests) = serve(vec![whole(zip)]);
        let cache = TempDir::new().unwrap();
        let error = fetch_two(&base_url, &cache).unwrap_err();
        assert!(matches!(error, FetchError::Archive { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(
            std::fs::read_dir(cache.path()).unwrap().count(),
            0,
            "nothing is left"
        );
    };
    check(
        zip_of(&[("first.csv", FIRST), ("second.csv", b"5,6,b\n")]),
        "second.csv has SHA-256 ",
    );
    check(zip_of(&[("first.csv", FIRST)]), "it holds no file second.csv");
    check(b"<html>maintenance</html>".to_vec(), "not a zip archive");
}

#[test]
fn without_a_server_the_message_says_how_to_do_without() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let cache = TempDir::new().unwrap();
    let by_hand = format!(
        "; download https://archive.ics.uci.edu/static/two+files.zip by hand and put first.csv, second.csv from it into {}",
        cache.path().join("two_files").display()
    );
    let error = fetch_two(&base_url, &cache).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().ends_with(&by_hand), "{error}");

    let (base_url, _requests) = serve(vec![status("404 Not Found")]);
    let error = fetch_two(&base_url, &cache).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot fetch `two-files`: the server answered 404{by_hand}")
    );
}

#[test]
fn a_server_that_does_not_speak_tls_is_unreachable_by_https() {
    let (base_url, _requests) = serve(vec![]);
    let error = fetch_two(&base_url.replace("http:", "https:"), &TempDir::new().unwrap()).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error:?}");
}

#[test]
fn two_fetches_of_one_set_do_not_write_into_each_other() {
    let cache = TempDir::new().unwrap();
    let part = std::fs::File::create(cache.path().join("two_files.zip.part")).unwrap();
    part.lock().unwrap();
    let error = fetch_two("http://127.0.0.1:1", &cache).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`two-files` is being fetched already by another process"
    );
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = fetch_entry(&two_files(), "http://127.0.0.1:1", &file, &mut |_| {}).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot write {}", file.display())),
        "{error}"
    );
}

#[test]
fn built_in_and_unknown_names_are_not_fetched() {
    let message = |name| {
        fetch(name, Path::new("unused"), &mut |_| {})
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message("wine"),
        "`wine` is part of the program and has no file; export it to get one"
    );
    assert_eq!(
        message("iris"),
        "no data set is named `iris`; known are covertype, wine, elec, weather, occupancy, room-occupancy, wall-robot"
    );
}
