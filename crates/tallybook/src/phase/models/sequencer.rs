//! The loom model of [`Sequencer`].

use super::super::sequencer::{Run, Sequencer};
use super::{Told, check};
use loom::thread;
use std::sync::Arc;

/// Takes a number after reading the one that another thread may have told, and tells its own.
fn take(sequencer: &Sequencer, run: &Run, before: &Told, told: &Told) {
    let cause = before.heard();
    let effect = sequencer.next(run);
    assert!(effect > cause, "{effect} came after {cause}");
    told.tell(effect);
}

/// Each of three threads takes a number after that of another, which it may have seen: causes come
/// before effects along the whole chain and back to the first thread. With runs of two, a thread
/// sometimes continues its run and sometimes begins one.
#[test]
fn numbers_follow_what_happened_before() {
    check(3, || {
        let sequencer = Arc::new(Sequencer::new());
        let [first, second, third] = [(); 3].map(|()| Told::new(0));
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
        let all = [&first, &second, &third].map(Told::heard);
        assert!(sequencer.next(&own) > all.into_iter().max().unwrap());
    });
}
