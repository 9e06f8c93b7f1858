//! [`Catalog`]: what is registered.
//!
//! # Unregistering
//! The handle that the registry keeps counts all others. If there are none, nothing can be
//! recorded, and a new handle comes only from the catalog, whose lock is held: so the entry is
//! marked as *leaving*. The next tick that begins an epoch after that drains all that was recorded,
//! and shows it. Once it is published it [departs](Catalog::depart): from then on the name is free,
//! or belongs to totals that a later registration continues. If it is registered again before that,
//! it stays as if nothing had happened.

use super::names::{self, Names};
use super::registered::{Handle, Leaving, Registered};
use super::totals::Totals;
use super::wanted::Wanted;
use crate::error::{RegisterError, UnregisterError};
use crate::read::{Declaration, DeclarationKind};
use crate::schema::Text;
use std::any::Any;
use std::collections::HashMap;
use std::ops::Range;
use std::panic::Location;
use std::sync::Arc;

/// See the module.
pub(crate) struct Catalog {
    schema: Arc<Vec<Declaration>>,
    /// How many indices of places have been given out.
    places: usize,
    names: Names,
    registered: HashMap<String, Registered>,
    /// What the collector has not taken over yet.
    arrivals: Vec<Arrival>,
    /// The unregisterings that have not taken effect, and the number of the last.
    leaving: Vec<(u64, String)>,
    last_leaving: u64,
}

/// What is new to the collector.
pub(crate) enum Arrival {
    /// The totals of the next place.
    New(Box<dyn Totals>),
    /// What the totals of a place need to go on.
    Resumed(usize, Box<dyn Any + Send>),
}

/// What is known of a name that is to be registered.
pub(crate) enum Known<'a> {
    Nothing,
    /// It is registered, with the same types.
    Registered(&'a dyn Any),
    /// It was, and its totals were kept, at the place of this index.
    Kept(usize),
}

/// What was unregistered.
pub(crate) struct Departed {
    /// The indices of its places in the collector, and the numbers of those that have blocks.
    pub(super) indices: Range<usize>,
    pub(super) places: Vec<u64>,
    pub(super) keeps_totals: bool,
    /// To be dropped while no lock is held.
    pub(super) handle: Option<Box<dyn Handle>>,
}

impl Catalog {
    pub(crate) fn new() -> Self {
        Catalog {
            schema: Arc::default(),
            places: 0,
            names: Names::default(),
            registered: HashMap::new(),
            arrivals: Vec::new(),
            leaving: Vec::new(),
            last_leaving: 0,
        }
    }

    pub(super) fn schema(&self) -> Arc<Vec<Declaration>> {
        self.schema.clone()
    }

    pub(super) fn take_arrivals(&mut self) -> Vec<Arrival> {
        std::mem::take(&mut self.arrivals)
    }

