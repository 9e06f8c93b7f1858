//! Torrents of all kinds, and what is no torrent.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::*;

/// A text in bencode.
fn text(text: &[u8]) -> Vec<u8> {
    [text.len().to_string().as_bytes(), b":", text].concat()
}

/// A torrent with that `info`.
fn torrent(info: &[u8]) -> Vec<u8> {
    [b"d4:infod", info, b"ee"].concat()
}

/// One of a single file of three bytes.
fn single(name: &[u8], piece_length: &str, hashes: usize) -> Vec<u8> {
    let length = format!("12:piece lengthi{piece_length}e6:pieces");
    let (name, hashes) = (text(name), text(&vec![7; hashes * HASH]));
    torrent(&[b"6:lengthi3e4:name", &name[..], length.as_bytes(), &hashes].concat())
}

/// One of many files in the folder `both`.
fn many(files: &[(&[&str], u64)]) -> Vec<u8> {
    let mut info = b"5:filesl".to_vec();
    let mut total = 0;
    for (path, length) in files {
        total += length;
        info.extend(format!("d6:lengthi{length}e4:pathl").bytes());
        path.iter().for_each(|name| info.extend(text(name.as_bytes())));
        info.extend(b"ee");
    }
    info.extend(b"e4:name4:both12:piece lengthi16384e6:pieces");
    info.extend(text(&vec![7; total.div_ceil(16_384) as usize * HASH]));
    torrent(&info)
}

fn wrong(bytes: Vec<u8>) -> String {
    format!("{:#}", Torrent::parse(bytes).expect_err("it is no torrent"))
}

#[test]
fn a_single_file_goes_where_it_is_told_and_many_to_a_folder() {
    let one = Torrent::parse(single(b"a.bin", "16384", 1)).expect("valid");
    let goal = Goal { title: "a.bin".into(), bytes: 3, pieces: 1, copies: 1 };
    assert_eq!(one.goal(), goal);
    assert_eq!(one.places(Path::new("dir"))[0].path, Path::new("dir/a.bin"));
    let both = Torrent::parse(many(&[(&["a"], 20_000), (&["in", "b"], 5)])).expect("valid");
    let places = both.places(Path::new("dir"));
    assert_eq!(places[0].path, Path::new("dir/both/a"));
    assert_eq!(
        (places[1].path.as_path(), places[1].span()),
        (Path::new("dir/both/in/b"), 20_000..20_005)
    );
}

#[test]
fn a_piece_length_that_divides_by_zero_is_refused() {
    for length in ["0", "8589934592", "4294967296", "4294983680", "-1", "9223372036854775807"] {
        let said = wrong(single(b"a", length, 1));
        assert!(said.contains("piece length"), "{length}: {said}");
    }
}

#[test]
fn hashes_have_to_be_those_of_the_pieces() {
    assert_eq!(wrong(single(b"a", "16384", 2)), "40 bytes of hashes for 1 pieces");
    assert_eq!(wrong(single(b"a", "1", 1)), "20 bytes of hashes for 3 pieces");
    Torrent::parse(single(b"a", "1", 3)).expect("a byte in each piece");
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["..", ".", "/etc", "a/b", "a\\b", "a\0b", "./a", "a/"] {
        assert!(
            wrong(single(name.as_bytes(), "16384", 1)).contains("is no name of a file"),
            "{name:?}"
        );
        let said = wrong(many(&[(&["fine"], 1), (&["in", name], 1)]));
        assert!(said.contains("is no name of a file"), "{name:?}: {said}");
    }
    assert_eq!(wrong(many(&[(&["a"], 1), (&["a"], 1)])), "both/a stands twice");
    assert_eq!(wrong(many(&[(&["a"], 1), (&["a.part"], 1)])), "both/a.part stands twice");
    assert_eq!(wrong(many(&[(&["a"], 1), (&["a", "b"], 1)])), "a file in a file");
    assert_eq!(wrong(many(&[])), "nothing but padding");
}

#[test]
fn only_what_is_needed_is_handed_on() {
    let small = single(b"a", "16384", 1);
    let large = [&b"d8:announce9:http://x/13:creation datei99999999999e"[..], &small[1..]].concat();
    assert_eq!(Torrent::parse(large).expect("valid").bytes, small);
    // Found by trying: it overflows where it is taken for eight bits.
    let mut private = single(b"a", "16384", 1);
    private.truncate(private.len() - 2);
    private.extend(b"7:privatei300eee");
    assert_eq!(wrong(private), "`private` is neither 0 nor 1");
}

