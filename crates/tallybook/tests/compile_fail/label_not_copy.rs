use tallybook::Label;

#[derive(Label)]
enum Direction {
    Inbound,
    Outbound,
}

fn main() {}
