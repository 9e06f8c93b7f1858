//! `#[derive(Label)]`: an enum as a label.

use crate::name::{self, Names};
use crate::text::Text;
use darling::ast::{self, Fields, Style};
use darling::util::Ignored;
use darling::{Error, FromDeriveInput, FromVariant};
use heck::ToSnakeCase;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Path, parse_quote};

/// The label as written in the source.
#[derive(FromDeriveInput)]
#[darling(attributes(label))]
struct LabelInput {
    ident: Ident,
    data: ast::Data<VariantInput, Ignored>,
    name: Option<Text>,
    #[darling(rename = "crate")]
    krate: Option<Path>,
}

#[derive(FromVariant)]
#[darling(attributes(label))]
struct VariantInput {
    ident: Ident,
    fields: Fields<Ignored>,
    value: Option<Text>,
}

/// The implementation of `Label`.
pub fn expand(input: &DeriveInput) -> Result<TokenStream, Error> {
    check_shape(input)?;
    let LabelInput { ident, data, name, krate } = LabelInput::from_derive_input(input)?;
    let mut errors = Error::accumulator();
    let (name, span) = spanned_or_snake(name, &ident);
    errors.handle(name::check(&name, "a label", "label(name", span));
    let variants = data.take_enum().unwrap_or_default();
    let values = values(&variants, &mut errors);
    errors.finish()?;

    let krate = krate.unwrap_or_else(|| parse_quote!(::tallybook));
    let variants: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let values: Vec<_> = values.iter().map(String::as_str).collect();
    Ok(implementation(&krate, &ident, &name, &variants, &values))
}

/// `Label` for the enum `ident`, whose variants have the given values.
pub fn implementation(
    krate: &Path,
    ident: &Ident,
    name: &str,
    variants: &[&Ident],
    values: &[&str],
) -> TokenStream {
    let count = variants.len();
    let arms = variants.iter().enumerate().map(|(i, variant)| quote! { Self::#variant => #i });
    quote! {
        #[automatically_derived]
        #[allow(deprecated)]
        impl #krate::Label for #ident {
            const NAME: &'static str = #name;
            const VALUES: &'static [&'static str] = &[#(#values),*];
            const ALL: &'static [Self] = &[#(Self::#variants),*];
            type Each<T> = [T; #count];

            fn each<T>(make: impl ::core::ops::FnMut(usize) -> T) -> [T; #count] {
                ::core::array::from_fn(make)
            }
            #[inline]
            fn index(self) -> usize {
                match self { #(#arms),* }
            }
        }
    }
}

/// The values of the variants. Errors in them go to `errors`.
fn values(variants: &[VariantInput], errors: &mut darling::error::Accumulator) -> Vec<String> {
    let mut names = Names::default();
    let mut values = Vec::new();
    for variant in variants {
        errors.handle(check_fields(variant));
        let (value, span) = spanned_or_snake(variant.value.clone(), &variant.ident);
        if errors.handle(check_value(&value, &variant.ident, "label(value", span)).is_some() {
            errors.handle(names.insert(&value, "a value of this label", "label(value", span));
        }
        values.push(value);
    }
    values
}

fn check_fields(variant: &VariantInput) -> Result<(), Error> {
    if variant.fields.style == Style::Unit {
        return Ok(());
    }
    let text = format!(
        "a variant of a label is one value and cannot have fields: write `{},`. For values that \
         are known only at run time use a family",
        variant.ident
    );
    Err(Error::custom(text).with_span(&variant.ident))
}

/// An error at `span` if a value is empty. `key` is the attribute that gives it.
pub fn check_value(value: &str, variant: &Ident, key: &str, span: Span) -> Result<(), Error> {
    if !value.is_empty() {
        return Ok(());
    }
    let snake = variant.unraw().to_string().to_snake_case();
    Err(Error::custom(format!(
        "a label's value cannot be empty: write a string, such as `#[{key} = \"{snake}\")]`"
    ))
    .with_span(&span))
}

/// The value of the attribute, or else the identifier in snake case, with its span.
pub fn spanned_or_snake(given: Option<Text>, ident: &Ident) -> (String, Span) {
    match given {
        Some(given) => (given.value, given.span),
        None => (ident.unraw().to_string().to_snake_case(), ident.span()),
    }
}

/// An error for anything but an enum with variants and without parameters.
fn check_shape(input: &DeriveInput) -> Result<(), Error> {
    if !input.generics.params.is_empty() {
        let text = "a label cannot have type parameters or lifetimes: write a plain enum";
        return Err(Error::custom(text).with_span(&input.generics));
    }
    let text = match &input.data {
        Data::Enum(data) if !data.variants.is_empty() => return Ok(()),
        Data::Enum(_) => "a label needs at least one value: write a variant",
        Data::Struct(_) | Data::Union(_) => {
            "a label is an enum whose variants are its values: write `enum … { Received, Sent }`. \
             For a set of metrics derive `Stats`; for keys that are known only at run time use a \
             family"
        }
    };
    Err(Error::custom(text).with_span(&input.ident))
}
