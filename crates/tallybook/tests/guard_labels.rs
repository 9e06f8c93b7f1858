//! Guards of what is live under a value of a label: their types have names, and each counts one
//! opening and one closing.

use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tallybook::metric::LiveCount;
use tallybook::record::OpenLabel;
use tallybook::{
    Entry, Label, Live, ManualClock, PerLabel, Record, Registry, Set, Stats, TimedLive,
};

/// A relay.
#[derive(Debug, Stats)]
struct Relay {
    sessions: PerLabel<Role, Live>,
    viewers: PerLabel<Role, TimedLive>,
    links: PerLabel<Role, PerLabel<Way, Live>>,
    streams: PerLabel<Role, Streams>,
}

/// Streams of a role.
#[derive(Debug, Stats)]
struct Streams {
    open: Live,
    by_way: PerLabel<Way, TimedLive>,
}

/// What a session does.
#[derive(Clone, Copy, Debug, PartialEq, Label)]
enum Role {
    Publisher,
    Subscriber,
}

/// Which way a link goes.
#[derive(Clone, Copy, Debug, PartialEq, Label)]
enum Way {
    In,
    Out,
}

/// Guards that stand in a struct, of a set and of an entry, owned and borrowed.
#[derive(Debug)]
struct Guards<'a> {
    session: OpenLabel<Set<Relay>, Role>,
    viewer: OpenLabel<Set<Relay>, Role, TimedLive>,
    link: OpenLabel<&'a Set<Relay>, (Role, Way)>,
    stream: OpenLabel<Entry<u32, Relay>, Role>,
    timed_stream: OpenLabel<&'a Entry<u32, Relay>, (Role, Way), TimedLive>,
    of_entry: OpenLabel<&'a Entry<u32, Relay>, Role>,
}

const ONE_OPEN: LiveCount = live(1, 0);
const ONE_CLOSED: LiveCount = live(1, 1);
const NONE: LiveCount = live(0, 0);

const fn live(opened: u64, closed: u64) -> LiveCount {
    LiveCount { opened, closed }
}

#[test]
fn guards_under_labels_stand_in_a_struct_and_close_where_they_opened() {
    let clock = Arc::new(ManualClock::new());
    let registry = Registry::builder().clock(clock.clone()).build();
    let relay = registry.set::<Relay>("relay").unwrap();
    let peers = registry.family::<u32, Relay>("peer", "n").unwrap();
    let mut collector = registry.collector().unwrap();
    let peer = peers.entry(1).unwrap();
    let guards = Guards {
        session: relay.open_label(Relay::sessions, Role::Publisher),
        viewer: relay.open_label(Relay::viewers, Role::Subscriber),
        link: relay.open_label_borrowed(Relay::links, (Role::Publisher, Way::Out)),
        stream: peer.open_label(|s, role| &s.streams[role].open, Role::Subscriber),
        timed_stream: peer.open_label_borrowed(
            |s, (role, way)| &s.streams[role].by_way[way],
            (Role::Subscriber, Way::In),
        ),
        of_entry: peer.open_label_borrowed(Relay::sessions, Role::Subscriber),
    };
    assert_eq!(guards.session.on().name(), "relay");
    assert!(format!("{guards:?}").contains("Open { on: Set { name: \"relay\""));

    let cut = collector.tick();
    let (set, entry) = (cut.set(&relay), cut.family(&peers).get(&1).unwrap());
    assert_eq!(set.sessions[Role::Publisher], ONE_OPEN);
    assert_eq!(set.sessions[Role::Subscriber], NONE);
    assert_eq!((set.viewers[Role::Subscriber].opened, set.viewers[Role::Publisher].opened), (1, 0));
    assert_eq!(set.links[Role::Publisher][Way::Out], ONE_OPEN);
    assert_eq!(set.links[Role::Publisher][Way::In], NONE);
    assert_eq!(entry.streams[Role::Subscriber].open, ONE_OPEN);
    assert_eq!(entry.streams[Role::Subscriber].by_way[Way::In].opened, 1);
    assert_eq!(entry.sessions[Role::Subscriber], ONE_OPEN);
    assert_eq!(entry.sessions[Role::Publisher], NONE);

    clock.advance(Duration::from_secs(3));
    let Guards { session, viewer, link, stream, timed_stream, of_entry } = guards;
    thread::spawn(move || drop((session, viewer, stream))).join().unwrap();
    drop((link, timed_stream, of_entry));

    let cut = collector.tick();
    let (set, entry) = (cut.set(&relay), cut.family(&peers).get(&1).unwrap());
    assert_eq!(set.sessions[Role::Publisher], ONE_CLOSED);
    assert_eq!(set.links[Role::Publisher][Way::Out], ONE_CLOSED);
    let viewers = &set.viewers[Role::Subscriber];
    assert_eq!((viewers.closed, viewers.time), (1, Duration::from_secs(3)));
    assert_eq!(entry.streams[Role::Subscriber].open, ONE_CLOSED);
    assert_eq!(
        entry.streams[Role::Subscriber].by_way[Way::In].ages.max(),
        Some(Duration::from_secs(3))
    );
    assert_eq!(entry.sessions[Role::Subscriber], ONE_CLOSED);
    assert_eq!(cut.set(&relay).sessions[Role::Subscriber], NONE);
}

