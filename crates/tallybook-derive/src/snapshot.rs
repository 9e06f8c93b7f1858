//! The structs of values: a set's values in a snapshot, and its rates.

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
        serialize(set, snapshot, "Value"),
        definition(set, rates, "Rates per second", "Rates"),
        serialize(set, rates, "Rates"),
    ];
    quote! { #(#parts)* }
}

/// A struct with the set's fields. The type of each is the associated type `item` of the metric.
fn definition(set: &Set, name: &Ident, what: &str, item: &str) -> TokenStream {
    let Set { ident, vis, docs, .. } = set;
    let end = if docs::documented(docs) { ':' } else { '.' };
    let first = format!("{what} of [`{ident}`]{end}");
    let fields = set.fields.iter().map(|field| {
        let Field { ident, vis, docs, .. } = field;
        let value = set.item(field, item);
        // The set's own field has its own warning.
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
            /// The change from `earlier` to this snapshot. Gauges, and the minimum and maximum of
            /// an interval, are those of this snapshot.
            #[must_use]
            #vis fn difference(&self, earlier: &Self) -> Self {
                <#ident as #krate::metric::Metric>::difference(self, earlier)
            }

            /// Both snapshots together, as if one set had recorded the facts of both.
            #[must_use]
            #vis fn sum(&self, other: &Self) -> Self {
                <#ident as #krate::metric::Metric>::sum(self, other)
            }
        }
    }
}

/// `Serialize`, and `SerializeFields` for a set that flattens this one. `item` is as in
/// [`definition`].
fn serialize(set: &Set, values: &Ident, item: &str) -> TokenStream {
    let (krate, name) = (&set.krate, values.to_string());
    let own = set.fields.iter().filter(|field| !field.is_flattened).count();
    let flattened = set.fields.iter().filter(|field| field.is_flattened).map(|field| {
        let values = set.item(field, item);
        quote! { <#values as #krate::private::SerializeFields>::COUNT }
    });
    let fields = set.fields.iter().map(|Field { ident, name, is_flattened, .. }| {
        if *is_flattened {
            quote! { #krate::private::SerializeFields::serialize_fields(&self.#ident, into)?; }
        } else {
            quote! { into.serialize_field(#name, &self.#ident)?; }
        }
    });
    quote! {
        #krate::__with_serde! {
            #[automatically_derived]
            impl #krate::private::SerializeFields for #values {
                const COUNT: usize = #own #(+ #flattened)*;

                fn serialize_fields<S: #krate::private::serde::ser::SerializeStruct>(
                    &self,
                    into: &mut S,
                ) -> ::core::result::Result<(), S::Error> {
                    #(#fields)*
                    ::core::result::Result::Ok(())
                }
            }

            #[automatically_derived]
            impl #krate::private::serde::Serialize for #values {
                fn serialize<S: #krate::private::serde::Serializer>(
                    &self,
                    to: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    use #krate::private::{SerializeFields as _, serde::ser::SerializeStruct as _};
                    let count = <Self as #krate::private::SerializeFields>::COUNT;
                    let mut row = to.serialize_struct(#name, count)?;
                    self.serialize_fields(&mut row)?;
                    row.end()
                }
            }
        }
    }
}
