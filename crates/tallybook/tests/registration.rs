//! Which names may be registered, and the errors for those that may not.

use std::panic::Location;
use std::sync::Barrier;
use std::thread;
use tallybook::collector::CollectorStats;
use tallybook::error::RegisterError;
use tallybook::{Counter, Label, PerLabel, Registry, Stats};

/// A set.
#[derive(Stats)]
struct Io {
    read: Counter,
    read_bytes: Counter,
}

/// A set in a set.
#[derive(Stats)]
struct Disk {
    io: Io,
    by_mode: PerLabel<Mode, Io>,
}

/// A set in which a nested field and a plain one have the same full name, `…_io_read`.
#[derive(Stats)]
struct Doubled {
    io: Io,
    io_read: Counter,
}

/// A set with one label twice in a row.
#[derive(Stats)]
struct Crossed {
    by: PerLabel<Mode, PerLabel<Mode, Counter>>,
}

/// How a file is open.
#[derive(Clone, Copy, Label)]
enum Mode {
    Direct,
    Buffered,
}

#[track_caller]
fn set(registry: &Registry, name: &str) -> Result<(), String> {
    registry.set::<Io>(name).map(drop).map_err(without_lines)
}

#[track_caller]
fn family(registry: &Registry, name: &str, label: &str) -> Result<(), String> {
    registry.family::<u8, Io>(name, label).map(drop).map_err(without_lines)
}

/// The text of an error, with `HERE` for each line of this file.
fn without_lines(error: RegisterError) -> String {
    let text = error.to_string();
    let mut pieces = text.split(file!());
    let first = pieces.next().unwrap().to_owned();
    // A line and a column.
    let after = |piece: &str| {
        let numbers = piece.splitn(3, ':').map(str::len).take(2).sum::<usize>();
        let column = &piece[numbers + 2..];
        column.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned()
    };
    pieces.fold(first, |text, piece| text + "HERE" + &after(piece))
}

fn refused(text: &str) -> Result<(), String> {
    Err(text.to_owned())
}

#[test]
fn names_that_no_exporter_could_write_are_refused() {
    let registry = Registry::new();
    let rule = "write a letter or `_`, then letters, digits and `_` (not `__` at the start); \
                refused at HERE";
    for name in ["", "1a", "a-b", "a.b", "a:b", "a b", "ä", "aä", "__a", "a\0", "-"] {
        let expected = format!("`{name}` is not a valid name for a set: {rule}");
        assert_eq!(set(&registry, name), refused(&expected));
        let expected = format!("`{name}` is not a valid name for a family: {rule}");
        assert_eq!(family(&registry, name, "n"), refused(&expected));
        let expected = format!("`{name}` is not a valid name for a label: {rule}");
        assert_eq!(family(&registry, "family", name), refused(&expected));
    }
    for name in ["a", "_", "_a", "A_1", "a__b", "family"] {
        assert_eq!(set(&registry, name), Ok(()), "{name}");
    }
}

#[test]
fn a_name_belongs_to_one_thing() {
    let registry = Registry::new();
    assert_eq!(set(&registry, "disk"), Ok(()));
    assert_eq!(family(&registry, "peer", "addr"), Ok(()));
    let io = "`registration::Io`";
    let by = |label| format!("`(u8, registration::Io)` by `{label}`");
    let expected = |what, name, of: &str, other, other_of: &str| {
        refused(&format!(
            "the {what} `{name}` of {of} cannot be registered at HERE: the {other} `{name}` of \
             {other_of}, registered at HERE, has that name; choose another"
        ))
    };
    let disk = registry.set::<Disk>("disk").map(drop).map_err(without_lines);
    assert_eq!(disk, expected("set", "disk", "`registration::Disk`", "set", io));
    assert_eq!(family(&registry, "disk", "n"), expected("family", "disk", &by("n"), "set", io));
    let peer = expected("family", "peer", &by("n"), "family", &by("addr"));
    assert_eq!(family(&registry, "peer", "n"), peer, "another label");
    assert_eq!(set(&registry, "peer"), expected("set", "peer", io, "family", &by("addr")));
    let wide = registry.family::<u16, Io>("peer", "addr").map(drop).map_err(without_lines);
    let of = "`(u16, registration::Io)` by `addr`";
    assert_eq!(wide, expected("family", "peer", of, "family", &by("addr")));
    let stats = "`tallybook::collect::stats::CollectorStats`";
    let own = Registry::new().set::<Io>("tallybook").unwrap_err();
    assert_eq!(Err(without_lines(own)), expected("set", "tallybook", io, "set", stats));
    assert_eq!(set(&Registry::new(), "disk"), Ok(()), "in another registry it is free");
}

