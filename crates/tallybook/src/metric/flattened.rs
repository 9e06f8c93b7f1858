//! Sets whose fields appear among those of the set around them: `#[stats(flatten)]`.

use crate::schema::{Group, Kind};

/// The names of a set's fields, those of flattened sets included, as far as a constant can tell.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    own: &'static [&'static str],
    flattened: &'static [Names],
}

impl Names {
    /// No names: those of a metric that is not a set.
    pub(crate) const NONE: Names = Names { own: &[], flattened: &[] };

    /// The names of a set's own fields, and those of the sets that it flattens.
    #[must_use]
    pub const fn new(own: &'static [&'static str], flattened: &'static [Names]) -> Self {
        Names { own, flattened }
    }

    /// Whether there is a field of this name.
    #[must_use]
    pub const fn contain(self, name: &str) -> bool {
        let mut i = 0;
        while i < self.own.len() {
            if is_same(self.own[i], name) {
                return true;
            }
            i += 1;
        }
        let mut i = 0;
        while i < self.flattened.len() {
            if self.flattened[i].contain(name) {
                return true;
            }
            i += 1;
        }
        false
    }

    /// Whether there is a field whose name `other` has, too.
    #[must_use]
    pub const fn overlap(self, other: Names) -> bool {
        let mut i = 0;
        while i < self.own.len() {
            if other.contain(self.own[i]) {
                return true;
            }
            i += 1;
        }
        let mut i = 0;
        while i < self.flattened.len() {
            if self.flattened[i].overlap(other) {
                return true;
            }
            i += 1;
        }
        false
    }
}

/// `==`, which constants cannot call.
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut i = 0;
    while i < one.len() {
        if one[i] != other[i] {
            return false;
        }
        i += 1;
    }
    true
}

impl Group {
    /// Replaces the nested sets at these places by their fields. For the derive macro alone.
    #[doc(hidden)]
    #[must_use]
    pub fn flattened(self, places: &[usize]) -> Self {
        let mut fields = Vec::new();
        for (place, field) in self.fields.into_iter().enumerate() {
            match field.kind {
                Kind::Group(nested) if places.contains(&place) => fields.extend(nested.fields),
                _ => fields.push(field),
            }
        }
        Group { fields, ..self }
    }
}

/// The values of a set as fields of a struct that is being serialized, possibly the struct of the
/// set around them. For the derive macro alone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the value of a set",
    label = "cannot be flattened",
    note = "`#[stats(flatten)]` is for nested sets: structs of metrics with `#[derive(Stats)]`"
)]
#[cfg(feature = "serde")]
pub trait SerializeFields {
    /// The number of fields.
    const COUNT: usize;

    /// Serializes each field.
    ///
    /// # Errors
    /// Those of the serializer.
    fn serialize_fields<S: serde::ser::SerializeStruct>(
        &self,
        into: &mut S,
    ) -> Result<(), S::Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: Names = Names::new(&["reads"], &[Names::new(&["writes"], &[])]);
    const OUTER: Names = Names::new(&["pieces"], &[INNER]);

    #[test]
    fn names_are_found_however_deep_they_are() {
        for name in ["pieces", "reads", "writes"] {
            assert!(OUTER.contain(name), "{name}");
        }
        for name in ["", "piece", "piecess", "reaps"] {
            assert!(!OUTER.contain(name), "{name}");
        }
    }

    #[test]
    fn names_overlap_however_deep_they_are() {
        const SHALLOW: Names = Names::new(&["a", "writes"], &[]);
        const DEEP: Names = Names::new(&["a"], &[Names::new(&["writes"], &[])]);
        const OTHER: Names = Names::new(&["a"], &[Names::new(&["b"], &[])]);
        assert!(OUTER.overlap(SHALLOW) && SHALLOW.overlap(OUTER));
        assert!(OUTER.overlap(DEEP) && DEEP.overlap(OUTER));
        assert!(!OUTER.overlap(OTHER) && !OTHER.overlap(OUTER));
        assert!(!Names::NONE.overlap(OUTER));
    }
}
