//! SHA-256 of data files.

use sha2::{Digest as _, Sha256};

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Compares text data with their checksum; CR LF counts as LF, since archives and tools differ in it.
///
/// # Errors
///
/// The checksum that the bytes have.
pub(crate) fn check(bytes: &[u8], expected: &str) -> Result<(), String> {
    let actual = sha256(bytes);
    let is_same = actual == expected || {
        let mut unix = bytes.to_vec();
        let mut next = bytes.iter().skip(1);
        unix.retain(|&byte| !(next.next() == Some(&b'\n') && byte == b'\r'));
        unix.len() < bytes.len() && sha256(&unix) == expected
    };
    if is_same { Ok(()) } else { Err(actual) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_do_not_count_and_all_else_does() {
        let expected = sha256(b"1,2\n3,4\n");
        assert_eq!(check(b"1,2\n3,4\n", &expected), Ok(()));
        assert_eq!(check(b"1,2\r\n3,4\r\n", &expected), Ok(()));
        assert!(check(b"1,2\r3,4\n", &expected).is_err());
        assert!(check(b"1,2\n3,5\n", &expected).is_err());
        assert!(check(b"", &expected).is_err());
    }
}
