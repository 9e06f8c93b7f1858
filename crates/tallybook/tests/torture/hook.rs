//! Hooks: what runs, once, when a thread passes a [`Place`]; and panics that are not faults.

use super::place::Place;
use std::cell::RefCell;
use std::panic::{resume_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, Once};
use std::{mem, thread};

/// What an armed place does.
pub type Run = Box<dyn FnOnce() + Send>;

thread_local! {
    static ARMED: RefCell<Option<Armed>> = const { RefCell::new(None) };
}

/// What a thread does when it passes a place.
pub struct Armed {
    pub place: Place,
    /// How often the thread passes the place before.
    pub skip: u32,
    pub run: Run,
}

/// What must not happen: broken laws, and panics of the library. They are kept here, because the
/// library catches panics in the code that it calls.
static FAULTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// How many of the suite's own panics there were.
static THROWN: AtomicU64 = AtomicU64::new(0);

/// Arms this thread, or disarms it, and returns what was armed before.
pub fn replace(armed: Option<Armed>) -> Option<Armed> {
    // A thread that is ending has nothing armed.
    ARMED.try_with(|current| current.replace(armed)).ok().flatten()
}

/// Called by all user code of this suite.
pub fn pass(place: Place) {
    let take = |armed: &RefCell<Option<Armed>>| {
        let mut armed = armed.borrow_mut();
        match &mut *armed {
            Some(here) if here.place == place && here.skip == 0 => armed.take(),
            Some(here) if here.place == place => {
                here.skip -= 1;
                None
            }
            _ => None,
        }
    };
    if let Some(armed) = ARMED.try_with(take).ok().flatten() {
        (armed.run)();
    }
}

/// Calls `f` with nothing armed.
pub fn disarmed<T>(f: impl FnOnce() -> T) -> T {
    let before = replace(None);
    let value = f();
    replace(before);
    value
}

/// The payload of the suite's own panics. Its `Drop` is user code, too.
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
        // Does not call the panic hook, which reports all other panics.
        resume_unwind(Box::new(Boom));
    }
}

/// Returns how many of the suite's own panics there were in this process.
pub fn thrown() -> u64 {
    THROWN.load(SeqCst)
}

/// The result of `catch_unwind`, without the payload of one of the suite's own panics. Any other
/// panic is resumed.
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

/// From now on, each panic that is not one of the suite's own is a fault.
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