#[test]
fn a_title_is_fit_to_be_shown() {
    let torrent =
        Torrent::parse(single(b"\x1b]0;owned\x07\x1b[2J.bin", "16384", 1)).expect("valid");
    assert_eq!(torrent.title, "\\u{1b}]0;owned\\u{7}\\u{1b}[2J.bin");
}

#[test]
fn sizes_that_overflow_are_refused() {
    let most = i64::MAX as u64;
    let files = |lengths: [u64; 2]| {
        let mut info = b"5:filesl".to_vec();
        for (length, name) in lengths.iter().zip(["a", "b"]) {
            info.extend(format!("d6:lengthi{length}e4:pathl1:{name}ee").bytes());
        }
        info.extend(b"e4:name4:both12:piece lengthi16384e6:pieces");
        info.extend(text(&[7; HASH]));
        torrent(&info)
    };
    assert_eq!(wrong(files([most, most])), "too many bytes");
    assert!(wrong(files([most, 0])).contains("hashes for"), "more than there are hashes for");
}

/// Changes some bytes, as who wants to harm us or a bad disk would.
fn mutated(seeds: &[Vec<u8>], random: &mut SmallRng) -> Vec<u8> {
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        let to = bytes.len().min(at + random.random_range(0..20));
        match random.random_range(0..8) {
            0 => drop(bytes.drain(at..to)),
            1 => bytes[at..to].iter_mut().for_each(|byte| *byte = random.random()),
            2 => drop(bytes.splice(at..at, b"i4294967296e".iter().copied())),
            3 => drop(bytes.splice(at..at, b"9223372036854775807".iter().copied())),
            4 => drop(bytes.splice(at..at, b"lllllllld1:a".iter().copied())),
            5 => {
                let again = bytes[at..to].to_vec();
                bytes.splice(at..at, again);
            }
            6 => bytes.truncate(at),
            _ => {
                let digits = || b"0123456789-".iter();
                let digit = *digits().nth(random.random_range(0..11)).expect("eleven");
                let mut numbers = bytes.iter_mut().filter(|byte| byte.is_ascii_digit());
                if let Some(byte) = numbers.nth(random.random_range(0..40)) {
                    *byte = digit;
                }
            }
        }
    }
    bytes
}

/// Reads what may be a torrent, and does with it what a run would.
fn try_out(bytes: Vec<u8>) {
    let Ok(torrent) = Torrent::parse(bytes) else { return };
    let places = torrent.places(Path::new("dir"));
    assert!(places.iter().all(|place| place.path.starts_with("dir")));
    assert_eq!(places.last().map(|place| place.span().end), Some(torrent.total));
    let spans = places
        .iter()
        .map(|place| crate::pieces::Span { start: place.start, path: place.path.clone() });
    crate::pieces::Pieces::new(torrent.piece_length, torrent.total, spans.collect())
        .expect("pieces");
    torrent
        .verify(&Files::wanted(torrent.places(Path::new("/nowhere")), false), true)
        .expect_err("not there");
}

/// Twenty thousand of them, and more for as many seconds as `TORRENT_SWARM_FUZZ` says.
#[test]
fn no_torrent_does_any_harm() {
    let seconds = std::env::var("TORRENT_SWARM_FUZZ").ok().and_then(|text| text.parse().ok());
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(0));
    let seeds = [
        single(b"a.bin", "16384", 1),
        many(&[(&["a"], 20_000), (&["in", "b"], 5)]),
        [&b"d8:announce9:http://x/13:announce-listll9:http://x/ee4:infod"[..], &single(b"a", "1", 3)[8..]].concat(),
        torrent(b"5:filesld4:attr1:p6:lengthi5e4:pathl4:.pad1:5eed6:lengthi5e4:pathl1:beee4:name1:n12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa7:privatei1e"),
    ];
    seeds.iter().for_each(|seed| drop(Torrent::parse(seed.clone()).expect("valid as it is")));
    let seed = rand::random();
    let mut random = SmallRng::seed_from_u64(seed);
    let mut tried = 0_u64;
    while tried < 20_000 || Instant::now() < end {
        let bytes = mutated(&seeds, &mut random);
        let tried_out = catch_unwind(AssertUnwindSafe(|| try_out(bytes.clone())));
        assert!(tried_out.is_ok(), "seed {seed}: {}", bytes.escape_ascii());
        tried += 1;
    }
    println!("{tried} torrents");
}
