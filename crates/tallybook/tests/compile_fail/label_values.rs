use tallybook::Label;

#[derive(Clone, Copy, Label)]
#[label(name = "bad-name")]
enum Direction {
    Inbound,
    #[label(value = "inbound")]
    Incoming,
    #[label(value = "")]
    Outbound,
}

#[derive(Clone, Copy, Label)]
enum Größe {
    Small,
}

#[derive(Clone, Copy, Label)]
enum Version {
    HttpTwo,
    HTTPTwo,
}

#[derive(Clone, Copy, Label)]
#[label(values = "reason")]
enum Reason {
    #[label(name = "closed")]
    Closed,
    #[label(value = 3)]
    Failed,
}

fn main() {}
