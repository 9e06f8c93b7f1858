use tallybook::{Counter, Label, PerLabel, Stats};

#[derive(Stats)]
struct Named {
    one: Counter,
    other: Counter,
}

#[derive(Clone, Copy, Label)]
enum Request {
    Read,
    Write,
}

#[derive(Stats)]
struct Server {
    requests: PerLabel<Request, Counter>,
}

fn main() {
    assert_eq!(Named::group().fields.len(), 2);
    assert_eq!(ServerSnapshot::default().requests[Request::Read], 0);
    assert_eq!(ServerSnapshot::default().requests[Request::Write], 0);
}