#[test]
fn a_guard_under_a_label_holds_its_entry() {
    let registry = Registry::new();
    let peers = registry.family::<u32, Relay>("peer", "n").unwrap();
    let mut collector = registry.collector().unwrap();
    let guard = peers.entry(1).unwrap().open_label(Relay::sessions, Role::Publisher);
    (0..5).for_each(|_| assert_eq!(collector.tick().family(&peers).len(), 1));
    drop(guard);
    assert_eq!(
        collector.tick().family(&peers).get(&1).unwrap().sessions[Role::Publisher].live(),
        0
    );
    assert!(collector.tick().family(&peers).is_empty());
}

#[test]
fn a_disabled_registry_opens_nothing() {
    let registry = Registry::disabled();
    let relay = registry.set::<Relay>("relay").unwrap();
    let peers = registry.family::<u32, Relay>("peer", "n").unwrap();
    let peer = peers.entry(1).unwrap();
    drop(relay.open_label(Relay::viewers, Role::Publisher));
    drop(peer.open_label_borrowed(Relay::sessions, Role::Publisher));
    let cut = registry.collector().unwrap().tick();
    assert_eq!(cut.set(&relay).viewers[Role::Publisher].opened, 0);
}

#[test]
fn facts_are_recorded_on_any_handle() {
    #[derive(Stats)]
    struct Peer {
        hits: tallybook::Counter,
    }
    fn count<R: Record<Stats = Peer>>(on: &R) {
        on.record(|peer| peer.hits.inc());
    }
    let registry = Registry::new();
    let set = registry.set::<Peer>("set").unwrap();
    let peers = registry.family::<u32, Peer>("peer", "n").unwrap();
    let peer = peers.entry(1).unwrap();
    count(&set);
    count(&&set);
    count(&peer);
    count(&&&peer);
    // One fact over two handles that the callee does not know.
    Record::record(&set, |_| count(&peer));
    let cut = registry.collector().unwrap().tick();
    assert_eq!(cut.set(&set).hits, 2);
    assert_eq!(cut.family(&peers).total().hits, 3);
    count(&Registry::disabled().set::<Peer>("set").unwrap());
}

#[test]
fn metrics_say_their_names_and_nothing_of_their_cells() {
    let registry = Registry::new();
    let relay = registry.set::<Relay>("relay").unwrap();
    let mut text = String::new();
    relay.record(|relay| text = format!("{relay:?}"));
    let ways = "{\"in\": TimedLive { .. }, \"out\": TimedLive { .. }}";
    let streams = format!("Streams {{ open: Live {{ .. }}, by_way: {ways} }}");
    let per_role = |each: &str| format!("{{\"publisher\": {each}, \"subscriber\": {each}}}");
    let [sessions, viewers] = ["Live { .. }", "TimedLive { .. }"].map(per_role);
    let (links, streams) = (per_role(&ways.replace("TimedLive", "Live")), per_role(&streams));
    let fields =
        format!("sessions: {sessions}, viewers: {viewers}, links: {links}, streams: {streams}");
    assert_eq!(text, format!("Relay {{ {fields} }}"));
}

#[test]
fn a_per_label_gives_its_variants() {
    let registry = Registry::new();
    let relay = registry.set::<Relay>("relay").unwrap();
    let guard = relay.open_label(Relay::sessions, Role::Subscriber);
    let sessions = registry.collector().unwrap().tick().set(&relay).sessions;
    let all: Vec<_> = sessions.iter().map(|(role, count)| (role, count.live())).collect();
    assert_eq!(all, [(Role::Publisher, 0), (Role::Subscriber, 1)]);
    let names: Vec<_> = (&sessions).into_iter().map(|(role, _)| role.value()).collect();
    assert_eq!(names, Role::VALUES);
    assert_eq!(Role::ALL, [Role::Publisher, Role::Subscriber]);
    assert!(Role::ALL.iter().enumerate().all(|(i, role)| role.index() == i));
    assert_eq!(sessions.clone(), sessions);
    assert_eq!(format!("{:?}", PerLabel::<Way, u8>::default()), "{\"in\": 0, \"out\": 0}");
    drop(guard);
}
