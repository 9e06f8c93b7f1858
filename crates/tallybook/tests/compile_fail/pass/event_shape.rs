use tallybook::Event;

#[derive(Event)]
enum Received {
    Received { bytes: u64 },
}

#[derive(Event)]
enum Either {
    One(u64),
    Other(f64),
}

#[derive(Event)]
enum Something {
    Opened { peer: u32 },
}

#[derive(Event)]
enum Plain {
    One(String),
}

fn main() {
    let received = Received::Received { bytes: 1 };
    assert_eq!(received.kind(), ReceivedKind::Received);
    assert_eq!(Either::One(1).kind(), EitherKind::One);
    assert_eq!(Either::Other(0.5).kind(), EitherKind::Other);
    assert_eq!(Something::Opened { peer: 1 }.kind(), SomethingKind::Opened);
    assert_eq!(Plain::One(String::new()).kind(), PlainKind::One);
}
