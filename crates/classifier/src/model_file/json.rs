//! JSON (RFC 8259) as far as a model file needs it: read piece by piece into what the caller makes of it, and written.
//!
//! Nothing is built in between, so memory is what the caller keeps, and nesting is bounded, so the stack is as well.
//! Numbers come back as the very f64 that was written. Errors are sentences that go on after "but".
//!
//! Written here because of its size: with serde_json, the code that serde derives and the `safetensors` crate, a page
//! loaded 34 kB more, gzipped. Of the small libraries miniserde does not always read the nearest f64, and tinyjson
//! descends as deeply as the bytes say. The tests hold this code against serde_json and `safetensors`.

use crate::decimal;

/// Lists and objects within each other; the limit of serde_json and most others.
const MAX_DEPTH: usize = 127;
/// Items of a list that is kept. None is longer than the names of the most classes that there may be.
const MAX_ITEMS: usize = 1 << 20;

/// What is wrong, and where.
pub(super) type Result<T> = std::result::Result<T, String>;

/// A text that is read from its start to its end.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    /// The next byte.
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// Reads `text`, which has to be one value and blanks, by `value`.
    pub(super) fn read(text: &'a str, value: &mut dyn FnMut(&mut Self) -> Result<()>) -> Result<()> {
        let mut reader = Self {
            text,
            at: 0,
            depth: 0,
        };
        value(&mut reader)?;
        match reader.peek() {
            None => Ok(()),
            Some(_) => Err(reader.expected("end")),
        }
    }

    /// What should have stood here.
    pub(super) fn expected(&self, what: &str) -> String {
        format!("its JSON has no {what} at byte {}", self.at)
    }

    /// An object, whose `field` is called with each key to read its value.
    pub(super) fn object(&mut self, field: &mut dyn FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        self.items(b'{', b'}', "object", &mut |reader| {
            let key = reader.string()?;
            reader.token(b':', "colon")?;
            field(reader, &key)
        })
    }

    /// A list, whose `item` is called to read each item.
    pub(super) fn list(&mut self, item: &mut dyn FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.items(b'[', b']', "list", item)
    }

    /// A list of items that are all read in one way.
    pub(super) fn list_of<T>(&mut self, item: fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        self.list(&mut |reader| {
            if items.len() == MAX_ITEMS {
                return Err(format!("it has a list of more than {MAX_ITEMS} items"));
            }
            items.push(item(reader)?);
            Ok(())
        })?;
        Ok(items)
    }

    /// A string with its escapes resolved.
    pub(super) fn string(&mut self) -> Result<String> {
        self.token(b'"', "string")?;
        let mut string = String::new();
        loop {
            let start = self.at;
            while self
                .byte()
                .is_some_and(|byte| byte >= 0x20 && !matches!(byte, b'"' | b'\\'))
            {
                self.at += 1;
            }
            // Cut before ASCII, so between characters.
            string.push_str(self.text.get(start..self.at).unwrap_or_default());
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    self.at += 1;
                    string.push(self.escaped()?);
                }
                _ => return Err(self.expected("end of the string")),
            }
        }
    }

    /// A finite number.
    pub(super) fn number(&mut self) -> Result<f64> {
        let number = decimal::parse(self.text_of_number()?);
        if number.is_infinite() {
            return Err(self.expected("number that fits 64 bits"));
        }
        Ok(number)
    }

    /// A number as it is written: what its value is costs many times as much, and is of no interest where it is passed over.
    fn text_of_number(&mut self) -> Result<&'a str> {
        self.peek();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// A whole number written as digits only.
    pub(super) fn integer(&mut self) -> Result<usize> {
        let text = self.text_of_number().unwrap_or_default();
        // What parses as digits may have a sign: "-0".
        let digits = Some(text).filter(|text| !text.starts_with('-'));
        digits
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| self.expected("whole number in range"))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self) -> Result<bool> {
        if self.word("true") {
            Ok(true)
        } else if self.word("false") {
            Ok(false)
        } else {
            Err(self.expected("true or false"))
        }
    }

    /// What `value` reads, unless there is `null`.
    pub(super) fn option<T>(&mut self, value: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        if self.word("null") {
            return Ok(None);
        }
        value(self).map(Some)
    }

    /// Any value, of which only that it is one is of interest.
    pub(super) fn skip(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'{') => self.object(&mut |reader, _| reader.skip()),
            Some(b'[') => self.list(&mut Self::skip),
            Some(b'"') => self.string().map(drop),
            Some(b't' | b'f') => self.boolean().map(drop),
            Some(b'n') if self.word("null") => Ok(()),
            _ => self.text_of_number().map(drop),
        }
    }

    /// The next byte that is not a blank; it is not taken.
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    fn items(
        &mut self,
        open: u8,
        close: u8,
        what: &str,
        item: &mut dyn FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        self.token(open, what)?;
        if self.depth == MAX_DEPTH {
            return Err(self.expected("end of its nesting"));
        }
        self.depth += 1;
        if self.peek() != Some(close) {
            item(self)?;
            while self.peek() == Some(b',') {
                self.at += 1;
                item(self)?;
            }
        }
        self.depth -= 1;
        self.token(close, "comma or end")
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes a byte after blanks.
    fn token(&mut self, token: u8, what: &str) -> Result<()> {
        if self.peek() != Some(token) {
            return Err(self.expected(what));
        }
        self.at += 1;
        Ok(())
    }

    /// Takes a word after blanks, if it is there.
    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let is_there = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    /// Takes at least one digit.
    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.expected("value"));
        }
        Ok(())
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<char> {
        let byte = self.byte();
        self.at += 1;
        Ok(match byte {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let mut code = self.code_unit()?;
                // The first half of a pair, with the second to follow.
                if let 0xd800..=0xdbff = code
                    && self.word_here("\\u")
                {
                    let low = self.code_unit()?;
                    code = match low {
                        0xdc00..=0xdfff => 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00),
                        _ => code,
                    };
                }
                // Halves are no characters.
                char::from_u32(code).ok_or_else(|| self.expected("character"))?
            }
            _ => return Err(self.expected("escape")),
        })
    }

    /// Takes a word if it is right here.
    fn word_here(&mut self, word: &str) -> bool {
        let is_here = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += if is_here { word.len() } else { 0 };
        is_here
    }

    /// Takes four hexadecimal digits.
    fn code_unit(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.byte().and_then(|byte| char::from(byte).to_digit(16));
            code = 16 * code + digit.ok_or_else(|| self.expected("hexadecimal digit"))?;
            self.at += 1;
        }
        Ok(code)
    }
}

