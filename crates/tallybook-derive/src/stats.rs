//! `#[derive(Stats)]`: the struct as a set.

use crate::field::{Field, FieldInput};
use crate::name::{self, Names};
use crate::text::Text;
use crate::{constants, docs, flatten, metric, snapshot};
use darling::util::Ignored;
use darling::{Error, FromDeriveInput, ast};
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Fields, Path, Visibility, parse_quote};

/// The set as written in the source.
#[derive(FromDeriveInput)]
#[darling(attributes(stats), forward_attrs(doc))]
struct SetInput {
    ident: Ident,
    vis: Visibility,
    attrs: Vec<Attribute>,
    data: ast::Data<Ignored, FieldInput>,
    snapshot: Option<Text>,
    rates: Option<Text>,
    #[darling(rename = "crate")]
    krate: Option<Path>,
}

/// The set as the generated code needs it.
pub struct Set {
    pub ident: Ident,
    pub vis: Visibility,
    pub docs: Vec<Attribute>,
    pub help: String,
    pub snapshot: Ident,
    pub rates: Ident,
    pub krate: Path,
    pub fields: Vec<Field>,
}

/// Everything that the derive generates.
pub fn expand(input: &DeriveInput) -> Result<TokenStream, Error> {
    check_shape(input)?;
    let set = Set::new(SetInput::from_derive_input(input)?)?;
    let (metric, stats) = (metric::metric_impl(&set), metric::stats_impl(&set));
    let (constants, snapshot) = (constants::items(&set), snapshot::items(&set));
    let checks = flatten::checks(&set);
    Ok(quote! { #snapshot #metric #stats #constants #checks })
}

impl Set {
    fn new(input: SetInput) -> Result<Self, Error> {
        let mut errors = Error::accumulator();
        let mut struct_name = |what, given| {
            let name = name::of_type(&input.ident, "set", what, &format!("{what} struct"), given);
            errors.handle(name).unwrap_or_else(|| input.ident.clone())
        };
        let snapshot = struct_name("snapshot", input.snapshot);
        let rates = struct_name("rates", input.rates);
        if snapshot == rates {
            errors.push(same_name(&rates));
        }
        let fields = input.data.take_struct().map(|fields| fields.fields).unwrap_or_default();
        let fields: Vec<Field> =
            fields.into_iter().filter_map(|field| errors.handle(Field::new(field))).collect();
        check_names(&fields, &mut errors);
        errors.finish()?;
        Ok(Set {
            help: docs::help(&input.attrs),
            krate: input.krate.unwrap_or_else(|| parse_quote!(::tallybook)),
            ident: input.ident,
            vis: input.vis,
            docs: input.attrs,
            snapshot,
            rates,
            fields,
        })
    }

    /// The names of the fields.
    pub fn idents(&self) -> Vec<&Ident> {
        self.fields.iter().map(|field| &field.ident).collect()
    }

    /// `<Counter as Metric>::item` for each field.
    pub fn items(&self, item: &str) -> Vec<TokenStream> {
        self.fields.iter().map(|field| self.item(field, item)).collect()
    }

    /// `<Counter as Metric>::item` for a field, with the span of the field's type, so that errors
    /// point there.
    pub fn item(&self, field: &Field, item: &str) -> TokenStream {
        let ty = &field.ty;
        let span = ty.span();
        let (krate, item) = (name::path_at(&self.krate, span), Ident::new(item, span));
        quote_spanned! { span => <#ty as #krate::metric::Metric>::#item }
    }
}

fn same_name(name: &Ident) -> Error {
    let text = format!("the snapshot struct and the rates struct cannot both be `{name}`");
    Error::custom(text).with_span(name)
}

fn check_names(fields: &[Field], errors: &mut darling::error::Accumulator) {
    let mut names = Names::default();
    for field in fields.iter().filter(|field| !field.is_flattened) {
        errors.handle(names.insert(
            &field.name,
            "a metric of this set",
            "stats(name",
            field.name_span,
        ));
    }
}

/// An error for anything but a struct with named fields and without parameters.
fn check_shape(input: &DeriveInput) -> Result<(), Error> {
    if !input.generics.params.is_empty() {
        let text = "a set cannot have type parameters or lifetimes, because its metrics are a fixed \
            list: write a struct for each type, each with `#[derive(Stats)]`";
        return Err(Error::custom(text).with_span(&input.generics));
    }
    let (text, span) = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if !fields.named.is_empty() => return Ok(()),
            Fields::Unnamed(fields) if !fields.unnamed.is_empty() => (TUPLE, &input.ident),
            _ => (EMPTY, &input.ident),
        },
        Data::Enum(_) => (ENUM, &input.ident),
        Data::Union(_) => (UNION, &input.ident),
    };
    Err(Error::custom(text).with_span(span))
}

const TUPLE: &str = "the fields of a set name its metrics: write `struct … { requests: Counter }` \
    instead of `struct …(Counter)`";
const EMPTY: &str = "a set needs at least one metric: write a field, such as `requests: Counter`";
const ENUM: &str = "a set is a struct of metrics. For one metric per variant derive `Label` for the \
    enum and write a field such as `requests: PerLabel<…, Counter>` in a struct";
const UNION: &str = "a set is a struct of metrics: write `struct` instead of `union`";
