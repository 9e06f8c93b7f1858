//! The source of an event, and what the generated code needs of it.

use super::count::{Count, Counts};
use crate::label;
use crate::name::{self, Names};
use crate::text::Text;
use darling::ast::{self, Fields};
use darling::error::Accumulator;
use darling::util::{Flag, Ignored};
use darling::{Error, FromDeriveInput, FromField, FromMeta, FromVariant};
use proc_macro2::{Ident, Span};
use quote::{ToTokens, format_ident};
use syn::{
    Attribute, DeriveInput, Index, LitInt, Member, Meta, Path, Type, Visibility, parse_quote,
};

#[derive(FromDeriveInput)]
#[darling(attributes(event))]
struct EventInput {
    ident: Ident,
    vis: Visibility,
    data: ast::Data<VariantInput, Ignored>,
    kind: Option<Text>,
    ordered: Flag,
    unordered: Flag,
    overflow: Option<OverflowPolicy>,
    stats: Option<Path>,
    max_bytes: Option<LitInt>,
    #[darling(rename = "crate")]
    krate: Option<Path>,
}

#[derive(FromVariant)]
#[darling(attributes(event), forward_attrs(doc))]
struct VariantInput {
    ident: Ident,
    attrs: Vec<Attribute>,
    fields: Fields<FieldInput>,
    name: Option<Text>,
    ordered: Flag,
    unordered: Flag,
    overflow: Option<OverflowPolicy>,
    merge: Option<Path>,
    count: Option<Counts>,
}

#[derive(FromField)]
#[darling(attributes(event))]
struct FieldInput {
    ident: Option<Ident>,
    ty: Type,
    key: Flag,
    sum: Flag,
}

/// An enum of events.
pub struct Event {
    pub ident: Ident,
    pub vis: Visibility,
    /// The name of the enum of kinds.
    pub kind: Ident,
    /// The set that they are counted in.
    pub stats: Option<Path>,
    /// The maximum size, if one is given.
    pub max_bytes: Option<LitInt>,
    pub krate: Path,
    pub variants: Vec<Variant>,
}

/// One kind of event.
pub struct Variant {
    pub ident: Ident,
    pub docs: Vec<Attribute>,
    /// The kind's value as a label.
    pub value: String,
    pub order: Order,
    pub overflow: OverflowPolicy,
    /// The function that merges two of them.
    pub merge: Option<Path>,
    pub counts: Vec<Count>,
    pub fields: Vec<Field>,
}

/// One field of an event.
pub struct Field {
    pub member: Member,
    pub ty: Type,
    pub is_key: bool,
    pub is_sum: bool,
}

/// A variant of `tallybook::event::Order`.
#[derive(Clone, Copy)]
pub enum Order {
    Ordered,
    Unordered,
}

impl Order {
    pub fn ident(self) -> Ident {
        match self {
            Order::Ordered => format_ident!("Ordered"),
            Order::Unordered => format_ident!("Unordered"),
        }
    }
}

/// A variant of `tallybook::event::OverflowPolicy`.
#[derive(Clone, Copy)]
pub enum OverflowPolicy {
    DropNewest,
    DropOldest,
    Coalesce,
}

impl OverflowPolicy {
    pub fn ident(self) -> Ident {
        match self {
            OverflowPolicy::DropNewest => format_ident!("DropNewest"),
            OverflowPolicy::DropOldest => format_ident!("DropOldest"),
            OverflowPolicy::Coalesce => format_ident!("Coalesce"),
        }
    }
}

impl FromMeta for OverflowPolicy {
    fn from_meta(item: &Meta) -> Result<Self, Error> {
        let Text { value, span } = Text::from_meta(item)?;
        match value.as_str() {
            "drop_newest" => Ok(OverflowPolicy::DropNewest),
            "drop_oldest" => Ok(OverflowPolicy::DropOldest),
            "coalesce" => Ok(OverflowPolicy::Coalesce),
            _ => Err(Error::custom(format!(
                "unknown `overflow` policy `{value}`: write `drop_newest`, `drop_oldest` or \
                 `coalesce`"
            ))
            .with_span(&span)),
        }
    }
}

