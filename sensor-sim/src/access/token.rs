//! A shared secret that is kept as its hash: [`Token`].

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// A secret that a client has to show. Only its SHA-256 is kept, so that nothing can print it, and what is shown is
/// compared by its own SHA-256 in constant time: how long that takes says nothing about content or length.
#[derive(Clone)]
pub struct Token {
    sha256: [u8; 32],
}

/// Why a text cannot be a token. No message repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Short ones can be guessed over the network, since a server answers thousands of guesses a second.
    #[error(
        "expected a token of at least {} characters, got {n}; `openssl rand -hex 16` makes one",
        Token::MIN_CHARS
    )]
    Short {
        /// Its characters.
        n: usize,
    },
    /// It would not fit into a request's head together with everything else.
    #[error("expected a token of at most {} characters, got {n}", Token::MAX_CHARS)]
    Long {
        /// Its characters.
        n: usize,
    },
    /// HTTP headers cannot carry it.
    #[error(
        "expected a token of ASCII letters, digits and signs without spaces; `openssl rand -hex 16` makes one"
    )]
    Character,
}

impl Token {
    /// Fewest characters: even of hexadecimal digits, 16 are 64 bits.
    pub const MIN_CHARS: usize = 16;
    /// Most characters.
    pub const MAX_CHARS: usize = 512;

    /// Takes a text as it is sent; white space around it, such as the end of a file's line, is left out.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    ///
    /// ```
    /// use sensor_sim::{Token, TokenError};
    /// let token = Token::new("b1946ac92492d2347c6235b4d2611184\n")?;
    /// assert!(token.is("b1946ac92492d2347c6235b4d2611184"));
    /// assert!(!token.is("b1946ac92492d234"));
    /// assert_eq!(Token::new("secret").unwrap_err(), TokenError::Short { n: 6 });
    /// # Ok::<(), TokenError>(())
    /// ```
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Character);
        }
        match text.len() {
            n if n < Self::MIN_CHARS => Err(TokenError::Short { n }),
            n if n > Self::MAX_CHARS => Err(TokenError::Long { n }),
            _ => Ok(Self { sha256: sha256(text) }),
        }
    }

    /// Whether the other is the same.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.sha256.ct_eq(&other.sha256).into()
    }

    /// Whether this is it.
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        sha256(shown).ct_eq(&self.sha256).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_text_is_the_token() {
        let token = Token::new(" correct-horse-battery\r\n").unwrap();
        assert!(token.is("correct-horse-battery"));
        for wrong in [
            "",
            "correct-horse-batter",
            "correct-horse-batteryy",
            "Correct-horse-battery",
            "correct-horse-battery\n",
        ] {
            assert!(!token.is(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn texts_that_no_header_can_carry_or_anybody_can_guess_are_refused() {
        let check = |text: &str, expected| assert_eq!(Token::new(text).err(), Some(expected), "{text:?}");
        check("", TokenError::Short { n: 0 });
        check("123456789012345", TokenError::Short { n: 15 });
        check("two words are too much", TokenError::Character);
        check("straße-straße-straße", TokenError::Character);
        check(&"x".repeat(513), TokenError::Long { n: 513 });
        assert!(Token::new(&"x".repeat(512)).is_ok() && Token::new("1234567890123456").is_ok());
    }

    #[test]
    fn nothing_of_it_is_printed() {
        let token = Token::new("correct-horse-battery").unwrap();
        assert_eq!(format!("{token:?}"), "Token");
    }
}
