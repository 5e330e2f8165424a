//! Random input for decoders: how many cases, with which seed, and what a sample looks like after an accident.
//!
//! Without the environment's word the cases are the same each time. `cargo xtask fuzz` asks for others.

/// The seed of a target's cases: `number`, or, where `RUNNEL_FUZZ_SEED` is set, one that depends on both.
pub(crate) fn seed(number: u64) -> u64 {
    match std::env::var("RUNNEL_FUZZ_SEED") {
        Ok(seed) => Random(seed.parse::<u64>().expect("RUNNEL_FUZZ_SEED is a number") ^ number).next(),
        Err(_) => number,
    }
}

/// An input under test: where a check fails, it is printed in hexadecimal.
pub(crate) struct Input(pub(crate) Vec<u8>);

impl std::ops::Deref for Input {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Input {
    #[allow(clippy::print_stderr, reason = "a test that fails says with what")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
            eprintln!("fuzz input: {hex}");
        }
    }
}

/// How many cases: `RUNNEL_FUZZ_CASES` or, where that is not set, as in a browser, which has no environment, `otherwise`.
pub(crate) fn n_cases(otherwise: u64) -> u64 {
    match std::env::var("RUNNEL_FUZZ_CASES") {
        Ok(n) => n.parse().expect("RUNNEL_FUZZ_CASES is a number"),
        Err(_) => otherwise,
    }
}

/// SplitMix64: G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// Fewer than `n` bytes.
    pub(crate) fn bytes(&mut self, n: usize) -> Vec<u8> {
        let len = self.below(n);
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// One of the samples after `n_least` to `n_least + 3` accidents: cut, changed, spliced, with a token set in.
pub(crate) fn mutated(random: &mut Random, samples: &[Vec<u8>], tokens: &[&str], n_least: usize) -> Vec<u8> {
    let mut bytes = samples[random.below(samples.len())].clone();
    for _ in 0..n_least + random.below(4) {
        let position = random.below(bytes.len() + 1);
        match random.below(6) {
            0 => bytes.truncate(position),
            1 if position < bytes.len() => bytes[position] ^= 1 << random.below(8),
            2 if position < bytes.len() => bytes[position] = random.next() as u8,
            3 => {
                let end = (position + random.below(12)).min(bytes.len());
                bytes.drain(position..end);
            }
            4 => {
                let token = tokens[random.below(tokens.len())].bytes();
                bytes.splice(position..position, token);
            }
            _ => {
                let other = &samples[random.below(samples.len())];
                let start = random.below(other.len());
                bytes.truncate(position);
                bytes.extend_from_slice(&other[start..]);
            }
        }
    }
    bytes
}