impl Event {
    /// The event of `input`, or all errors in it.
    pub fn new(input: &DeriveInput) -> Result<Self, Error> {
        let input = EventInput::from_derive_input(input)?;
        let mut errors = Error::accumulator();
        let kind = name::of_type(&input.ident, "event", "kind", "enum of kinds", input.kind);
        let kind = errors.handle(kind).unwrap_or_else(|| input.ident.clone());
        let order = errors.handle(order(input.ordered, input.unordered)).flatten();
        let defaults =
            (order.unwrap_or(Order::Ordered), input.overflow.unwrap_or(OverflowPolicy::DropNewest));
        let mut names = Names::default();
        let variants = input.data.take_enum().unwrap_or_default().into_iter();
        let variants: Vec<_> = variants
            .map(|variant| {
                if let (Some(counts), None) = (&variant.count, &input.stats) {
                    errors.push(no_set(counts.span));
                }
                Variant::new(variant, defaults, &mut names, &mut errors)
            })
            .collect();
        check_keys(&variants, &mut errors);
        errors.finish()?;
        Ok(Event {
            ident: input.ident,
            vis: input.vis,
            kind,
            stats: input.stats,
            max_bytes: input.max_bytes,
            krate: input.krate.unwrap_or_else(|| parse_quote!(::tallybook)),
            variants,
        })
    }
}

impl Variant {
    fn new(
        input: VariantInput,
        defaults: (Order, OverflowPolicy),
        names: &mut Names,
        errors: &mut Accumulator,
    ) -> Self {
        let (value, span) = label::spanned_or_snake(input.name, &input.ident);
        if errors.handle(label::check_value(&value, &input.ident, "event(name", span)).is_some() {
            errors.handle(names.insert(&value, "a kind of this event", "event(name", span));
        }
        let order = errors.handle(order(input.ordered, input.unordered)).flatten();
        let fields = fields(input.fields, input.merge.is_some(), errors);
        let counts = input.count.map(|counts| counts.items).unwrap_or_default();
        for count in &counts {
            errors.handle(count.check(&input.ident, &fields));
        }
        Variant {
            ident: input.ident,
            docs: input.attrs,
            value,
            order: order.unwrap_or(defaults.0),
            overflow: input.overflow.unwrap_or(defaults.1),
            merge: input.merge,
            counts,
            fields,
        }
    }

    pub fn key(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.is_key)
    }
}

/// The fields of a variant. Errors in them go to `errors`.
fn fields(input: Fields<FieldInput>, is_merged: bool, errors: &mut Accumulator) -> Vec<Field> {
    let mut has_key = false;
    let mut fields = Vec::new();
    for (i, FieldInput { ident, ty, key, sum }) in input.fields.into_iter().enumerate() {
        if key.is_present() && has_key {
            errors.push(Error::custom(SECOND_KEY).with_span(&key.span()));
        }
        if key.is_present() && sum.is_present() {
            errors.push(Error::custom(SUM_OF_KEY).with_span(&sum.span()));
        } else if is_merged && sum.is_present() {
            errors.push(Error::custom(SUM_AND_MERGE).with_span(&sum.span()));
        }
        has_key |= key.is_present();
        let member = ident.map_or_else(|| Member::Unnamed(Index::from(i)), Member::Named);
        fields.push(Field { member, ty, is_key: key.is_present(), is_sum: sum.is_present() });
    }
    fields
}

/// An error for each key whose type is written differently from that of the first.
fn check_keys(variants: &[Variant], errors: &mut Accumulator) {
    let mut keys = variants.iter().filter_map(|variant| Some((&variant.ident, variant.key()?)));
    let Some((first, Field { ty: expected, .. })) = keys.next() else { return };
    let expected = expected.to_token_stream().to_string();
    for (_, Field { ty, .. }) in keys {
        let found = ty.to_token_stream().to_string();
        if found != expected {
            let text = format!(
                "all keys of an event have one type, and the key of `{first}` is a `{expected}`: \
                 write `{expected}` instead of `{found}`, or use an enum of both everywhere"
            );
            errors.push(Error::custom(text).with_span(ty));
        }
    }
}

fn order(ordered: Flag, unordered: Flag) -> Result<Option<Order>, Error> {
    match (ordered.is_present(), unordered.is_present()) {
        (true, true) => {
            let text =
                "events cannot be both ordered and unordered: remove `ordered` or `unordered`";
            Err(Error::custom(text).with_span(&unordered.span()))
        }
        (true, false) => Ok(Some(Order::Ordered)),
        (false, true) => Ok(Some(Order::Unordered)),
        (false, false) => Ok(None),
    }
}

fn no_set(span: Span) -> Error {
    let text = "there is no set to count in: write `#[event(stats = \"…\")]` on the enum, with the type \
        of a set";
    Error::custom(text).with_span(&span)
}

const SECOND_KEY: &str = "a variant has at most one key: mark one field. If two fields identify the \
    event, make them one field, of a tuple or a struct";
const SUM_OF_KEY: &str = "a key cannot be added up, because only events with equal keys are merged: \
    remove `key` or `sum`";
const SUM_AND_MERGE: &str = "the function given by `merge` merges all fields of this variant: remove \
    `sum` or `merge`";
