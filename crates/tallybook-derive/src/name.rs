//! The names that metrics and labels can have, and those of generated types.
//!
//! Names consist of `[a-zA-Z_][a-zA-Z0-9_]*` and do not start with `__`, so every exporter can use
//! them as they are.

use crate::text::Text;
use darling::Error;
use heck::ToUpperCamelCase;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident};
use std::collections::HashSet;
use syn::Path;
use syn::ext::IdentExt;

/// An error at `span` if `name` cannot be the name of `what`. `key` is the attribute that gives
/// another one.
pub fn check(name: &str, what: &str, key: &str, span: Span) -> Result<(), Error> {
    match problem(name) {
        None => Ok(()),
        Some(problem) => Err(Error::custom(format!(
            "`{name}` cannot be the name of {what}: {problem}. Write another name, such as `#[{key} = \"{}\")]`",
            proposal(name),
        ))
        .with_span(&span)),
    }
}

/// The names so far, to find one that occurs twice.
#[derive(Default)]
pub struct Names(HashSet<String>);

impl Names {
    /// An error at `span` if `name` was inserted before. `key` is the attribute that gives another
    /// one.
    pub fn insert(&mut self, name: &str, what: &str, key: &str, span: Span) -> Result<(), Error> {
        if self.0.insert(name.to_owned()) {
            return Ok(());
        }
        Err(Error::custom(format!(
            "{what} is already called `{name}`: give this one another name, with `#[{key} = \"…\")]`"
        ))
        .with_span(&span))
    }
}

/// The name of a type that is generated for `own`, which is an `owner`: the value of the attribute
/// `key`, or else the name of `own` followed by that of the attribute, as in `PeerSnapshot`.
pub fn of_type(
    own: &Ident,
    owner: &str,
    key: &str,
    what: &str,
    given: Option<Text>,
) -> Result<Ident, Error> {
    let default = format_ident!("{}{}", own.unraw(), key.to_upper_camel_case(), span = own.span());
    let Some(Text { value, span }) = given else { return Ok(default) };
    let problem = match syn::parse_str::<Ident>(&value) {
        Ok(name) if name == *own => format!("it is the {owner}'s own"),
        Ok(mut name) => {
            name.set_span(span);
            return Ok(name);
        }
        Err(_) => "it is not an identifier".to_owned(),
    };
    let text = format!(
        "`{value}` cannot be the name of the {what}: {problem}. Write `{key} = \"{default}\"`"
    );
    Err(Error::custom(text).with_span(&span))
}

/// The path with the span `span`, so that errors about what it is part of point there.
pub fn path_at(path: &Path, span: Span) -> TokenStream {
    let respanned = path.to_token_stream().into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    respanned.collect()
}

fn problem(name: &str) -> Option<&'static str> {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() {
        Some("it is empty")
    } else if !name.chars().all(valid) {
        Some("a name consists of `a-z`, `A-Z`, `0-9` and `_`")
    } else if name.starts_with(|c: char| c.is_ascii_digit()) {
        Some("it starts with a digit")
    } else if name.starts_with("__") {
        Some("names that start with `__` are reserved")
    } else {
        None
    }
}

/// A valid name that resembles `name`.
fn proposal(name: &str) -> String {
    let words: Vec<&str> =
        name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let joined = words.join("_");
    match joined.chars().next() {
        None => "other".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("_{joined}"),
        Some(_) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_and_underscores_make_a_name() {
        for name in ["a", "Z9", "_", "_hidden", "bytes_received", "a__b", "type"] {
            assert_eq!(problem(name), None, "{name}");
        }
    }

    #[test]
    fn anything_else_does_not() {
        for name in ["", "9lives", "__name__", "__", "größe", "a-b", "a b", "a:b", "a.b", "\n"] {
            assert!(problem(name).is_some(), "{name:?}");
        }
    }

    #[test]
    fn proposals_are_valid_names() {
        let pairs = [
            ("", "other"),
            ("__", "other"),
            ("€", "other"),
            ("__name__", "name"),
            ("9lives", "_9lives"),
            ("bytes-received", "bytes_received"),
            ("größe", "gr_e"),
        ];
        for (name, expected) in pairs {
            assert_eq!(proposal(name), expected);
            assert_eq!(problem(&proposal(name)), None);
        }
    }

    #[test]
    fn the_error_says_what_to_write() {
        let error = check("a-b", "a metric", "stats(name", Span::call_site()).unwrap_err();
        assert!(error.to_string().ends_with("`#[stats(name = \"a_b\")]`"), "{error}");
    }

    #[test]
    fn a_name_comes_once() {
        let mut names = Names::default();
        let mut insert = |name| names.insert(name, "a metric", "stats(name", Span::call_site());
        assert!(insert("a").is_ok());
        assert!(insert("b").is_ok());
        assert!(insert("a").is_err());
    }
}
