//! [`Place`]: where user code may run.

/// An enum without fields, with its variants and their names.
macro_rules! variants {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$each])* $variant,)* }
        impl $name {
            pub const ALL: &[$name] = &[$($name::$variant,)*];
        }
    };
}
pub(crate) use variants;

variants! {
    /// Somewhere that user code runs.
    Place {
        /// Nowhere in particular.
        Plain,
        /// Inside a fact on the set.
        SetFact,
        /// Inside a fact inside a fact, of the same set.
        NestedFact,
        OtherSetFact,
        EntryFact,
        /// In the closure that finds the field of a guard, when it opens.
        FieldOpens,
        FieldCloses,
        /// In the closure that makes an event.
        Make,
        /// In `Counted::count`.
        Count,
        Apply,
        /// In `Reducer::snapshot`.
        Show,
        Question,
        EventKind,
        EventKey,
        EventKeyHash,
        EventKeyEq,
        EventKeyDrop,
        Coalesce,
        KeyHash,
        KeyEq,
        KeyClone,
        KeyDisplay,
        KeyDrop,
        /// In the `Drop` of an event in the sending thread.
        EventDropSent,
        /// In that of an event that the collector applies.
        EventDropApplied,
        StateDrop,
        ReducerDrop,
        CaptureDrop,
        AnswerDrop,
        /// In the `Drop` of a panic's payload.
        PayloadDrop,
        /// In a `Drop` while a panic unwinds.
        Unwinding,
        /// In the destructor of a thread-local.
        ThreadLocal,
        /// In `Clock::now` during a tick.
        ClockTick,
        /// In `Clock::now` inside a fact.
        ClockFact,
        ClockWall,
        /// In the callback of an observed set.
        Observe,
        ReaderWaker,
        ReplyWaker,
    }
}

impl Place {
    /// Whether the place is in a call of the user, so that a panic there goes to the caller.
    pub fn panics_the_caller(self) -> bool {
        use Place::*;
        matches!(
            self,
            Plain
                | SetFact
                | NestedFact
                | OtherSetFact
                | EntryFact
                | FieldOpens
                | FieldCloses
                | Make
                | Count
                | EventKind
                | EventKey
                | EventKeyHash
                | EventKeyEq
                | Coalesce
                | KeyHash
                | KeyEq
                | KeyClone
                | ClockFact
        )
    }

    /// Whether the place is in a tick, so that a panic there is caught and reported.
    pub fn panics_a_tick(self) -> bool {
        use Place::*;
        matches!(
            self,
            Apply
                | Observe
                | Show
                | Question
                | EventDropApplied
                | ReducerDrop
                | PayloadDrop
                | ClockTick
                | ClockWall
        )
    }

    /// Whether this build reaches the place.
    pub fn is_reachable(self) -> bool {
        // Only the serialised form shows keys.
        self != Place::KeyDisplay || cfg!(feature = "serde")
    }
}
