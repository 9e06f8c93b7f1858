use tallybook::Event;

#[derive(Event)]
enum PeerEvent {
    Opened(#[event(key)] u32),
    Closed {
        #[event(key)]
        peer: u64,
    },
    Moved(#[event(key)] u32, #[event(key)] u32),
    Received(#[event(key, sum)] u32),
    #[event(merge = "Self::join")]
    Said(#[event(sum)] u32),
}

#[derive(PartialEq, Eq, Hash)]
struct NotClone;

#[derive(Event)]
enum Other {
    Opened(#[event(key)] NotClone),
}

#[derive(Event)]
enum Third {
    #[event(merge = "add")]
    Opened,
}

fn add(mine: &mut u32, later: u32) {
    *mine += later;
}

fn main() {}