/// Adds `text` as it is. Not inlined: the standard library's ways are, with all that it takes to grow, at each of dozens of places.
#[inline(never)]
pub(super) fn put(json: &mut String, text: &str) {
    json.push_str(text);
}

/// Writes a string.
pub(super) fn write_string(json: &mut String, string: &str) {
    put(json, "\"");
    let mut rest = string;
    while let Some(at) = rest
        .bytes()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
    {
        // Both cuts are beside ASCII, so between characters.
        put(json, rest.get(..at).unwrap_or_default());
        let byte = rest.as_bytes()[at];
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            0x08 => "\\b",
            0x0c => "\\f",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x10 => "\\u000",
            _ => "\\u001",
        };
        put(json, escape);
        if escape.len() > 2 {
            let digit = usize::from(byte % 16);
            put(json, "0123456789abcdef".get(digit..=digit).unwrap_or_default());
        }
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    put(json, rest);
    put(json, "\"");
}

/// Writes a whole number.
pub(super) fn write_integer(json: &mut String, number: usize) {
    put(json, &number.to_string());
}

/// Writes a finite number with as few digits as bring it back, and so that everybody sees that it need not be whole.
pub(super) fn write_number(json: &mut String, number: f64) {
    if number.is_sign_negative() {
        put(json, "-");
    }
    if number == 0.0 {
        return put(json, "0.0");
    }
    // `point` is how many digits are before the point.
    let (digits, point) = decimal::digits(number);
    // The layout of serde_json, which wrote the first files: plain from 1e-5 to 1e16.
    let (n_before, zeros, exponent) = match point {
        -4..=0 => (0, -point, None),
        1..=16 => (point, point - digits.len() as i32, None),
        _ => (1, 0, Some(point - 1)),
    };
    let (whole, fraction) = decimal::split(&digits, n_before as usize);
    let put_zeros = |json: &mut String| (0..zeros).for_each(|_| put(json, "0"));
    put(json, whole);
    if whole.is_empty() {
        put(json, "0.");
        put_zeros(json);
    } else if exponent.is_none() || !fraction.is_empty() {
        put_zeros(json);
        put(json, ".");
    }
    put(json, fraction);
    if let Some(exponent) = exponent {
        put(json, if exponent > 0 { "e+" } else { "e" });
        put(json, &exponent.to_string());
    } else if fraction.is_empty() {
        put(json, "0");
    }
}

/// Writes whole numbers between brackets.
pub(super) fn write_integers(json: &mut String, numbers: &[usize]) {
    write_list(json, numbers.len(), &mut |json, at| {
        write_integer(json, numbers[at])
    });
}

/// Writes `n` items between brackets, each by its place.
pub(super) fn write_list(json: &mut String, n: usize, item: &mut dyn FnMut(&mut String, usize)) {
    put(json, "[");
    for at in 0..n {
        if at > 0 {
            put(json, ",");
        }
        item(json, at);
    }
    put(json, "]");
}

#[cfg(test)]
mod tests;
