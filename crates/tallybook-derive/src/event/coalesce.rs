//! Merging two events of the same kind and key.

use super::input::{Event, Variant};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

/// The body of `Event::coalesce`.
pub fn body(event: &Event) -> TokenStream {
    let arms: Vec<_> = event.variants.iter().filter_map(arm).collect();
    if arms.is_empty() {
        return quote! { *self = later; };
    }
    // Without other variants it would be unreachable.
    let others = (event.variants.len() > 1).then(|| quote! { (_, later) => *self = later, });
    quote! { match (&mut *self, later) { #(#arms)* #others } }
}

/// The arm for a variant whose later event does not simply win.
fn arm(variant: &Variant) -> Option<TokenStream> {
    let ident = &variant.ident;
    if let Some(merge) = &variant.merge {
        return Some(quote! {
            (Self::#ident { .. }, later @ Self::#ident { .. }) => #merge(self, later),
        });
    }
    if !variant.fields.iter().any(|field| field.is_sum) {
        return None;
    }
    let members: Vec<_> = variant.fields.iter().map(|field| &field.member).collect();
    let (mine, theirs) = (names(variant, "mine"), names(variant, "theirs"));
    let changes = (0..members.len()).map(|i| {
        let (field, mine, theirs) = (&variant.fields[i], &mine[i], &theirs[i]);
        match field.is_sum {
            true => quote_spanned! { field.ty.span() => *#mine += #theirs; },
            false => quote! { *#mine = #theirs; },
        }
    });
    Some(quote! {
        (Self::#ident { #(#members: #mine),* }, Self::#ident { #(#members: #theirs),* }) => { #(#changes)* }
    })
}

/// A name per field, with the span of the field's type: if that cannot be added up, the error
/// points there.
fn names(variant: &Variant, what: &str) -> Vec<Ident> {
    let fields = variant.fields.iter().enumerate();
    fields.map(|(i, field)| format_ident!("{what}_{i}", span = field.ty.span())).collect()
}
