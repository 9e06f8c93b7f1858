use tallybook::Event;

#[derive(Event)]
#[event(overflow = "block", kinds = "Kinds")]
enum PeerEvent {
    #[event(overflow = "newest")]
    Received,
    #[event(overflow)]
    Closed,
    #[event(key)]
    Lost(#[event(keys)] u32),
}

#[derive(Event)]
#[event(kind = "Link")]
enum Link {
    Up,
    #[event(name = "up")]
    Opened,
    #[event(name = "")]
    Down,
}

#[derive(Event)]
enum Version {
    HttpTwo,
    HTTPTwo,
}

#[derive(Event)]
#[event(unordered, ordered)]
enum Both {
    #[event(ordered, unordered)]
    One,
}

fn main() {}
