//! What of a script or style sheet need not travel: comments on lines of their own, blank lines, indentation. [`lean`].
//!
//! A quarter of the page's gzipped scripts is comments. Lines stay lines, and nothing within a line is touched, so that no
//! parser is needed to be sure that the program stays the same; a text that goes over several lines would not, and is refused.

use anyhow::{Result, bail};

/// Takes out what need not travel; `name` is for the error.
///
/// # Errors
///
/// A template literal of several lines, whose indentation means something, or code after a comment of several lines.
pub(super) fn lean(name: &str, source: &str) -> Result<String> {
    let is_script = name.ends_with(".js");
    let mut out = String::with_capacity(source.len());
    let mut in_comment = false;
    for (idx, line) in source.lines().enumerate() {
        let number = idx + 1;
        let line = line.trim();
        if in_comment {
            match line.split_once("*/") {
                Some((_, "")) => in_comment = false,
                Some(_) => bail!(
                    "{name}, line {number}: expected nothing after the end of a comment of several lines"
                ),
                None => {}
            }
            continue;
        }
        if let Some(comment) = line.strip_prefix("/*") {
            match comment.split_once("*/") {
                None => in_comment = true,
                // A cast in front of an expression stays where it is.
                Some((_, rest)) if !rest.is_empty() => push(&mut out, line),
                Some(_) => {}
            }
            continue;
        }
        if is_script && line.starts_with("//") {
            continue;
        }
        if is_script && line.matches('`').count() % 2 == 1 {
            bail!(
                "{name}, line {number}: a template literal goes over several lines; join lines with + instead"
            );
        }
        push(&mut out, line);
    }
    Ok(out)
}

fn push(out: &mut String, line: &str) {
    if !line.is_empty() {
        out.push_str(line);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blank_lines_and_indentation_go_and_code_stays() -> Result<()> {
        let source = "/**\n * About `it.\n */\nimport a from \"//x\"; // stays\n\n/** One line. */\nfunction f() {\n  // Why.\n  \
                      const x = /** @type {T} */ (y);\n  /** @type {U} */ (z).go();\n  return `/* ${x} */`;\n}\n";
        let expected = "import a from \"//x\"; // stays\nfunction f() {\nconst x = /** @type {T} */ (y);\n\
                        /** @type {U} */ (z).go();\nreturn `/* ${x} */`;\n}\n";
        assert_eq!(lean("a.js", source)?, expected);
        assert_eq!(
            lean("a.css", "/* One\n   two. */\na { b: c; }\n  // d\n")?,
            "a { b: c; }\n// d\n"
        );
        Ok(())
    }

    #[test]
    fn what_would_change_is_refused() {
        for source in ["const a = `b\n  c`;\n", "/*\n */ f();\n"] {
            assert!(lean("a.js", source).is_err(), "{source}");
        }
    }
}
