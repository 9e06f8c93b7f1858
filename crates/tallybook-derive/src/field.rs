//! One field of a set.

use crate::text::Text;
use crate::{docs, name};
use darling::util::Flag;
use darling::{Error, FromField};
use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{Attribute, Path, Type, Visibility};

/// The field as written in the source.
#[derive(FromField)]
#[darling(attributes(stats), forward_attrs(doc))]
pub struct FieldInput {
    ident: Option<Ident>,
    vis: Visibility,
    ty: Type,
    attrs: Vec<Attribute>,
    name: Option<Text>,
    unit: Option<Text>,
    flatten: Flag,
}

/// The field as the generated code needs it.
pub struct Field {
    pub ident: Ident,
    pub vis: Visibility,
    pub ty: Type,
    pub docs: Vec<Attribute>,
    pub name: String,
    pub name_span: Span,
    pub help: String,
    pub unit: Option<String>,
    /// Whether it is a nested set whose fields appear among those of this set.
    pub is_flattened: bool,
}

impl Field {
    /// The field of `input`, or all errors in it.
    pub fn new(input: FieldInput) -> Result<Self, Error> {
        let ident = input.ident.ok_or_else(|| Error::custom("a metric needs a name"))?;
        let (name, name_span) = match &input.name {
            Some(name) => (name.value.clone(), name.span),
            None => (ident.unraw().to_string(), ident.span()),
        };
        let mut errors = Error::accumulator();
        errors.handle(name::check(&name, "a metric", "stats(name", name_span));
        if let Some(unit) = &input.unit {
            errors.handle(name::check(&unit.value, "a unit", "stats(unit", unit.span));
        }
        if input.flatten.is_present() {
            errors.handle(check_flattened(&input.name, &input.unit));
            errors.handle(check_set(&input.ty));
        }
        errors.handle(check_type(&input.ty));
        errors.finish()?;
        let help = docs::help(&input.attrs);
        let unit = input.unit.map(|unit| unit.value);
        Ok(Field {
            ident,
            vis: input.vis,
            ty: input.ty,
            docs: input.attrs,
            name,
            name_span,
            help,
            unit,
            is_flattened: input.flatten.is_present(),
        })
    }
}

/// An error for attributes that say something of a flattened set as a whole.
fn check_flattened(name: &Option<Text>, unit: &Option<Text>) -> Result<(), Error> {
    let Some((key, given)) =
        name.as_ref().map(|name| ("name", name)).or(unit.as_ref().map(|unit| ("unit", unit)))
    else {
        return Ok(());
    };
    let text = format!(
        "a flattened set has no {key}, because its fields appear among those of this set: remove \
         `{key}` or `flatten`"
    );
    Err(Error::custom(text).with_span(&given.span))
}

/// An error for the metrics that are known not to be sets.
fn check_set(ty: &Type) -> Result<(), Error> {
    let last = plain_path(ty).and_then(|path| path.segments.last());
    let Some(name) = last.map(|last| last.ident.to_string()) else { return Ok(()) };
    if !METRICS.contains(&name.as_str()) {
        return Ok(());
    }
    let text =
        format!("`{name}` is not a set, and only a nested set can be flattened: remove `flatten`");
    Err(Error::custom(text).with_span(ty))
}

const METRICS: [&str; 9] = [
    "Counter",
    "UpDownCounter",
    "Gauge",
    "Max",
    "Min",
    "Histogram",
    "Live",
    "TimedLive",
    "PerLabel",
];

/// An error for the types that are known not to be metrics. For all others the compiler checks the
/// trait.
fn check_type(ty: &Type) -> Result<(), Error> {
    let instead = match ty {
        Type::Path(_) => plain_path(ty).and_then(instead_of_path),
        Type::Group(group) => return check_type(&group.elem),
        Type::Paren(paren) => return check_type(&paren.elem),
        Type::Array(_) | Type::Slice(_) => Some(COLLECTION),
        Type::Tuple(_) => {
            Some("write one field per metric, or a nested struct with `#[derive(Stats)]`")
        }
        Type::Reference(_) | Type::Ptr(_) => {
            Some("a set owns its metrics: write the metric itself")
        }
        _ => None,
    };
    match (instead, ty) {
        (None, _) => Ok(()),
        (Some(instead), Type::Path(path)) => {
            let name = &path.path.segments[path.path.segments.len() - 1].ident;
            Err(Error::custom(format!("`{name}` is not a metric: {instead}")).with_span(ty))
        }
        (Some(instead), _) => {
            Err(Error::custom(format!("this is not a metric: {instead}")).with_span(ty))
        }
    }
}

