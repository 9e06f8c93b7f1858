//! [`Label`]: an enum whose variants are the values of a label.

/// An enum without fields whose variants are the values of a label. Implemented by
/// [`#[derive(Label)]`](macro@crate::Label).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a label",
    label = "not a label",
    note = "a label is an enum without fields: write `#[derive(Clone, Copy, Label)]` for it"
)]
pub trait Label: Copy + Send + Sync + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// The label's values, one per variant, in the order of their declaration.
    const VALUES: &'static [&'static str];
    /// The variants, in the order of their declaration.
    const ALL: &'static [Self];
    /// One `T` per variant.
    type Each<T>: AsRef<[T]> + AsMut<[T]>;

    /// Makes one `T` per variant, in the order of their declaration.
    fn each<T>(make: impl FnMut(usize) -> T) -> Self::Each<T>;
    /// The variant's place in [`ALL`](Label::ALL) and [`VALUES`](Label::VALUES).
    fn index(self) -> usize;
    /// The variant's value.
    fn value(self) -> &'static str {
        Self::VALUES[self.index()]
    }
}
