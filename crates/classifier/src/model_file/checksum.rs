//! CRC-32 as in zip, PNG and Python's `zlib.crc32`.
//!
//! Against accidents only: a burst of up to 32 wrong bits is always noticed, anything else but once in 2^32. Whoever
//! changes a file on purpose can change its checksum as well, as with any digest that lies in the file itself.
//!
//! Written here because the crates for it bring either 16 kB of tables, a quarter of what a page may spend on the
//! classifier, or a byte at a time.
//!
//! Source: M. Kounavis and F. Berry, "A systematic approach to building high performance software-based CRC
//! generators", ISCC 2005 (eight bytes at a time, one table for each).

/// The polynomial, its bits reversed.
const POLYNOMIAL: u32 = 0xedb8_8320;
/// Bytes at a time.
const STEP: usize = 8;

/// The checksum of all `parts`, one after the other.
pub(super) fn crc32(parts: &[&[u8]]) -> u32 {
    let tables = tables();
    let mut state = !0;
    for part in parts {
        let (steps, rest) = part.as_chunks::<STEP>();
        for step in steps {
            let [a, b, c, d, e, f, g, h] = *step;
            let [a, b, c, d] = (u32::from_le_bytes([a, b, c, d]) ^ state).to_le_bytes();
            state = 0;
            // The first byte is the farthest from the end, by seven bytes.
            for (table, byte) in tables.iter().rev().zip([a, b, c, d, e, f, g, h]) {
                state ^= table[usize::from(byte)];
            }
        }
        for byte in rest {
            state = (state >> 8) ^ tables[0][usize::from(state as u8 ^ byte)];
        }
    }
    !state
}

/// Table `i` says what a byte that is followed by `i` zeros leaves behind. Computed anew for each file, which takes
/// microseconds, rather than kept in the program.
fn tables() -> [[u32; 256]; STEP] {
    let mut tables = [[0; 256]; STEP];
    for byte in 0..256_u32 {
        let mut state = byte;
        for table in &mut tables {
            for _ in 0..8 {
                state = (state >> 1) ^ (POLYNOMIAL * (state & 1));
            }
            table[byte as usize] = state;
        }
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::crc32;

    #[test]
    fn the_check_value_of_the_catalogues_comes_out() {
        assert_eq!(crc32(&[b"123456789"]), 0xcbf4_3926);
        assert_eq!(crc32(&[]), 0);
    }

    #[test]
    fn parts_of_any_length_make_the_same_whole() {
        let bytes: Vec<u8> = (0..100).map(|i| (i * 37) as u8).collect();
        for at in 0..bytes.len() {
            let (a, b) = bytes.split_at(at);
            assert_eq!(crc32(&[a, b]), crc32(&[&bytes]));
        }
    }
}
