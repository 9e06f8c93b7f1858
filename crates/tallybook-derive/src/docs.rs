//! Doc comments, as help texts and as the documentation of generated items.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The text of doc comments as one line: lines are trimmed and joined by single spaces.
pub fn help(attributes: &[Attribute]) -> String {
    let text: Vec<String> = attributes.iter().filter_map(text).collect();
    let words: Vec<&str> = text.iter().flat_map(|text| text.split_whitespace()).collect();
    words.join(" ")
}

/// Whether there is any documentation.
pub fn documented(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("doc"))
}

fn text(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    #[test]
    fn lines_and_paragraphs_become_one_line() {
        let attributes: Vec<Attribute> = vec![
            parse_quote!(#[doc = " Pieces received"]),
            parse_quote!(#[doc = "   and verified.  "]),
            parse_quote!(#[doc = ""]),
            parse_quote!(#[doc(hidden)]),
            parse_quote!(#[doc = " One block\n each."]),
        ];
        assert_eq!(help(&attributes), "Pieces received and verified. One block each.");
    }

    #[test]
    fn no_documentation_is_an_empty_help_text() {
        let attributes: Vec<Attribute> = vec![parse_quote!(#[allow(dead_code)])];
        assert_eq!(help(&attributes), "");
        assert!(!documented(&attributes));
    }
}
