//! The constants by which guards find their fields: `Peer::connections`.

use crate::docs;
use crate::field::{self, Field};
use crate::stats::Set;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{GenericArgument, Path, PathArguments, Type};

/// A constant for each field that a guard drives.
pub fn items(set: &Set) -> Option<TokenStream> {
    let ident = &set.ident;
    let constants: Vec<_> = set.fields.iter().filter_map(|field| constant(set, field)).collect();
    (!constants.is_empty()).then(|| {
        quote! {
            #[automatically_derived]
            #[allow(non_upper_case_globals, dead_code, deprecated)]
            impl #ident { #(#constants)* }
        }
    })
}

fn constant(set: &Set, field: &Field) -> Option<TokenStream> {
    let Set { ident: set, krate, .. } = set;
    let Field { ident, vis, docs, ty, .. } = field;
    let (labels, metric) = under_labels(ty);
    let field_type = guarded(metric)?;
    let own = format!("The field `{ident}`, to open or time it with.");
    let own = (!docs::documented(docs)).then(|| quote! { #[doc = #own] });
    let bindings: Vec<_> = (0..labels.len()).map(|i| format_ident!("label_{i}")).collect();
    let (label, binding) = match (&labels[..], &bindings[..]) {
        ([], _) => {
            let field_type = format_ident!("{field_type}");
            return Some(quote! {
                #(#docs)* #own
                #vis const #ident: #krate::metric::#field_type<#set, #metric> = |set| &set.#ident;
            });
        }
        ([label], [binding]) => (quote! { #label }, quote! { #binding }),
        _ => (quote! { (#(#labels),*) }, quote! { (#(#bindings),*) }),
    };
    Some(quote! {
        #(#docs)* #own
        #vis const #ident: #krate::metric::LabelledField<#set, #label, #metric> =
            |set, #binding| &set.#ident #([#bindings])*;
    })
}

/// The labels of nested `PerLabel`s, from the outside, and the metric under them.
fn under_labels(mut ty: &Type) -> (Vec<&Type>, &Type) {
    let mut labels = Vec::new();
    while let Some(("PerLabel", [label, metric])) = generic(ty).as_ref().map(as_slice) {
        labels.push(*label);
        ty = metric;
    }
    (labels, ty)
}

/// The type of the constant, if the metric's type is written as one that guards drive.
fn guarded(metric: &Type) -> Option<&'static str> {
    match generic(metric).as_ref().map(as_slice)? {
        ("Live" | "TimedLive", []) => Some("LiveField"),
        ("Histogram", [values]) => {
            let last = field::plain_path(values)?.segments.last()?;
            (last.ident == "Duration").then_some("TimerField")
        }
        _ => None,
    }
}

fn as_slice<'a, 'b>((name, types): &'b (String, Vec<&'a Type>)) -> (&'b str, &'b [&'a Type]) {
    (name, types)
}

/// The last name of a type's path and the types among its arguments.
fn generic(ty: &Type) -> Option<(String, Vec<&Type>)> {
    let last = field::plain_path(ty).map(|path: &Path| path.segments.last())??;
    let types = match &last.arguments {
        PathArguments::None => Vec::new(),
        PathArguments::AngleBracketed(arguments) => {
            let types = arguments.args.iter().filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            });
            types.collect()
        }
        PathArguments::Parenthesized(_) => return None,
    };
    Some((last.ident.to_string(), types))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::ToTokens;
    use syn::parse_quote;

    fn found(ty: Type) -> Option<(usize, String, &'static str)> {
        let (labels, metric) = under_labels(&ty);
        let field_type = guarded(metric)?;
        Some((labels.len(), metric.to_token_stream().to_string(), field_type))
    }

    #[test]
    fn fields_that_guards_drive_have_constants() {
        let live = |labels| Some((labels, "Live".to_owned(), "LiveField"));
        assert_eq!(found(parse_quote!(Live)), live(0));
        assert_eq!(found(parse_quote!(PerLabel<Role, Live>)), live(1));
        assert_eq!(found(parse_quote!(a::PerLabel<Role, PerLabel<Way, Live>>)), live(2));
        assert_eq!(found(parse_quote!(tallybook::TimedLive)).unwrap().2, "LiveField");
        for ty in [
            parse_quote!(Histogram<Duration>),
            parse_quote!(tallybook::Histogram<std::time::Duration, 5>),
            parse_quote!(PerLabel<Role, Histogram<Duration>>),
        ] {
            assert_eq!(found(ty).unwrap().2, "TimerField");
        }
    }

    #[test]
    fn other_fields_have_none() {
        for ty in [
            parse_quote!(Counter),
            parse_quote!(Histogram),
            parse_quote!(Histogram<u64>),
            parse_quote!(PerLabel<Role, Counter>),
            parse_quote!(PerLabel<Role>),
            parse_quote!(Live<Duration>),
        ] {
            assert_eq!(found(ty), None);
        }
    }
}
