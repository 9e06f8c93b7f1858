use tallybook::Label;

#[derive(Clone, Copy, Label)]
enum Direction {
    Inbound,
    Outbound,
}

#[derive(Clone, Copy, Label)]
enum Something {
    One,
}

#[derive(Clone, Copy, Label)]
enum Reason {
    Closed = 30,
    Failed = 20,
    Late = 10,
}

fn main() {
    assert_eq!([Direction::Inbound.index(), Direction::Outbound.index()], [0, 1]);
    assert_eq!(Something::One.index(), 0);
    assert_eq!([Reason::Closed.index(), Reason::Failed.index(), Reason::Late.index()], [0, 1, 2]);
}
