//! [`Names`]: which names are taken, and which are valid.

use super::wanted::Wanted;
use crate::error::RegisterError;
use crate::schema::{Group, Kind, is_name};
use std::collections::HashMap;
use std::panic::Location;

/// The full names of the metrics of one registry.
#[derive(Default)]
pub(super) struct Names {
    /// By full name: the set, family or actor that the metric is of, and where that was registered.
    metrics: HashMap<String, (String, &'static Location<'static>)>,
}

impl Names {
    /// Takes all metric names below a name, or none.
    pub(super) fn take(&mut self, wanted: &Wanted<'_>) -> Result<(), RegisterError> {
        let Wanted { name, at, .. } = *wanted;
        let mut own = HashMap::new();
        for metric in wanted.group.metric_names(name) {
            let other = own.get(&metric).or_else(|| self.metrics.get(&metric)).cloned();
            if let Some((other, first)) = other {
                let name = name.to_owned();
                return Err(RegisterError::MetricTaken { name, metric, other, first, at });
            }
            own.insert(metric, (name.to_owned(), at));
        }
        self.metrics.extend(own);
        Ok(())
    }

    /// Frees all metric names below a name.
    pub(super) fn free(&mut self, name: &str) {
        self.metrics.retain(|_, (owner, _)| owner != name);
    }
}

/// Whether the names are valid, whatever else is registered.
pub(super) fn validate(wanted: &Wanted<'_>) -> Result<(), RegisterError> {
    let Wanted { what, name, label, at, .. } = *wanted;
    label.map_or(Ok(()), |label| check("label", label, at))?;
    check(what, name, at)?;
    if let Some(label) = label.filter(|label| uses_label(&wanted.group, label)) {
        let (name, label) = (name.to_owned(), label.to_owned());
        return Err(RegisterError::LabelTaken { name, label, at });
    }
    let mut fields = wanted.group.fields.iter();
    if let Some(label) = fields.find_map(|field| twice(&field.kind, &mut Vec::new())) {
        let (name, label) = (name.to_owned(), label.to_owned());
        return Err(RegisterError::LabelTwice { name, label, at });
    }
    Ok(())
}

fn check(
    what: &'static str,
    name: &str,
    at: &'static Location<'static>,
) -> Result<(), RegisterError> {
    match is_name(name) {
        true => Ok(()),
        false => Err(RegisterError::InvalidName { what, name: name.to_owned(), at }),
    }
}

fn uses_label(group: &Group, label: &str) -> bool {
    fn below(kind: &Kind, wanted: &str) -> bool {
        match kind {
            Kind::Group(group) => uses_label(group, wanted),
            Kind::PerLabel { label, each, .. } => *label == wanted || below(each, wanted),
            _ => false,
        }
    }
    group.fields.iter().any(|field| below(&field.kind, label))
}

/// A label that is used below itself, where `above` are those further up.
fn twice<'a>(kind: &'a Kind, above: &mut Vec<&'a str>) -> Option<&'a str> {
    match kind {
        Kind::Group(group) => group.fields.iter().find_map(|field| twice(&field.kind, above)),
        Kind::PerLabel { label, .. } if above.contains(&&**label) => Some(label),
        Kind::PerLabel { label, each, .. } => {
            above.push(label);
            let found = twice(each, above);
            above.pop();
            found
        }
        _ => None,
    }
}
