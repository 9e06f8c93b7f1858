//! The loom model of events: two threads send through queues of one while epochs are closed. Run by
//! `scripts/loom`.

use super::mail::Desk;
use super::{Delivery, Event, Full, Letter, Mail, Order, Taken as Events};
use crate::metric::{Metric, Span};
use crate::phase::models::{Told, Writer, check, cut};
use crate::phase::{Block, Closer, FenceKind, Hub, Room};
use crate::row::{Drain, Rest};
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
        Delivery { order: Order::Ordered, full: Full::DropNewest }
    }
    fn key(&self) {}
    fn coalesce(&mut self, _: Sent) {}
}

/// A thread that sends.
struct Sender {
    writer: Writer,
    desk: Arc<Desk>,
}

impl Sender {
    fn send(&self, event: u64) {
        self.writer.record(|mail: &Mail<Sent>| _ = mail.put_ordered(Sent(event), &self.desk));
    }
}

/// The collector: the events it has taken, and their account, `[sent, dropped]`.
struct Taken {
    closer: Closer,
    letters: Vec<Letter<Sent>>,
    account: [u64; 2],
}

impl Taken {
    /// Closes an epoch, takes its events, and checks the account.
    fn cut(&mut self) {
        let mut events = Events::new();
        let account = &mut self.account;
        cut(&mut self.closer, |block, quiet| {
            let block = block.downcast_ref::<Block<Mail<Sent>>>().expect("there is one place");
            let mail = block.quiet(quiet);
            mail.take(&mut events);
            let (mut words, mut rest) = (vec![0; 5], Rest::default());
            mail.account.drain(&mut Drain::new(&mut words, &mut rest, Span::default()));
            account[0] += words[0];
            account[1] += words[3];
        });
        let mut own = events.ordered;
        own.sort_by_key(|letter| letter.number);
        self.letters.append(&mut own);
        assert_eq!(account[0], self.letters.len() as u64 + account[1], "the account is wrong");
    }
}

/// One thread sends two events and tells another, which then sends one, while epochs are closed:
/// the account adds up at each cut, and the event of the thread that was told comes last.
#[test]
fn the_account_of_events_adds_up() {
    check(3, || {
        let hub = Hub::new(FenceKind::Fence);
        let desk = Arc::new(Desk::new(Room::new(1, 1)));
        let told = Told::new(0);
        let sender = || Sender { writer: Writer::new(&hub), desk: desk.clone() };
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
            Taken { closer: Closer::new(hub.clone()), letters: Vec::new(), account: [0; 2] };
        taken.cut();
        tells.join().unwrap();
        hears.join().unwrap();
        taken.cut();
        taken.cut();
        let events: Vec<u64> = taken.letters.iter().map(|letter| letter.event.0).collect();
        assert!(events.is_sorted(), "an effect came before its cause: {events:?}");
        assert!(events.contains(&1));
    });
}
