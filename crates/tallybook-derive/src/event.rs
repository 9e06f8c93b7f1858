//! `#[derive(Event)]`: an enum as an event.

mod coalesce;
mod count;
mod input;

use crate::{docs, label};
use darling::Error;
use input::{Event, Field, Variant};
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput};

/// The enum of kinds and all implementations.
pub fn expand(input: &DeriveInput) -> Result<TokenStream, Error> {
    check_shape(input)?;
    let event = Event::new(input)?;
    let (kinds, implementation) = (kinds(&event), event_impl(&event));
    let counted = event.stats.as_ref().map(|stats| count::counted_impl(&event, stats));
    Ok(quote! { #kinds #implementation #counted })
}

/// The enum of kinds, which is a label.
fn kinds(event: &Event) -> TokenStream {
    let Event { ident, vis, kind, krate, .. } = event;
    let first = format!("The kinds of [`{ident}`].");
    let definitions = event.variants.iter().map(|variant| {
        let Variant { ident, docs, .. } = variant;
        let undocumented = (!docs::documented(docs)).then(|| quote! { #[allow(missing_docs)] });
        quote! { #(#docs)* #undocumented #ident }
    });
    let variants: Vec<_> = event.variants.iter().map(|variant| &variant.ident).collect();
    let values: Vec<_> = event.variants.iter().map(|variant| variant.value.as_str()).collect();
    let label = label::implementation(krate, kind, "kind", &variants, &values);
    quote! {
        #[doc = #first]
        #[derive(
            ::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug, ::core::cmp::PartialEq,
            ::core::cmp::Eq, ::core::hash::Hash,
        )]
        // The event's own variants have their own warnings.
        #[allow(non_camel_case_types, clippy::enum_variant_names)]
        #vis enum #kind { #(#definitions),* }
        #label
    }
}

fn event_impl(event: &Event) -> TokenStream {
    let Event { ident, kind, krate, .. } = event;
    let kinds = event.variants.iter().map(|variant| {
        let variant = &variant.ident;
        quote! { Self::#variant { .. } => #kind::#variant }
    });
    let deliveries = event.variants.iter().map(|variant| {
        let (ident, order, overflow) =
            (&variant.ident, variant.order.ident(), variant.overflow.ident());
        quote! {
            #kind::#ident => #krate::event::Delivery::new(
                #krate::event::Order::#order,
                #krate::event::OverflowPolicy::#overflow,
            )
        }
    });
    let (key, key_of) = key(event);
    let coalesce = coalesce::body(event);
    let max_bytes =
        event.max_bytes.as_ref().map(|bytes| quote! { const MAX_BYTES: usize = #bytes; });
    let text = format!(
        "`{ident}` is larger than an event may be: box its large fields, or raise the limit, such \
         as `#[event(max_bytes = 256)]`"
    );
    let check = quote_spanned! { ident.span() =>
        const _: () = ::core::assert!(
            ::core::mem::size_of::<#ident>() <= <#ident as #krate::Event>::MAX_BYTES,
            #text,
        );
    };
    quote! {
        #check
        #[automatically_derived]
        #[allow(deprecated)]
        impl #krate::Event for #ident {
            type Kind = #kind;
            type Key = #key;
            #max_bytes

            #[inline]
            fn kind(&self) -> #kind {
                match self { #(#kinds),* }
            }
            #[inline]
            fn delivery(kind: #kind) -> #krate::event::Delivery {
                match kind { #(#deliveries),* }
            }
            fn key(&self) -> #key { #key_of }
            fn coalesce(&mut self, later: Self) { #coalesce }
        }
    }
}

/// The type of the key, and the body of the method that returns it. If the type cannot be a key,
/// the error points at it.
fn key(event: &Event) -> (TokenStream, TokenStream) {
    let Some(Field { ty, .. }) = event.variants.iter().find_map(Variant::key) else {
        return (quote! { () }, quote! {});
    };
    let arms = event.variants.iter().map(|variant| {
        let ident = &variant.ident;
        let Some(Field { member, ty, .. }) = variant.key() else {
            return quote! { Self::#ident { .. } => ::core::option::Option::None };
        };
        let key = Ident::new("key", ty.span());
        let clone = quote_spanned! { ty.span() => ::core::clone::Clone::clone(#key) };
        quote! { Self::#ident { #member: #key, .. } => ::core::option::Option::Some(#clone) }
    });
    let optional = quote_spanned! { ty.span() => ::core::option::Option<#ty> };
    (optional, quote! { match self { #(#arms),* } })
}

/// An error for anything but an enum with variants and without parameters.
fn check_shape(input: &DeriveInput) -> Result<(), Error> {
    if !input.generics.params.is_empty() {
        let text = "an event cannot have type parameters or lifetimes, because it waits in a \
            queue of a fixed type: write a plain enum that owns its data";
        return Err(Error::custom(text).with_span(&input.generics));
    }
    let text = match &input.data {
        Data::Enum(data) if !data.variants.is_empty() => return Ok(()),
        Data::Enum(_) => {
            "an event needs at least one kind: write a variant, such as `Opened { peer: u32 }`"
        }
        Data::Struct(_) => {
            "an event is an enum whose variants are its kinds: write \
             `enum … { Opened { … }, Closed { … } }`, with the fields of this struct in a variant. \
             For a set of metrics derive `Stats`"
        }
        Data::Union(_) => {
            "an event is an enum whose variants are its kinds: write `enum` instead of `union`"
        }
    };
    Err(Error::custom(text).with_span(&input.ident))
}
