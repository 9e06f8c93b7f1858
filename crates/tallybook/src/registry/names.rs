//! Which names are taken, and which may be.

use crate::error::RegisterError;
use crate::schema::{Group, Kind, is_name};
use std::collections::HashMap;

/// The names of one registry.
#[derive(Default)]
pub(crate) struct Names {
    /// `set` or `family`, by name.
    heads: HashMap<String, &'static str>,
    /// The head of each full metric name.
    metrics: HashMap<String, String>,
}

impl Names {
    /// Takes the name and all metric names below it, or none.
    pub(crate) fn take(
        &mut self,
        what: &'static str,
        name: &str,
        label: Option<&str>,
        group: &Group,
    ) -> Result<(), RegisterError> {
        label.map_or(Ok(()), |label| check("label", label))?;
        check(what, name)?;
        if let Some(other) = self.heads.get(name) {
            return Err(RegisterError::NameTaken { what, name: name.to_owned(), other });
        }
        if let Some(label) = label.filter(|label| uses_label(group, label)) {
            return Err(RegisterError::LabelTaken {
                name: name.to_owned(),
                label: label.to_owned(),
            });
        }
        if let Some(label) =
            group.fields.iter().find_map(|field| twice(&field.kind, &mut Vec::new()))
        {
            return Err(RegisterError::LabelTwice {
                name: name.to_owned(),
                label: label.to_owned(),
            });
        }
        let mut own = HashMap::new();
        for metric in group.metric_names(name) {
            let other = own.get(&metric).or_else(|| self.metrics.get(&metric)).cloned();
            if let Some(other) = other {
                return Err(RegisterError::MetricTaken { name: name.to_owned(), metric, other });
            }
            own.insert(metric, name.to_owned());
        }
        self.heads.insert(name.to_owned(), what);
        self.metrics.extend(own);
        Ok(())
    }
}

fn check(what: &'static str, name: &str) -> Result<(), RegisterError> {
    match is_name(name) {
        true => Ok(()),
        false => Err(RegisterError::InvalidName { what, name: name.to_owned() }),
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

/// A label that stands below itself, where `above` are those that stand above.
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
