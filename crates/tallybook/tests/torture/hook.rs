//! Hooks: what runs, once, when a thread passes a [`Place`]; and the panic that is no fault.

use super::place::Place;
use std::cell::RefCell;
use std::panic::{resume_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, Once};
use std::{mem, thread};

/// What an armed place does.
pub type Run = Box<dyn FnOnce() + Send>;

thread_local! {
    static ARMED: RefCell<Option<(Place, Run)>> = const { RefCell::new(None) };
}

/// What must not have happened: laws that were broken, and panics of the library. Kept here, as the library catches what
/// panics in the code that it calls.
static FAULTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// How many of our own panics there were.
static THROWN: AtomicU64 = AtomicU64::new(0);

/// Makes this thread run something when it next passes that place. Gives back what was armed before.
pub fn arm(place: Place, run: Run) -> Option<(Place, Run)> {
    replace(Some((place, run)))
}

/// Arms what was armed before, or nothing.
pub fn replace(armed: Option<(Place, Run)>) -> Option<(Place, Run)> {
    // A thread that is ending has nothing armed.
    ARMED.try_with(|current| current.replace(armed)).ok().flatten()
}

/// Called by all code of the user in this suite.
pub fn pass(place: Place) {
    let take = |armed: &RefCell<Option<(Place, Run)>>| {
        let mut armed = armed.borrow_mut();
        if armed.as_ref().is_some_and(|(at, _)| *at == place) { armed.take() } else { None }
    };
    if let Some((_, run)) = ARMED.try_with(take).ok().flatten() {
        run();
    }
}

/// Calls `f` with nothing armed.
pub fn quietly<T>(f: impl FnOnce() -> T) -> T {
    let before = replace(None);
    let value = f();
    replace(before);
    value
}

/// What our own panics carry. Its drop is code of the user, too.
pub struct Boom;

impl Drop for Boom {
    fn drop(&mut self) {
        pass(Place::PayloadDrop);
    }
}

/// Panics, unless that would abort the process.
pub fn throw() {
    if !thread::panicking() {
        THROWN.fetch_add(1, SeqCst);
        // Passes the panic hook by, which hears of all others.
        resume_unwind(Box::new(Boom));
    }
}

/// How many of our own panics there were in this process.
pub fn thrown() -> u64 {
    THROWN.load(SeqCst)
}

/// What `catch_unwind` answered, without the payload of a panic of our own. Any other panic goes on.
pub fn caught<T>(result: thread::Result<T>) -> Result<T, ()> {
    result.map_err(|payload| {
        if payload.is::<Boom>() {
            mem::forget(payload);
        } else {
            resume_unwind(payload);
        }
    })
}

pub fn fault(what: String) {
    FAULTS.lock().unwrap().push(what);
}

pub fn take_faults() -> Vec<String> {
    mem::take(&mut FAULTS.lock().unwrap())
}

/// From now on each panic that is not our own is a fault.
pub fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            fault(info.to_string());
            before(info);
        }));
    });
}