#[test]
fn the_same_type_under_the_same_name_is_the_same_set() {
    let registry = Registry::new();
    let sets = [(); 3].map(|()| registry.set::<Io>("io").unwrap());
    let families = [(); 3].map(|()| registry.family::<u8, Io>("file", "path").unwrap());
    let limited = registry.family_builder::<u8, Io>("file", "path").max_keys(0).register().unwrap();
    sets.iter().for_each(|set| set.record(|io| io.read.inc()));
    for family in &families {
        family.entry(1).unwrap().record(|io| io.read.inc());
    }
    limited.entry(2).expect("the limit is that of the first registration");
    registry.set::<CollectorStats>("tallybook").unwrap().record(|own| own.waits.add(1_000));
    let cut = registry.collector().unwrap().tick();
    assert_eq!(sets.map(|set| cut.set(&set).read), [3; 3]);
    assert_eq!(families.map(|family| cut.family(&family).get(&1).unwrap().read), [3; 3]);
    assert!(cut.set(&registry.collector_stats()).waits >= 1_000);
    assert_eq!(cut.declarations().count(), 3);
}

/// Threads that register the same at once get the same.
#[test]
fn registering_at_once_gives_one_set() {
    let threads = if cfg!(miri) { 2 } else { 8 };
    for _ in 0..if cfg!(miri) { 2 } else { 50 } {
        let (registry, start) = (Registry::new(), Barrier::new(threads));
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    start.wait();
                    registry.set::<Io>("io").unwrap().record(|io| io.read.inc());
                    let files = registry.family::<u8, Io>("file", "path").unwrap();
                    files.entry(0).unwrap().record(|io| io.read.inc());
                });
            }
        });
        let cut = registry.collector().unwrap().tick();
        let set = registry.set::<Io>("io").unwrap();
        let files = registry.family::<u8, Io>("file", "path").unwrap();
        let expected = threads as u64;
        assert_eq!((cut.set(&set).read, cut.family(&files).total().read), (expected, expected));
    }
}

#[test]
fn an_error_names_the_lines_of_both_sides() {
    let registry = Registry::new();
    registry.set::<Io>("disk_io").unwrap();
    let line = line!() - 1;
    let place = |at: &Location<'_>| (at.file().to_owned(), at.line());
    let here = |after: u32| (file!().to_owned(), line + after);
    match registry.set::<Disk>("disk_io").unwrap_err() {
        RegisterError::NameTaken { first, at, .. } => {
            assert_eq!((place(first), place(at)), (here(0), here(4)));
        }
        other => panic!("{other}"),
    }
    match registry.family_builder::<u8, Disk>("disk", "n").register().unwrap_err() {
        RegisterError::MetricTaken { first, at, .. } => {
            assert_eq!((place(first), place(at)), (here(0), here(10)));
        }
        other => panic!("{other}"),
    }
    match registry.family::<u8, Disk>("disk", "mode").unwrap_err() {
        RegisterError::LabelTaken { at, .. } => assert_eq!(place(at), here(16)),
        other => panic!("{other}"),
    }
    match registry.observe("not valid", |_: &Io| ()).unwrap_err() {
        RegisterError::InvalidName { what, at, .. } => {
            assert_eq!((what, place(at)), ("observed set", here(20)));
        }
        other => panic!("{other}"),
    }
}

