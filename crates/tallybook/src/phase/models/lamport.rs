//! The model of the numbers of ordered events: a thread with a word of its own and two that share one.

use super::check;
use crate::phase::sync::Ordering::{Acquire, Release};
use crate::phase::{Lamport, Pen};
use loom::sync::atomic::AtomicU64;
use loom::thread;
use std::sync::Arc;

/// What a thread tells another: its number, once it has one. Release and Acquire: the program's own synchronisation.
type Told = Arc<AtomicU64>;

/// Takes a number after looking whether there is one before it, and tells of it.
fn take(clock: &Lamport, pen: &Pen, before: &Told, told: &Told) {
    let cause = before.load(Acquire);
    let effect = clock.next(pen);
    assert!(effect > cause, "{effect} came after {cause}");
    told.store(effect, Release);
}

/// Each of three threads takes a number after that of another which it may have seen, so causes come before effects
/// along the whole chain and back to the first.
#[test]
fn numbers_follow_what_happened_before() {
    check(3, || {
        let clock = Arc::new(Lamport::new());
        let [first, second, third]: [Told; 3] = Default::default();
        // With two words, the second is shared by all but the first to use the clock.
        let ([own, other], [shared, _], [also, _]) = (Pen::pair(), Pen::pair(), Pen::pair());
        clock.next(&own);
        let middle = {
            let (clock, first, second) = (clock.clone(), first.clone(), second.clone());
            thread::spawn(move || take(&clock, &shared, &first, &second))
        };
        let last = {
            let (clock, second, third) = (clock.clone(), second.clone(), third.clone());
            thread::spawn(move || {
                // Two in a row: the shared word must not go back between them.
                clock.next(&also);
                take(&clock, &also, &second, &third);
            })
        };
        take(&clock, &other, &third, &first);
        middle.join().unwrap();
        last.join().unwrap();
        let all = [&first, &second, &third].map(|told| told.load(Acquire));
        assert!(clock.next(&own) > all.into_iter().max().unwrap());
    });
}
