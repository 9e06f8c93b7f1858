use tallybook::Label;

#[derive(Clone, Copy, Label)]
#[label(name = "good_name")]
enum Direction {
    Inbound,
    #[label(value = "incoming: größer als 0")]
    Incoming,
    #[label(value = "outbound")]
    Outbound,
}

#[derive(Clone, Copy, Label)]
#[label(name = "size")]
enum Größe {
    Small,
}

#[derive(Clone, Copy, Label)]
enum Version {
    HttpTwo,
    #[label(value = "HTTP/2")]
    HTTPTwo,
}

#[derive(Clone, Copy, Label)]
#[label(name = "reason")]
enum Reason {
    #[label(value = "closed")]
    Closed,
    #[label(value = "3")]
    Failed,
}

fn main() {
    assert_eq!((Direction::NAME, Größe::NAME), ("good_name", "size"));
    assert_eq!(Direction::VALUES[1], "incoming: größer als 0");
    assert_eq!(Version::VALUES, ["http_two", "HTTP/2"]);
    assert_eq!(Reason::VALUES, ["closed", "3"]);
    let all = [Direction::Inbound, Direction::Incoming, Direction::Outbound];
    assert_eq!(all.map(Direction::index), [0, 1, 2]);
    assert_eq!(
        (Größe::Small.index(), Version::HttpTwo.index(), Version::HTTPTwo.index()),
        (0, 0, 1)
    );
    assert_eq!([Reason::Closed, Reason::Failed].map(Reason::index), [0, 1]);
}