    /// Looks a name up for a caller that gets a handle to what is there. If it is about to be
    /// unregistered, it stays.
    ///
    /// # Errors
    /// If the name is not valid, or something else has it.
    pub(crate) fn find(&mut self, wanted: &Wanted<'_>) -> Result<Known<'_>, RegisterError> {
        names::validate(wanted)?;
        let Some(known) = self.registered.get_mut(wanted.name) else { return Ok(Known::Nothing) };
        known.check(wanted)?;
        if let Some(leaving) = known.leaving.take() {
            self.leaving.retain(|(number, _)| *number != leaving.number);
        }
        Ok(match &known.handle {
            Some(handle) => Known::Registered(handle.shared()),
            None => Known::Kept(known.index),
        })
    }

    /// The same for something of which there is only one, like a reducer: the index of kept totals,
    /// if there are such.
    ///
    /// # Errors
    /// As [`find`](Self::find), and if it is registered.
    pub(crate) fn find_kept(
        &mut self,
        wanted: &Wanted<'_>,
    ) -> Result<Option<usize>, RegisterError> {
        if let Some(known) = self.registered.get(wanted.name)
            && known.handle.is_some()
        {
            names::validate(wanted)?;
            return Err(known.taken(wanted));
        }
        match self.find(wanted)? {
            Known::Kept(index) => Ok(Some(index)),
            Known::Nothing | Known::Registered(_) => Ok(None),
        }
    }

    /// Takes a name that nothing has, and as many indices of places as it needs. Nothing is
    /// registered before
    /// [`register`](Self::register) is called, under the same lock.
    ///
    /// # Errors
    /// If one of its metrics has the full name of another.
    pub(crate) fn reserve(
        &mut self,
        wanted: &Wanted<'_>,
        places: usize,
    ) -> Result<usize, RegisterError> {
        self.names.take(wanted)?;
        let index = self.places;
        self.places += places;
        Ok(index)
    }

    /// Registers what a name was reserved for. `totals` are those of its places.
    pub(crate) fn register<const PLACES: usize>(
        &mut self,
        wanted: &Wanted<'_>,
        index: usize,
        handle: Box<dyn Handle>,
        totals: [Box<dyn Totals>; PLACES],
    ) {
        self.arrivals.extend(totals.map(Arrival::New));
        self.enter(wanted, index, PLACES, handle);
    }

    /// Registers what has a place already that the collector keeps totals for.
    pub(crate) fn enter(
        &mut self,
        wanted: &Wanted<'_>,
        index: usize,
        places: usize,
        handle: Box<dyn Handle>,
    ) {
        let known = Registered::new(wanted, index, places, handle);
        self.registered.insert(wanted.name.to_owned(), known);
        let kind = match wanted.what {
            "family" => DeclarationKind::Family,
            "actor" => DeclarationKind::Actor,
            _ => DeclarationKind::Set,
        };
        let Wanted { name, ref group, created, .. } = *wanted;
        let mut declaration = Declaration::new(kind, name, group.clone(), index, created);
        declaration.labels =
            wanted.label.map(|label| Text::Owned(label.to_owned())).into_iter().collect();
        declaration.refusals = index + places - 1;
        Arc::make_mut(&mut self.schema).push(declaration);
    }

    /// Registers again what was unregistered and has kept its totals. `with` is what they need to
    /// go on.
    pub(crate) fn resume(
        &mut self,
        wanted: &Wanted<'_>,
        handle: Box<dyn Handle>,
        with: Option<Box<dyn Any + Send>>,
    ) {
        let Some(known) = self.registered.get_mut(wanted.name) else { return };
        known.handle = Some(handle);
        known.at = wanted.at;
        self.arrivals.extend(with.map(|with| Arrival::Resumed(known.index, with)));
    }

    /// Marks all of these names as leaving, or none.
    ///
    /// # Errors
    /// If one of them is not registered, or what it names is held.
    pub(crate) fn unregister(
        &mut self,
        names: &[&str],
        keeps_totals: bool,
        at: &'static Location<'static>,
    ) -> Result<(), UnregisterError> {
        names.iter().try_for_each(|name| self.check_leaves(name, at))?;
        for name in names {
            let Some(known) = self.registered.get_mut(*name) else { continue };
            if let Some(before) = known.leaving.take() {
                self.leaving.retain(|(number, _)| *number != before.number);
            }
            // Otherwise they are kept already.
            if known.handle.is_some() || !keeps_totals {
                self.last_leaving += 1;
                let number = self.last_leaving;
                known.leaving = Some(Leaving { number, keeps_totals });
                self.leaving.push((number, (*name).to_owned()));
            }
        }
        Ok(())
    }

    /// Whether something may leave.
    fn check_leaves(
        &self,
        name: &str,
        at: &'static Location<'static>,
    ) -> Result<(), UnregisterError> {
        let Some(known) = self.registered.get(name) else {
            return Err(UnregisterError::NotRegistered { name: name.to_owned(), at });
        };
        if known.index == 0 {
            return Err(UnregisterError::OwnStatistics { name: name.to_owned(), at });
        }
        let Some(by) = known.handle.as_ref().and_then(|handle| handle.holders()) else {
            return Ok(());
        };
        let (what, first) = (known.what(), known.at);
        Err(UnregisterError::Held { what, name: name.to_owned(), by, first, at })
    }

    /// The numbers of all that is about to leave.
    pub(super) fn leaving(&self) -> Vec<u64> {
        self.leaving.iter().map(|(number, _)| *number).collect()
    }

    /// Removes what has one of these numbers and has not been registered again since.
    pub(super) fn depart(&mut self, ripe: &[u64]) -> Vec<Departed> {
        let mut departed = Vec::new();
        for (_, name) in self.leaving.extract_if(.., |(number, _)| ripe.contains(number)) {
            let Some(known) = self.registered.get_mut(&name) else { continue };
            let Some(leaving) = known.leaving.take() else { continue };
            let (indices, keeps_totals) = (known.indices(), leaving.keeps_totals);
            let handle = known.handle.take();
            let places = handle.as_ref().map(|handle| handle.places()).unwrap_or_default();
            departed.push(Departed { indices, places, keeps_totals, handle });
            if !keeps_totals {
                let index = known.index;
                Arc::make_mut(&mut self.schema).retain(|declared| declared.place != index);
                self.names.free(&name);
                self.registered.remove(&name);
            }
        }
        departed
    }
}
