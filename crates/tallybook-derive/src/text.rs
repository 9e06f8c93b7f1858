//! A string given by an attribute, with its span.

use darling::{Error, FromMeta};
use proc_macro2::Span;
use syn::{Expr, ExprLit, Lit, Meta};

/// The `"bytes"` of `unit = "bytes"`.
#[derive(Clone)]
pub struct Text {
    pub value: String,
    pub span: Span,
}

impl FromMeta for Text {
    fn from_meta(item: &Meta) -> Result<Self, Error> {
        if let Meta::NameValue(meta) = item
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &meta.value
        {
            return Ok(Text { value: text.value(), span: text.span() });
        }
        let key = item.path().get_ident().map(ToString::to_string).unwrap_or_default();
        Err(Error::custom(format!("`{key}` takes a string: write `{key} = \"…\"`")).with_span(item))
    }
}
