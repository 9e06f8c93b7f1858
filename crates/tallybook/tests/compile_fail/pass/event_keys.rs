use tallybook::Event;

#[derive(Event)]
enum PeerEvent {
    Opened(#[event(key)] u32),
    Closed {
        #[event(key)]
        peer: u32,
    },
    Received(#[event(key)] u32, #[event(sum)] u32),
    #[event(merge = "Self::join")]
    Said(u32),
}

impl PeerEvent {
    fn join(&mut self, later: Self) {
        *self = later;
    }
}

#[derive(Event)]
enum Moves {
    Moved(#[event(key)] (u32, u32)),
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key;

#[derive(Event)]
enum Other {
    Opened(#[event(key)] Key),
}

#[derive(Event)]
enum Third {
    #[event(merge = "add")]
    Opened,
}

fn add(mine: &mut Third, later: Third) {
    *mine = later;
}

fn main() {
    let mut third = Third::Opened;
    third.coalesce(Third::Opened);

    assert_eq!(PeerEvent::Opened(1).key(), PeerEvent::Closed { peer: 1 }.key());
    assert_eq!(PeerEvent::Received(1, 2).key(), Some(1));
    assert_eq!(PeerEvent::Said(1).key(), None);
    assert_eq!(Moves::Moved((1, 2)).key(), Some((1, 2)));
    assert!(Other::Opened(Key).key() == Some(Key));
}
