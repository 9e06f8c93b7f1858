use tallybook::{Counter, Live, Stats};

#[derive(Stats)]
struct Io {
    reads: Counter,
    writes: Counter,
}

#[derive(Stats)]
struct Files {
    #[stats(name = "files_written")]
    written: Counter,
}

#[derive(Stats)]
struct OwnName {
    #[stats(flatten)]
    io: Io,
    #[stats(name = "all_reads")]
    reads: Counter,
}

#[derive(Stats)]
struct TwoSets {
    #[stats(flatten)]
    io: Io,
    #[stats(flatten)]
    files: Files,
    sessions: Live,
}

fn main() {
    let names = |group: tallybook::schema::Group| group.fields.len();
    assert_eq!((names(OwnName::group()), names(TwoSets::group())), (3, 4));
}
