//! [`Outbox`]: the events that one thread has sent to one actor in one epoch.

use super::account::Account;
use super::delivery::OverflowPolicy;
use super::merged::{Lost, Merged};
use super::reducer::Event;
use crate::metric::{Label, Metric};
use crate::phase::{Cells, Queue, Room, Run, Sequencer};
use crate::support::user::Owned;
use crossbeam_utils::CachePadded;
use foldhash::fast::RandomState;

/// An event of an ordered kind.
pub(crate) struct Envelope<E> {
    pub(crate) number: u64,
    pub(crate) event: E,
}

/// Events that were taken out of queues.
pub(crate) struct Batch<E> {
    pub(crate) unordered: Vec<E>,
    pub(crate) ordered: Vec<Envelope<E>>,
    /// By kind, the number of events.
    pub(crate) counts: Vec<u64>,
    /// The number of bytes that were freed.
    pub(crate) freed: usize,
}

/// The configuration that all outboxes of an actor share.
pub(crate) struct MailboxConfig {
    /// The bounds of the queues, and the memory of all outboxes.
    pub(crate) room: Room,
    /// Numbers ordered events.
    pub(crate) sequencer: Sequencer,
    /// Hashes keys.
    pub(super) hasher: RandomState,
}

impl MailboxConfig {
    pub(crate) fn new(room: Room) -> Self {
        MailboxConfig { room, sequencer: Sequencer::new(), hasher: RandomState::default() }
    }
}

/// The cells at an actor's place, used by one thread at a time, as all cells.
pub(crate) struct Outbox<E: Event> {
    /// A queued event is counted as sent when it is taken out, which saves the sender a store.
    pub(crate) account: Account<E::Kind>,
    /// By kind, each on a cache line of its own: the memory beside it may be another thread's.
    queues: Box<[CachePadded<KindQueue<E>>]>,
    run: Run,
}

/// The events of one kind: in one of two queues, by its order.
struct KindQueue<E: Event> {
    unordered: Queue<E>,
    ordered: Queue<Envelope<E>>,
    /// Events that found the queue full, merged per key.
    overflow: Merged<E>,
}

impl<E: Event> Cells for Outbox<E> {
    fn empty() -> Self {
        let queues = E::Kind::VALUES.iter().map(|_| CachePadded::new(KindQueue::new())).collect();
        Outbox { account: Account::at_rest(), queues, run: Run::new() }
    }
}

impl<E: Event> Outbox<E> {
    /// Queues an event of an ordered kind, or applies the overflow policy. Returns whether the
    /// collector must be woken.
    #[inline(always)]
    pub(crate) fn put_ordered(&self, event: E, config: &MailboxConfig) -> bool {
        let event = match config.sequencer.next_within(&self.run) {
            None => event,
            Some(number) => {
                let queue = &self.queues[event.kind().index()].ordered;
                match queue.push_within(Envelope { number, event }) {
                    Ok(()) => return false,
                    Err(envelope) => envelope.event,
                }
            }
        };
        self.put_ordered_slowly(event, config)
    }

    /// The same for an event of an unordered kind.
    #[inline(always)]
    pub(crate) fn put_unordered(&self, event: E, config: &MailboxConfig) -> bool {
        match self.queues[event.kind().index()].unordered.push_within(event) {
            Ok(()) => false,
            Err(event) => self.put_unordered_slowly(event, config),
        }
    }

    #[cold]
    #[inline(never)]
    fn put_ordered_slowly(&self, event: E, config: &MailboxConfig) -> bool {
        let kind = event.kind();
        let index = kind.index();
        let envelope = Envelope { number: config.sequencer.next(&self.run), event };
        match self.queues[index].ordered.push(envelope, &config.room) {
            Ok(calls) => return calls,
            Err(Envelope { number, event }) => {
                self.put_overflow((kind, index), event, Some(number), config);
            }
        }
        false
    }

    #[cold]
    #[inline(never)]
    fn put_unordered_slowly(&self, event: E, config: &MailboxConfig) -> bool {
        let kind = event.kind();
        let index = kind.index();
        match self.queues[index].unordered.push(event, &config.room) {
            Ok(calls) => return calls,
            Err(event) => self.put_overflow((kind, index), event, None, config),
        }
        false
    }

    /// Applies the kind's overflow policy to an event. All user code that this runs may panic,
    /// which propagates to the sender, and may send to the same actor: so the account and the queue
    /// are consistent before each call of it.
    fn put_overflow(
        &self,
        (kind, index): (E::Kind, usize),
        event: E,
        number: Option<u64>,
        config: &MailboxConfig,
    ) {
        let (waiting, account) = (&self.queues[index], &self.account.all()[index]);
        account.sent.inc();
        let event = Owned::new(event);
        let lost = Lost(account);
        let policy = E::delivery(kind).overflow;
        lost.disarm();
        let event = event.into_inner();
        match policy {
            OverflowPolicy::DropNewest => {
                account.dropped.inc();
                drop(event);
            }
            OverflowPolicy::DropOldest => {
                account.dropped.inc();
                waiting.replace_oldest(event, number);
            }
            OverflowPolicy::Coalesce => {
                waiting.overflow.merge(event, number, &config.hasher, &config.room, account);
            }
        }
    }

    /// Counts an event of that kind that is not accepted.
    pub(crate) fn refuse(&self, kind: E::Kind) {
        let account = &self.account[kind];
        account.sent.inc();
        account.dropped.inc();
    }

    /// Moves all events to `into`. Those of a thread and kind keep their order.
    pub(crate) fn take(&self, into: &mut Batch<E>) {
        // Until this side is used again, the sender takes numbers from the other side.
        self.run.end();
        into.counts.resize(self.queues.len(), 0);
        for (kind, waiting) in self.queues.iter().enumerate() {
            let unordered = waiting.unordered.take(&mut into.unordered);
            let ordered = waiting.ordered.take(&mut into.ordered);
            let queued = (unordered + ordered) as u64;
            self.account.all()[kind].sent.add(queued);
            let (records, freed) = waiting.overflow.take();
            into.freed += freed;
            into.counts[kind] += queued + records.len() as u64;
            for record in records {
                match record.into_event() {
                    (event, None) => into.unordered.push(event),
                    (event, Some(number)) => into.ordered.push(Envelope { number, event }),
                }
            }
        }
    }
}

impl<E> Batch<E> {
    pub(crate) fn new() -> Self {
        Batch { unordered: Vec::new(), ordered: Vec::new(), counts: Vec::new(), freed: 0 }
    }
}

impl<E: Event> KindQueue<E> {
    fn new() -> Self {
        KindQueue { unordered: Queue::new(), ordered: Queue::new(), overflow: Merged::new() }
    }

    fn replace_oldest(&self, event: E, number: Option<u64>) {
        match number {
            None => drop(self.unordered.replace_oldest(event)),
            Some(number) => drop(self.ordered.replace_oldest(Envelope { number, event })),
        }
    }
}

/// Drops events that were never collected one by one, because each may panic.
impl<E: Event> Drop for KindQueue<E> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<E>() {
            self.unordered.take_values().into_iter().for_each(|event| drop(Owned::new(event)));
            self.ordered.take_values().into_iter().for_each(|envelope| drop(Owned::new(envelope)));
        }
    }
}
