//! `#[stats(flatten)]`: a nested set whose fields appear among those of the set around it.

use crate::field::Field;
use crate::stats::Set;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

/// The constant `NAMES` of `Metric`.
pub fn names(set: &Set) -> TokenStream {
    let krate = &set.krate;
    let own = own(set).map(|field| &field.name);
    let flattened = flattened(set).map(|field| set.item(field, "NAMES"));
    quote! {
        const NAMES: #krate::private::Names =
            #krate::private::Names::new(&[#(#own),*], &[#(#flattened),*]);
    }
}

/// What turns the group of all fields into one in which nested sets are flattened: a method call.
pub fn of_group(set: &Set) -> Option<TokenStream> {
    let fields = set.fields.iter().enumerate();
    let places: Vec<_> =
        fields.filter(|(_, field)| field.is_flattened).map(|(place, _)| place).collect();
    (!places.is_empty()).then(|| quote! { .flattened(&[#(#places),*]) })
}

/// Assertions that flattened fields are sets, and that no name comes twice.
pub fn checks(set: &Set) -> TokenStream {
    let krate = &set.krate;
    let mut checks = TokenStream::new();
    for (i, field) in flattened(set).enumerate() {
        let (ty, span) = (&field.ty, field.ty.span());
        checks.extend(quote_spanned! { span =>
            const _: fn() = || {
                fn flattened<S: #krate::Stats>() {}
                flattened::<#ty>();
            };
        });
        for own in own(set) {
            let (name, names) = (&own.name, set.item(field, "NAMES"));
            let text = format!(
                "the flattened set `{}` has a metric that is called `{name}`, too: give one of \
                 them another name, with `#[stats(name = \"…\")]`",
                field.ident
            );
            checks.extend(quote_spanned! { own.name_span =>
                const _: () = ::core::assert!(!#names.contain(#name), #text);
            });
        }
        for other in flattened(set).take(i) {
            let (names, others) = (set.item(field, "NAMES"), set.item(other, "NAMES"));
            let text = format!(
                "the flattened sets `{}` and `{}` have metrics of the same name: flatten one of \
                 them only, or give the metrics other names",
                other.ident, field.ident
            );
            checks.extend(quote_spanned! { span =>
                const _: () = ::core::assert!(!#names.overlap(#others), #text);
            });
        }
    }
    checks
}

/// The fields that appear under their own name.
fn own(set: &Set) -> impl Iterator<Item = &Field> {
    set.fields.iter().filter(|field| !field.is_flattened)
}

fn flattened(set: &Set) -> impl Iterator<Item = &Field> {
    set.fields.iter().filter(|field| field.is_flattened)
}
