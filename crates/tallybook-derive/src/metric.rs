//! The implementations of `Metric` and `Stats`, field by field.

use crate::field::Field;
use crate::flatten;
use crate::stats::Set;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// `impl Metric`.
pub fn metric_impl(set: &Set) -> TokenStream {
    let Set { ident, snapshot, rates, krate, .. } = set;
    let counts = ["WORDS", "BUCKETS", "EXTREMA", "FLOWS"].map(|count| {
        let (own, counts) = (format_ident!("{count}"), set.items(count));
        quote! { const #own: usize = 0 #(+ #counts)*; }
    });
    let stamped = set.items("STAMPED");
    let (cells, rows, values) = (cells(set), rows(set), values(set));
    let names = flatten::names(set);
    quote! {
        #[automatically_derived]
        impl #krate::private::Sealed for #ident {}

        #[automatically_derived]
        #[allow(deprecated)]
        impl #krate::metric::Metric for #ident {
            type Value = #snapshot;
            type Rates = #rates;
            #(#counts)*
            #names
            const STAMPED: bool = false #(|| #stamped)*;
            #cells
            #rows
            #values
            fn kind() -> #krate::schema::Kind {
                #krate::schema::Kind::Group(<Self as #krate::Stats>::group())
            }
        }
    }
}

/// `impl Stats`.
pub fn stats_impl(set: &Set) -> TokenStream {
    let Set { ident, krate, help, .. } = set;
    let fields = set.fields.iter().map(|field| {
        let Field { name, help, .. } = field;
        let kind = set.item(field, "kind");
        let unit = match &field.unit {
            Some(unit) => quote! { ::core::option::Option::Some(#unit) },
            None => quote! { ::core::option::Option::None },
        };
        quote! { #krate::schema::Field::new(#name, #help, #unit, #kind()) }
    });
    let flattened = flatten::of_group(set);
    quote! {
        #[automatically_derived]
        impl #krate::Stats for #ident {
            fn group() -> #krate::schema::Group {
                #krate::schema::Group::new(#help, ::std::vec::Vec::from([#(#fields),*]))
                #flattened
            }
        }
    }
}

/// The methods for the cells that a thread writes.
fn cells(set: &Set) -> TokenStream {
    let (krate, fields) = (&set.krate, set.idents());
    let (at_rest, merge, drain) = (set.items("at_rest"), set.items("merge"), set.items("drain"));
    quote! {
        fn at_rest() -> Self {
            Self { #(#fields: #at_rest()),* }
        }
        #[inline]
        fn merge(&self, into: &Self) {
            #(#merge(&self.#fields, &into.#fields);)*
        }
        #[inline]
        fn drain(&self, into: &mut #krate::private::Drain<'_>) {
            #(#drain(&self.#fields, into);)*
        }
    }
}

/// The methods for rows.
fn rows(set: &Set) -> TokenStream {
    let Set { snapshot, krate, .. } = set;
    let (fields, words, read) = (set.idents(), set.items("WORDS"), set.items("read"));
    let row_by_row = |method: &str| {
        let (own, methods) = (format_ident!("{method}"), set.items(method));
        quote! {
            #[inline]
            fn #own(from: &[u64], into: &mut [u64], span: #krate::private::Span) {
                let rest = &from[..<Self as #krate::metric::Metric>::WORDS];
                let into_rest = &mut into[..<Self as #krate::metric::Metric>::WORDS];
                #(
                    let (row, rest) = rest.split_at(#words);
                    let (into, into_rest) = into_rest.split_at_mut(#words);
                    #methods(row, into, span);
                )*
                let _ = (rest, into_rest);
            }
        }
    };
    let (fold, carry) = (row_by_row("fold"), row_by_row("carry"));
    quote! {
        #fold
        #carry
        #[inline]
        fn read(row: &mut #krate::private::Row<'_>) -> #snapshot {
            #snapshot { #(#fields: #read(row)),* }
        }
    }
}

/// The methods for values.
fn values(set: &Set) -> TokenStream {
    let Set { snapshot, rates, krate, .. } = set;
    let (fields, difference, sum) = (set.idents(), set.items("difference"), set.items("sum"));
    let (observe, flows, rate) = (set.items("observe"), set.items("flows"), set.items("rates"));
    quote! {
        fn difference(later: &#snapshot, earlier: &#snapshot) -> #snapshot {
            #snapshot {
                #(#fields: #difference(&later.#fields, &earlier.#fields)),*
            }
        }
        fn sum(one: &#snapshot, other: &#snapshot) -> #snapshot {
            #snapshot { #(#fields: #sum(&one.#fields, &other.#fields)),* }
        }
        fn observe(value: &mut #snapshot, extrema: &mut #krate::private::RowExtrema<'_>) {
            #(#observe(&mut value.#fields, extrema);)*
        }
        fn flows(increase: &#snapshot, flows: &mut ::std::vec::Vec<f64>) {
            #(#flows(&increase.#fields, flows);)*
        }
        fn rates(flows: &mut #krate::private::Flows<'_>) -> #rates {
            #rates { #(#fields: #rate(flows)),* }
        }
    }
}
