//! Bencode, as far as a torrent needs it, read from bytes that anybody may have written.
//!
//! Stricter than most readers: numbers and lengths have one form, a key stands once, nothing
//! follows the end, and lists in lists end at [`DEEPEST`].

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

/// How deep lists and dictionaries may lie in each other. Those of a torrent with a tree of files
/// are a few deep.
const DEEPEST: usize = 64;

/// A value. Texts are those of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number.
    Number(i64),
    /// Bytes, mostly text.
    Text(&'a [u8]),
    /// Values.
    List(Vec<Value<'a>>),
    /// Values by their names.
    Dictionary(BTreeMap<&'a [u8], Value<'a>>),
}

impl<'a> Value<'a> {
    /// Reads one value that takes up all of `bytes`.
    pub fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut rest = bytes;
        let value = value(&mut rest, 0)?;
        ensure!(rest.is_empty(), "something follows the end");
        Ok(value)
    }

    /// The value of that name, if this is a dictionary that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Dictionary(values) => values.get(name.as_bytes()),
            _ => None,
        }
    }

    /// As bytes.
    pub fn text(&self) -> Option<&'a [u8]> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// As a number that is not below zero.
    pub fn amount(&self) -> Option<u64> {
        if let Self::Number(number) = self { u64::try_from(*number).ok() } else { None }
    }

    /// As a list.
    pub fn list(&self) -> Option<&[Self]> {
        if let Self::List(values) = self { Some(values) } else { None }
    }
}

/// The bytes of the value of that name in a dictionary that takes up all of `bytes`.
pub fn entry<'a>(bytes: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = bytes.strip_prefix(b"d")?;
    while !ends(&mut rest).ok()? {
        let is_it = text(&mut rest).ok()? == name.as_bytes();
        let before = rest;
        value(&mut rest, 1).ok()?;
        if is_it {
            return Some(&before[..before.len() - rest.len()]);
        }
    }
    None
}

fn value<'a>(rest: &mut &'a [u8], depth: usize) -> Result<Value<'a>> {
    ensure!(depth <= DEEPEST, "lists more than {DEEPEST} deep");
    match rest.first().context("it ends too early")? {
        b'i' => {
            *rest = &rest[1..];
            Ok(Value::Number(number(rest, b'e')?))
        }
        b'l' => {
            *rest = &rest[1..];
            let mut values = Vec::new();
            while !ends(rest)? {
                values.push(value(rest, depth + 1)?);
            }
            Ok(Value::List(values))
        }
        b'd' => {
            *rest = &rest[1..];
            let mut values = BTreeMap::new();
            while !ends(rest)? {
                let name = text(rest)?;
                let twice = values.insert(name, value(rest, depth + 1)?).is_some();
                ensure!(!twice, "{} stands twice", String::from_utf8_lossy(name));
            }
            Ok(Value::Dictionary(values))
        }
        b'0'..=b'9' => Ok(Value::Text(text(rest)?)),
        _ => bail!("something that is no bencode"),
    }
}

/// Whether a list or dictionary ends here; if so, passes over its end.
fn ends(rest: &mut &[u8]) -> Result<bool> {
    let is_end = *rest.first().context("it ends too early")? == b'e';
    if is_end {
        *rest = &rest[1..];
    }
    Ok(is_end)
}

fn text<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8]> {
    let length = usize::try_from(number(rest, b':')?).context("a text of negative length")?;
    let (text, after) = rest.split_at_checked(length).context("it ends in a text")?;
    *rest = after;
    Ok(text)
}

/// A number up to `end`, which is passed over.
fn number(rest: &mut &[u8], end: u8) -> Result<i64> {
    // The longest of 64 bits have a sign and 19 digits.
    let place = rest.iter().take(21).position(|byte| *byte == end);
    let (digits, after) = rest.split_at(place.context("a number without an end")?);
    let bare = digits.strip_prefix(b"-").unwrap_or(digits);
    let is_plain =
        bare.iter().all(u8::is_ascii_digit) && (bare.len() == 1 || bare.first() != Some(&b'0'));
    ensure!(is_plain && digits != b"-0", "a number that is none");
    let number = std::str::from_utf8(digits)?.parse().context("a number that is none")?;
    *rest = &after[1..];
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        let value = Value::read(b"d4:listli1e2:abd0:i-7eee6:numberi42ee").expect("valid");
        assert_eq!(value.get("number").and_then(Value::amount), Some(42));
        let list = value.get("list").and_then(Value::list).expect("a list");
        assert_eq!((list[0].amount(), list[1].text()), (Some(1), Some(&b"ab"[..])));
        assert_eq!(list[2].get(""), Some(&Value::Number(-7)));
        assert_eq!(list[2].get("").and_then(Value::amount), None, "below zero");
    }

    #[test]
    fn an_entry_is_found_as_it_is_written() {
        let bytes = b"d1:ai1e4:infod1:xli1e2:yzee1:zi2ee";
        assert_eq!(entry(bytes, "info"), Some(&b"d1:xli1e2:yzee"[..]));
        assert_eq!((entry(bytes, "b"), entry(b"le", "a"), entry(b"d1:a", "a")), (None, None, None));
    }

    #[test]
    fn what_is_none_is_refused() {
        for wrong in [
            "",
            "i",
            "ie",
            "i-e",
            "i-0e",
            "i01e",
            "i1",
            "i1x",
            "i99999999999999999999e",
            "1",
            "2:a",
            "-1:a",
            "01:a",
            "l",
            "li1e",
            "d1:a",
            "d1:ai1e",
            "di1ei1ee",
            "d1:ai1e1:ai2ee",
            "i1ei2e",
            "x",
            "9223372036854775807:a",
        ] {
            assert!(Value::read(wrong.as_bytes()).is_err(), "{wrong} was taken");
        }
        let deep = "l".repeat(1 << 20);
        assert!(Value::read(deep.as_bytes()).is_err());
    }
}
