//! The loom model of events: two threads send through queues of one while epochs are closed. Run by
//! `scripts/loom`.

use super::delivery::{Delivery, Order, OverflowPolicy};
use super::outbox::{Batch, Envelope, MailboxConfig, Outbox};
use super::reducer::Event;
use crate::metric::Metric;
use crate::phase::models::{Told, Writer, check, cut};
use crate::phase::{Block, Closer, FenceKind, Hub, Room};
use crate::row::{Drain, Span, Sparse};
use loom::thread;
use std::sync::Arc;

/// An event with its number.
struct Sent(u64);

#[derive(Clone, Copy, tallybook_derive::Label)]
enum Only {
    One,
}

impl Event for Sent {
    type Kind = Only;
    type Key = ();
    fn kind(&self) -> Only {
        Only::One
    }
    fn delivery(_: Only) -> Delivery {
        Delivery { order: Order::Ordered, overflow: OverflowPolicy::DropNewest }
    }
    fn key(&self) {}
    fn coalesce(&mut self, _: Sent) {}
}

/// A thread that sends.
struct Sender {
    writer: Writer,
    config: Arc<MailboxConfig>,
}

impl Sender {
    fn send(&self, event: u64) {
        self.writer
            .record(|outbox: &Outbox<Sent>| _ = outbox.put_ordered(Sent(event), &self.config));
    }
}

/// The collector: the events it has taken, and their account, `[sent, dropped]`.
struct Taken {
    closer: Closer,
    envelopes: Vec<Envelope<Sent>>,
    account: [u64; 2],
}

impl Taken {
    /// Closes an epoch, takes its events, and checks the account.
    fn cut(&mut self) {
        let mut events = Batch::new();
        let account = &mut self.account;
        cut(&mut self.closer, |block, quiet| {
            let block = block.downcast_ref::<Block<Outbox<Sent>>>().expect("there is one place");
            let outbox = block.quiet(quiet);
            outbox.take(&mut events);
            let (mut words, mut rest) = (vec![0; 5], Sparse::default());
            outbox.account.drain(&mut Drain::new(&mut words, &mut rest, Span::default()));
            account[0] += words[0];
            account[1] += words[3];
        });
        let mut own = events.ordered;
        own.sort_by_key(|envelope| envelope.number);
        self.envelopes.append(&mut own);
        assert_eq!(account[0], self.envelopes.len() as u64 + account[1], "the account is wrong");
    }
}

/// One thread sends two events and tells another, which then sends one, while epochs are closed:
/// the account adds up at each cut, and the event of the thread that was told comes last.
#[test]
fn the_account_of_events_adds_up() {
    check(3, || {
        let hub = Hub::new(FenceKind::Fence);
        let config = Arc::new(MailboxConfig::new(Room::new(1, 1)));
        let told = Told::new(0);
        let sender = || Sender { writer: Writer::new(&hub), config: config.clone() };
        let (first, second, heard) = (sender(), sender(), told.clone());
        let tells = thread::spawn(move || {
            first.send(1);
            first.send(2);
            told.tell(1);
        });
        let hears = thread::spawn(move || {
            if heard.heard() == 1 {
                second.send(3);
            }
        });
        let mut taken =
            Taken { closer: Closer::new(hub.clone()), envelopes: Vec::new(), account: [0; 2] };
        taken.cut();
        tells.join().unwrap();
        hears.join().unwrap();
        taken.cut();
        taken.cut();
        let events: Vec<u64> = taken.envelopes.iter().map(|envelope| envelope.event.0).collect();
        assert!(events.is_sorted(), "an effect came before its cause: {events:?}");
        assert!(events.contains(&1));
    });
}
