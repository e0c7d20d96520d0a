use tctable::sched::{self, ClassDump, DeviceConfig, Offer, QdiscDump, Skb};

use super::*;

const DEVICE: DeviceId = DeviceId(0);

const TREE: &str = "\
qdisc add dev wan root handle 1: htb default 10
class add dev wan parent 1: classid 1:1 htb rate 10mbit
class add dev wan parent 1:1 classid 1:10 htb rate 5mbit ceil 10mbit
class add dev wan parent 1:1 classid 1:20 htb rate 5mbit ceil 10mbit
filter add dev wan parent 1: protocol all prio 1 handle 7 fw classid 1:20
";

fn read(text: &str) -> Shaping {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    let names = DeviceNames::new(vec![("wan".to_owned(), DEVICE)], "there is wan");
    Shaping::load(file.path(), &names).expect("right")
}

struct World(Scheduler);

impl World {
    fn new(shaping: &Shaping) -> World {
        let mut scheduler = Scheduler::new(sched::Config::default());
        scheduler.add_device(DEVICE, DeviceConfig::default()).expect("new");
        shaping.apply(Instant::ZERO, &mut scheduler).expect("possible");
        let mut world = World(scheduler);
        // Two packets by default, one by its mark.
        (0..3).for_each(|nth| world.offer(nth, if nth == 2 { 7 } else { 0 }));
        world
    }

    fn offer(&mut self, token: u64, mark: u32) {
        let mut skb = Skb {
            token,
            data: &[0; 100],
            network_offset: 14,
            protocol: 0x0800,
            len: 100,
            info: None,
            mark,
            priority: 0,
            input: None,
            ct: None,
            host: None,
        };
        assert!(matches!(self.0.offer(Instant::ZERO, DEVICE, &mut skb), Offer::Queued { .. }));
    }

    /// The leaves with what waits in them.
    fn classes(&self) -> Vec<(u32, u32)> {
        let classes = self.0.dump_classes(&mut ClassDump::new(DEVICE), 100);
        let leaves = classes.iter().filter(|class| class.kind == "htb" && class.view.id.minor != 1);
        let mut leaves: Vec<_> = leaves.map(|class| (class.view.id.minor, class.view.backlog.packets)).collect();
        leaves.sort_unstable();
        leaves
    }

    fn root(&self) -> &'static str {
        self.0.dump_qdiscs(&mut QdiscDump::new(Some(DEVICE)), 1).pop().expect("a root").options.kind()
    }

    fn dropped(&mut self) -> usize {
        std::iter::from_fn(|| self.0.poll_dropped()).count()
    }

    fn change(&mut self, old: Option<&Shaping>, new: Option<&Shaping>) {
        Shaping::change(old, new, Instant::ZERO, &mut self.0).expect("possible");
    }
}

#[test]
fn classes_change_around_what_waits_in_them() {
    let (old, new) = (read(TREE), read(&TREE.replace("1:20 htb rate 5mbit", "1:20 htb rate 3mbit")));
    let mut world = World::new(&old);
    let before = world.classes();
    assert_eq!(before, [(0x10, 2), (0x20, 1)]);
    world.change(Some(&old), Some(&new));
    assert_eq!((world.classes(), world.dropped()), (before.clone(), 0));
    // One more, and filters that are others.
    let more = TREE.to_owned().replace("prio 1 handle 7", "prio 2 handle 8")
        + "class add dev wan parent 1:1 classid 1:30 htb rate 1mbit\n";
    let more = read(&more);
    world.change(Some(&new), Some(&more));
    assert_eq!((world.classes().len(), world.dropped()), (before.len() + 1, 0));
    // And one less: what waits in it goes, the rest stays.
    world.change(Some(&more), Some(&new));
    assert_eq!((world.classes(), world.dropped()), (before, 0));
}

#[test]
fn other_qdiscs_take_the_place_of_the_old_ones() {
    let old = read(TREE);
    let new = read("qdisc add dev wan root handle 1: tbf rate 1mbit burst 10k latency 1s\n");
    let mut world = World::new(&old);
    world.change(Some(&old), Some(&new));
    assert_eq!((world.root(), world.dropped()), ("tbf", 3));
    world.change(Some(&new), None);
    assert_eq!(world.root(), "fq_codel");
    world.change(None, Some(&old));
    assert_eq!(world.root(), "htb");
}

#[test]
fn toml_is_known_by_its_first_table() {
    for (text, is_toml) in [
        ("# shaping\n\n [[link]]\n", true),
        ("[[qdisc]]", true),
        ("# [x]\nqdisc add dev lan root htb\n", false),
        ("", false),
    ] {
        assert_eq!(looks_like_toml(text), is_toml, "{text:?}");
    }
}
