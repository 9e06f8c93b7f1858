//! The model of the numbers of ordered events.

use super::check;
use crate::phase::sync::Ordering::{Acquire, Release};
use crate::phase::{Run, Sequencer};
use loom::sync::atomic::AtomicU64;
use loom::thread;
use std::sync::Arc;

/// What a thread tells another: its number, once it has one. Release and Acquire: the program's own synchronisation.
type Told = Arc<AtomicU64>;

/// Takes a number after looking whether there is one before it, and tells of it.
fn take(sequencer: &Sequencer, run: &Run, before: &Told, told: &Told) {
    let cause = before.load(Acquire);
    let effect = sequencer.next(run);
    assert!(effect > cause, "{effect} came after {cause}");
    told.store(effect, Release);
}

/// Each of three threads takes numbers, and one after that of another which it may have seen, so causes come before
/// effects along the whole chain and back to the first. With runs of two, each is sometimes within its run and sometimes
/// begins one.
#[test]
fn numbers_follow_what_happened_before() {
    check(3, || {
        let sequencer = Arc::new(Sequencer::new());
        let [first, second, third]: [Told; 3] = Default::default();
        let own = Run::new();
        sequencer.next(&own);
        let follow = |before: &Told, told: &Told| {
            let (sequencer, before, told) = (sequencer.clone(), before.clone(), told.clone());
            thread::spawn(move || {
                let run = Run::new();
                sequencer.next(&run);
                take(&sequencer, &run, &before, &told);
            })
        };
        let (middle, last) = (follow(&first, &second), follow(&second, &third));
        take(&sequencer, &own, &third, &first);
        middle.join().unwrap();
        last.join().unwrap();
        let all = [&first, &second, &third].map(|told| told.load(Acquire));
        assert!(sequencer.next(&own) > all.into_iter().max().unwrap());
    });
}
