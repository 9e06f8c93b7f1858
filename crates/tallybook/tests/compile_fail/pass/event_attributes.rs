use tallybook::event::{Delivery, Order, OverflowPolicy};
use tallybook::{Event, Label};

#[derive(Event)]
#[event(overflow = "drop_oldest", kind = "Kinds")]
enum PeerEvent {
    #[event(overflow = "drop_newest")]
    Received,
    #[event(overflow = "coalesce")]
    Closed,
    Lost(#[event(key)] u32),
}

#[derive(Event)]
#[event(kind = "LinkKind")]
enum Link {
    Up,
    #[event(name = "opened")]
    Opened,
    #[event(name = "down")]
    Down,
}

#[derive(Event)]
enum Version {
    HttpTwo,
    #[event(name = "HTTP/2")]
    HTTPTwo,
}

#[derive(Event)]
#[event(unordered)]
enum Both {
    #[event(ordered)]
    One,
}

fn main() {
    let full = |kind| PeerEvent::delivery(kind).overflow;
    assert_eq!(full(PeerEvent::Received.kind()), OverflowPolicy::DropNewest);
    assert_eq!(full(PeerEvent::Closed.kind()), OverflowPolicy::Coalesce);
    assert_eq!(full(PeerEvent::Lost(1).kind()), OverflowPolicy::DropOldest);
    assert_eq!(Kinds::VALUES, ["received", "closed", "lost"]);
    let links = [Link::Up, Link::Opened, Link::Down];
    assert_eq!(links.map(|link| LinkKind::VALUES[link.kind().index()]), LinkKind::VALUES);
    assert_eq!(VersionKind::VALUES, ["http_two", "HTTP/2"]);
    assert_ne!(Version::HttpTwo.kind(), Version::HTTPTwo.kind());
    let delivery = Both::delivery(Both::One.kind());
    assert_eq!(delivery, Delivery::new(Order::Ordered, OverflowPolicy::DropNewest));
}