const NATURAL: &str = "write `Counter` for a number that only grows, `UpDownCounter` for one that \
    goes both ways, `Gauge` for the last value set, `Histogram` for a distribution of values, \
    `Max` or `Min` for the maximum or minimum of an interval";
const INTEGER: &str = "write `UpDownCounter` for a sum that goes both ways, `Gauge` for the last \
    value set, `Counter` for a number that only grows";
const FLOAT: &str = "write `Gauge<f64>` for the last value set";
const SWITCH: &str = "write `Live` or `TimedLive` for something that opens and closes, or `Gauge` \
    and set it to 0 or 1";
const TEXT: &str = "a set holds numbers. Write `PerLabel<E, Counter>` for a few known strings, \
    where `E` is an enum with `#[derive(Label)]`, or make the string the key of a family";
const COLLECTION: &str = "write `PerLabel<E, Counter>` for one metric per variant of an enum `E` \
    with `#[derive(Label)]`, or use a family for keys that are known only at run time";
const WRAPPER: &str =
    "write the metric itself: any thread records on it through a shared reference";
const TIME: &str = "write `Histogram<Duration>` for a distribution of durations, `TimedLive` for \
    how long things are open, `Counter` with `#[stats(unit = \"nanoseconds\")]` for time spent, \
    `Gauge` for a point in time";

fn instead_of_path(path: &Path) -> Option<&'static str> {
    let last = path.segments.last()?.ident.to_string();
    let in_std = path.segments.len() > 1
        && path.segments.first().is_some_and(|first| first.ident == "std" || first.ident == "core");
    Some(match last.as_str() {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => NATURAL,
        "AtomicU8" | "AtomicU16" | "AtomicU32" | "AtomicU64" | "AtomicUsize" => NATURAL,
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => INTEGER,
        "AtomicI8" | "AtomicI16" | "AtomicI32" | "AtomicI64" | "AtomicIsize" => INTEGER,
        "f32" | "f64" => FLOAT,
        "bool" | "AtomicBool" => SWITCH,
        "char" | "str" | "String" | "PathBuf" | "OsString" => TEXT,
        "Vec" | "VecDeque" | "HashMap" | "BTreeMap" | "HashSet" | "BTreeSet" | "DashMap" => {
            COLLECTION
        }
        "Option" | "Box" | "Rc" | "Arc" | "Mutex" | "RwLock" | "Cell" | "RefCell" => WRAPPER,
        // A program may have a set of one of these names.
        "Duration" | "Instant" | "SystemTime" if in_std => TIME,
        _ => return None,
    })
}

/// The path that a type consists of.
pub fn plain_path(ty: &Type) -> Option<&Path> {
    match ty {
        Type::Path(path) if path.qself.is_none() => Some(&path.path),
        Type::Group(group) => plain_path(&group.elem),
        Type::Paren(paren) => plain_path(&paren.elem),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn complaint(ty: Type) -> Option<String> {
        check_type(&ty).err().map(|error| error.to_string())
    }

    #[test]
    fn types_of_the_standard_library_are_answered_with_what_to_write() {
        assert!(complaint(parse_quote!(u64)).unwrap().contains("write `Counter`"));
        assert!(
            complaint(parse_quote!(std::sync::atomic::AtomicU64)).unwrap().contains("`AtomicU64`")
        );
        assert!(complaint(parse_quote!(Vec<Counter>)).unwrap().contains("PerLabel"));
        assert!(
            complaint(parse_quote!((Counter, Counter))).unwrap().contains("one field per metric")
        );
        assert!(complaint(parse_quote!([Counter; 4])).unwrap().contains("PerLabel"));
        assert!(complaint(parse_quote!(&'static Counter)).unwrap().contains("owns its metrics"));
        assert!(complaint(parse_quote!(std::time::Duration)).unwrap().contains("nanoseconds"));
    }

    #[test]
    fn other_types_are_left_to_the_compiler() {
        assert_eq!(complaint(parse_quote!(Counter)), None);
        assert_eq!(complaint(parse_quote!(Duration)), None);
        assert_eq!(complaint(parse_quote!(PerLabel<Direction, Counter>)), None);
    }
}