// rqbit's page declares one metric twice: one tool refuses the whole page, another drops the second
// value.
#[test]
fn two_metrics_of_one_full_name_are_refused() {
    let registry = Registry::new();
    registry.set::<Disk>("disk").unwrap();
    let expected = "`disk_io` cannot be registered at HERE: its metric `disk_io_read` is also a \
                    metric of `disk`, registered at HERE; rename one of the two or a field \
                    (`#[stats(name = \"…\")]`)";
    assert_eq!(set(&registry, "disk_io"), refused(expected));
    assert_eq!(family(&registry, "disk_io", "n"), refused(expected));
    let expected = "`disk_by_mode` cannot be registered at HERE: its metric `disk_by_mode_read` is \
                    also a metric of `disk`, registered at HERE; rename one of the two or a field \
                    (`#[stats(name = \"…\")]`)";
    assert_eq!(set(&registry, "disk_by_mode"), refused(expected));
    let error = registry.set::<Io>("disk_io").unwrap_err();
    assert!(matches!(error, RegisterError::MetricTaken { .. }));

    // In the other order: the nested set comes second.
    let registry = Registry::new();
    assert_eq!(set(&registry, "disk_io"), Ok(()));
    let error = without_lines(registry.set::<Disk>("disk").unwrap_err());
    let expected = "`disk` cannot be registered at HERE: its metric `disk_io_read` is also a metric \
                    of `disk_io`, registered at HERE; rename one of the two or a field \
                    (`#[stats(name = \"…\")]`)";
    assert_eq!(error, expected);
}

// rqbit, as above, within one set.
#[test]
fn two_metrics_of_one_full_name_are_refused_within_a_set_too() {
    let registry = Registry::new();
    assert!(registry.set::<Doubled>("disk").is_err(), "`disk_io_read` is there twice");
    assert!(registry.family::<u8, Doubled>("disks", "n").is_err());
}

#[test]
fn a_familys_label_is_not_one_of_its_set() {
    let registry = Registry::new();
    let error = without_lines(registry.family::<u8, Disk>("disk", "mode").unwrap_err());
    let expected = "the family `disk` cannot use the label `mode`: its set has fields per `mode`; \
                    choose another name for one of the two; refused at HERE";
    assert_eq!(error, expected);
    assert!(registry.family::<u8, Disk>("disk", "path").is_ok());
    assert_eq!(family(&registry, "other", "mode"), Ok(()));
}

#[test]
fn a_label_is_not_inside_of_itself() {
    assert!(Registry::new().set::<Crossed>("files").is_err(), "`mode` would be there twice");
}

#[test]
fn what_was_refused_takes_no_name_and_no_room() {
    let registry = Registry::new();
    let io = registry.set::<Io>("io").unwrap();
    registry.set::<Disk>("io").unwrap_err();
    registry.family::<u8, Disk>("disk", "mode").unwrap_err();
    registry.family::<u8, Disk>("disk", "not valid").unwrap_err();
    let disk = registry.set::<Disk>("disk").unwrap();
    io.record(|i| i.read.inc());
    disk.record(|d| {
        d.io.read.add(10);
        d.by_mode[Mode::Direct].read_bytes.add(20);
        d.by_mode[Mode::Buffered].read_bytes.add(30);
    });
    let cut = registry.collector().unwrap().tick();
    let names: Vec<_> = cut.declarations().map(|declared| declared.name.to_string()).collect();
    assert_eq!(names, ["tallybook", "io", "disk"]);
    assert_eq!((cut.set(&io).read, cut.set(&disk).io.read), (1, 10));
    assert_eq!(cut.set(&disk).by_mode[Mode::Buffered].read_bytes, 30);
}

#[test]
fn registering_while_others_record_and_tick_shows_everything() {
    let registry = Registry::new();
    let threads: Vec<_> = (0..if cfg!(miri) { 2 } else { 4 })
        .map(|thread| {
            let registry = registry.clone();
            std::thread::spawn(move || {
                (0..10).for_each(|n| {
                    let set = registry.set::<Io>(&format!("set_{thread}_{n}")).unwrap();
                    set.record(|i| i.read.inc());
                    let family =
                        registry.family::<u8, Io>(&format!("family_{thread}_{n}"), "n").unwrap();
                    family.entry(0).unwrap().record(|i| i.read.inc());
                    // Either there is a collector already, or this snapshot has both.
                    if let Ok(mut collector) = registry.collector() {
                        let cut = collector.tick();
                        assert_eq!((cut.set(&set).read, cut.family(&family).total().read), (1, 1));
                    }
                });
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_disabled_registry_refuses_nothing() {
    let registry = Registry::disabled();
    assert_eq!((set(&registry, "io"), set(&registry, "io")), (Ok(()), Ok(())));
    assert_eq!(family(&registry, "not valid", "neither is this"), Ok(()));
}
