//! The counters that an event changes, and `Counted`.

use super::input::{Event, Field, Variant};
use crate::name;
use darling::{Error, FromMeta};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Member, Meta, Path, Token};

/// The `count(pieces, received = bytes)` of a variant.
pub struct Counts {
    pub items: Vec<Count>,
    pub span: Span,
}

/// One counter, such as `pieces` or `io.received`, and the field that is added to it, or 1 if there
/// is none.
pub struct Count {
    counter: Punctuated<Ident, Token![.]>,
    amount: Option<Member>,
}

impl FromMeta for Counts {
    fn from_meta(item: &Meta) -> Result<Self, Error> {
        let Meta::List(list) = item else {
            return Err(Error::custom(HOW).with_span(item));
        };
        let parser = Punctuated::<Count, Token![,]>::parse_terminated;
        let items = parser
            .parse2(list.tokens.clone())
            .map_err(|error| Error::custom(format!("{error}: {HOW}")).with_span(&error.span()))?;
        if items.is_empty() {
            return Err(Error::custom(HOW).with_span(item));
        }
        Ok(Counts { items: items.into_iter().collect(), span: item.path().span() })
    }
}

impl Parse for Count {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let counter = Punctuated::parse_separated_nonempty(input)?;
        let amount = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok(Count { counter, amount })
    }
}

impl Count {
    /// An error if the variant has no such field. The compiler checks the set's fields.
    pub fn check(&self, variant: &Ident, fields: &[Field]) -> Result<(), Error> {
        let Some(amount) = &self.amount else { return Ok(()) };
        if place(fields, amount).is_some() {
            return Ok(());
        }
        let names: Vec<_> =
            fields.iter().map(|field| format!("`{}`", text(&field.member))).collect();
        let instead = match names.is_empty() {
            true => "it has no fields. To count 1, write the counter's name alone".to_owned(),
            false => format!("write one of {}", names.join(", ")),
        };
        let text = format!("`{variant}` has no field `{}` to add: {instead}", text(amount));
        Err(Error::custom(text).with_span(amount))
    }
}

/// The implementation of `Counted`.
pub fn counted_impl(event: &Event, set: &Path) -> TokenStream {
    let Event { ident, krate, .. } = event;
    let stats = format_ident!("stats");
    let arms = event.variants.iter().map(|variant| arm(krate, &stats, variant));
    quote! {
        #[automatically_derived]
        #[allow(deprecated, unused_variables)]
        impl #krate::Counted for #ident {
            type Stats = #set;

            #[inline]
            fn count(&self, #stats: &#set) {
                match self { #(#arms)* }
            }
        }
    }
}

fn arm(krate: &Path, stats: &Ident, variant: &Variant) -> TokenStream {
    let Variant { ident, fields, counts, .. } = variant;
    // Named by the place of the field, which may be added to several counters.
    let bound = |amount: &Member| place(fields, amount).map(|i| format_ident!("amount_{i}"));
    let is_used =
        |field: &Field| counts.iter().any(|count| count.amount.as_ref() == Some(&field.member));
    let bindings = fields.iter().filter(|field| is_used(field)).map(|field| {
        let (member, amount) = (&field.member, bound(&field.member));
        quote! { #member: #amount, }
    });
    let changes = counts.iter().map(|Count { counter, amount }| {
        let Some(amount) = amount else {
            let inc = Ident::new("inc", counter.span());
            return quote! { #stats.#counter.#inc(); };
        };
        let add = Ident::new("add", counter.span());
        let span = Span::call_site().located_at(amount.span());
        let krate = name::path_at(krate, span);
        let bound = bound(amount).map(|mut bound| {
            bound.set_span(span);
            bound
        });
        let amount = quote_spanned! { span => #krate::private::Amount::amount(*#bound) };
        quote! { #stats.#counter.#add(#amount); }
    });
    quote! { Self::#ident { #(#bindings)* .. } => { #(#changes)* } }
}

/// The place of a field among those of its variant.
fn place(fields: &[Field], member: &Member) -> Option<usize> {
    fields.iter().position(|field| field.member == *member)
}

fn text(member: &Member) -> String {
    match member {
        Member::Named(name) => name.to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

const HOW: &str = "write the counters of the set that change: `count(pieces)` to add 1, \
    `count(received = bytes)` to add the field `bytes`";
