//! `crates/classifier` for JavaScript callers.
