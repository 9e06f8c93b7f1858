//! [`Open`]: the guard of something live.

use super::recorder::Record;
use super::select::{Labelled, Select};
use crate::metric::{Live, LiveField, Openable};
use std::fmt;
use std::time::Duration;

/// The guard of a [`Live`] or a [`TimedLive`](crate::TimedLive): one thing that is open until this
/// is dropped. Made by [`Set::open`](crate::Set::open) and [`Entry::open`](crate::Entry::open).
///
/// A guard is `Send` if its parts are: it may be dropped on another thread, by a task that moved,
/// or by a future that is cancelled. It counts exactly one closing. A guard that is leaked
/// (`std::mem::forget`) stays open.
///
/// With a constant that the derive made, the type has a name: `Open<Set<Server>>` for a `Live`,
/// `Open<Set<Server>, LiveField<Server, TimedLive>, TimedLive>` for a `TimedLive`, and
/// [`OpenLabel`] for one in a `PerLabel`. So does the guard of a field in a nested set, if the
/// closure is made a [`LiveField`] first:
///
/// ```
/// use tallybook::metric::LiveField;
/// use tallybook::{Live, Open, Registry, Set, Stats};
///
/// #[derive(Stats)]
/// struct Server {
///     http: Protocol,
/// }
///
/// #[derive(Stats)]
/// struct Protocol {
///     connections: Live,
/// }
///
/// struct Connection {
///     counted: Open<Set<Server>>,
/// }
///
/// const HTTP: LiveField<Server> = |server| &server.http.connections;
///
/// let registry = Registry::new();
/// let server = registry.set::<Server>("server")?;
/// let connection = Connection { counted: server.open(HTTP) };
/// assert_eq!(registry.collector()?.tick().set(&server).http.connections.live(), 1);
/// # drop(connection.counted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "what it opened closes when it is dropped"]
pub struct Open<R: Record, F = LiveField<<R as Record>::Stats>, L: Openable = Live>
where
    F: Select<R::Stats, L>,
{
    on: R,
    field: F,
    opened: L::Opened,
}

/// The guard of a [`Live`] or a [`TimedLive`](crate::TimedLive) under a value of a label, made by
/// [`Set::open_label`](crate::Set::open_label) and [`Entry::open_label`](crate::Entry::open_label).
pub type OpenLabel<R, K, L = Live> = Open<R, Labelled<<R as Record>::Stats, K, L>, L>;

impl<R: Record, L: Openable, F: Select<R::Stats, L>> Open<R, F, L> {
    #[inline(always)]
    pub(super) fn new(on: R, field: F) -> Self {
        // Remains the default in a disabled registry, where nothing will be closed either.
        let mut opened = L::Opened::default();
        if L::TIMED {
            on.record(|stats| opened = field.select(stats).on_open(|| on.now()));
        } else {
            // Separate, so that the fact needs nothing of the handle, which can stay in registers.
            on.record(|stats| opened = field.select(stats).on_open(|| Duration::ZERO));
        }
        Open { on, field, opened }
    }

    /// The handle that it was opened on, to record more there.
    pub fn on(&self) -> &R {
        &self.on
    }
}

impl<R: Record, L: Openable, F: Select<R::Stats, L>> Drop for Open<R, F, L> {
    #[inline(always)]
    fn drop(&mut self) {
        let opened = self.opened;
        if L::TIMED {
            self.on.record(|stats| self.field.select(stats).on_close(opened, || self.on.now()));
        } else {
            self.on.record(|stats| self.field.select(stats).on_close(opened, || Duration::ZERO));
        }
    }
}

impl<R: Record + fmt::Debug, L: Openable, F: Select<R::Stats, L>> fmt::Debug for Open<R, F, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("on", &self.on).finish_non_exhaustive()
    }
}
