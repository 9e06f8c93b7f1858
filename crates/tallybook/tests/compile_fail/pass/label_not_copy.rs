use tallybook::Label;

#[derive(Clone, Copy, Label)]
enum Direction {
    Inbound,
    Outbound,
}

fn main() {
    assert_eq!([Direction::Inbound.index(), Direction::Outbound.index()], [0, 1]);
}
