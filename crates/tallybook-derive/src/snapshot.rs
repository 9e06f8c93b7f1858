//! The structs of values: what a snapshot shows of a set, and its rates.

use crate::docs;
use crate::field::Field;
use crate::stats::Set;
use proc_macro2::{Ident, TokenStream};
use quote::quote;

/// The structs, their methods and their `Serialize`.
pub fn items(set: &Set) -> TokenStream {
    let Set { snapshot, rates, .. } = set;
    let parts = [
        definition(set, snapshot, "Snapshot", "Value"),
        methods(set),
        serialize(set, snapshot),
        definition(set, rates, "Rates per second", "Rates"),
        serialize(set, rates),
    ];
    quote! { #(#parts)* }
}

/// A struct with the set's fields, of the type that `item` is of each metric.
fn definition(set: &Set, name: &Ident, what: &str, item: &str) -> TokenStream {
    let Set { ident, vis, docs, .. } = set;
    let end = if docs::documented(docs) { ':' } else { '.' };
    let first = format!("{what} of [`{ident}`]{end}");
    let fields = set.fields.iter().map(|field| {
        let Field { ident, vis, docs, .. } = field;
        let value = set.item(field, item);
        // The set's own field has been warned about.
        let undocumented = (!docs::documented(docs)).then(|| quote! { #[allow(missing_docs)] });
        quote! { #(#docs)* #undocumented #vis #ident: #value }
    });
    quote! {
        #[doc = #first]
        #(#docs)*
        #[derive(
            ::core::clone::Clone, ::core::fmt::Debug, ::core::default::Default, ::core::cmp::PartialEq,
        )]
        #[allow(private_interfaces)]
        #vis struct #name { #(#fields),* }
    }
}

fn methods(set: &Set) -> TokenStream {
    let Set { ident, vis, snapshot, krate, .. } = set;
    quote! {
        #[automatically_derived]
        #[allow(dead_code)]
        impl #snapshot {
            /// What happened between `earlier` and this snapshot. Gauges and the extremes of an interval are those of
            /// this snapshot.
            #[must_use]
            #vis fn difference(&self, earlier: &Self) -> Self {
                <#ident as #krate::metric::Metric>::difference(self, earlier)
            }

            /// Both snapshots together, as of one set in which everything happened.
            #[must_use]
            #vis fn sum(&self, other: &Self) -> Self {
                <#ident as #krate::metric::Metric>::sum(self, other)
            }
        }
    }
}

fn serialize(set: &Set, values: &Ident) -> TokenStream {
    let krate = &set.krate;
    let (fields, name) = (set.idents(), values.to_string());
    let (names, count) = (set.fields.iter().map(|field| &field.name), set.fields.len());
    quote! {
        #krate::__with_serde! {
            #[automatically_derived]
            impl #krate::private::serde::Serialize for #values {
                fn serialize<S: #krate::private::serde::Serializer>(
                    &self,
                    to: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    use #krate::private::serde::ser::SerializeStruct as _;
                    let mut row = to.serialize_struct(#name, #count)?;
                    #(row.serialize_field(#names, &self.#fields)?;)*
                    row.end()
                }
            }
        }
    }
}
