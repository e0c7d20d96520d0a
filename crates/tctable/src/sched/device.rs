use std::collections::BTreeMap;
use std::collections::VecDeque;

use super::backlog::Backlog;
use super::context::{Context, DropCause};
use super::handle::{ClassId, Handle};
use super::hooks::Hooks;
use super::named::Named;
use super::node::Node;
use super::qdisc::{self, OptionsError};
use super::queued::Queued;

/// The most qdiscs below one another, the root included: each is a call within a call when a packet passes.
pub(crate) const MOST_NESTED: usize = 8;

/// What a device is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceConfig {
    /// Its name.
    pub name: String,
    /// Its longest packet without the link header, in bytes.
    pub mtu: u32,
    /// How many packets wait before it where a qdisc has no limit of its own (`txqueuelen`).
    pub queue_len: u32,
}

impl Default for DeviceConfig {
    /// An Ethernet device without a name.
    fn default() -> DeviceConfig {
        DeviceConfig { name: String::new(), mtu: 1500, queue_len: 1000 }
    }
}

/// A device: its root qdisc with all below it, and where its packets meet filters outside of that.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) config: DeviceConfig,
    pub(crate) root: Node,
    /// Packets that left the root and came back; they leave before all others.
    pub(crate) requeued: VecDeque<Queued>,
    /// Bytes of those.
    requeued_bytes: u64,
    /// How many came back since the root was hung there.
    pub(crate) requeues: u64,
    pub(crate) hooks: Option<Hooks>,
    /// The kind that hangs by default where nothing else does.
    pub(crate) default_kind: &'static str,
    /// Which classes filters name.
    pub(crate) named: Named,
    /// Where each qdisc with a handle hangs: by its major number its parent, a class or [`Handle::ROOT`].
    places: BTreeMap<u16, Handle>,
}

/// The classes from the root down to a qdisc.
pub(crate) type Path = arrayvec::ArrayVec<ClassId, MOST_NESTED>;

impl Device {
    /// A device with its default qdisc.
    pub(crate) fn new(config: DeviceConfig, context: &mut Context<'_>) -> Result<Device, OptionsError> {
        let root = default_root(context)?;
        Ok(Device {
            config,
            root,
            requeued: VecDeque::new(),
            requeued_bytes: 0,
            requeues: 0,
            hooks: None,
            default_kind: context.default_leaf.kind(),
            named: Named::default(),
            places: BTreeMap::new(),
        })
    }

    /// What waits in all.
    pub(crate) fn backlog(&self) -> Backlog {
        let Backlog { packets, bytes } = self.root.backlog();
        Backlog { packets: packets + self.requeued.len() as u32, bytes: bytes + self.requeued_bytes }
    }

    /// Takes a packet back: it leaves before all others.
    pub(crate) fn requeue(&mut self, queued: Queued) {
        self.requeues += 1;
        self.requeued_bytes += u64::from(queued.len);
        self.requeued.push_back(queued);
    }

    /// A packet that came back.
    pub(crate) fn take_requeued(&mut self) -> Option<Queued> {
        let queued = self.requeued.pop_front()?;
        self.requeued_bytes -= u64::from(queued.len);
        Some(queued)
    }

    /// Hangs another qdisc at the root. What waited is dropped.
    pub(crate) fn replace_root(&mut self, context: &mut Context<'_>, root: Node) {
        self.root.drain(context, DropCause::Deleted);
        while let Some(queued) = self.take_requeued() {
            context.drop(queued, DropCause::Deleted);
        }
        self.requeues = 0;
        self.places.clear();
        self.named.clear();
        self.root = root;
        self.placed(Handle::ROOT, self.root.handle);
    }

    /// A qdisc with that handle hangs below `parent` from now on.
    pub(crate) fn placed(&mut self, parent: Handle, handle: Handle) {
        if handle != Handle::UNSPEC {
            self.places.insert(handle.major(), parent);
        }
    }

    /// These qdiscs are gone.
    pub(crate) fn forget(&mut self, gone: &[Handle]) {
        for handle in gone {
            self.places.remove(&handle.major());
            self.named.forget_qdisc(handle.major());
        }
    }

    /// Whether a qdisc has that number: at the root, below it or at the hooks.
    pub(crate) fn knows(&self, major: u16) -> bool {
        self.node(major).is_some() || self.hooks.as_ref().is_some_and(|_| major == Hooks::HANDLE.major())
    }

    /// Where the qdisc of that number hangs.
    pub(crate) fn parent_of(&self, major: u16) -> Option<Handle> {
        self.places.get(&major).copied()
    }

    /// The qdiscs' numbers from that one on, in their order.
    pub(crate) fn majors_from(&self, first: u16) -> impl Iterator<Item = u16> + '_ {
        self.places.range(first..).map(|(major, _)| *major)
    }

    /// The way from the root to the qdisc of that number.
    pub(crate) fn path(&self, major: u16) -> Option<Path> {
        let mut path = Path::new();
        let mut parent = self.parent_of(major)?;
        while parent != Handle::ROOT {
            path.try_push(ClassId::from(parent)).ok()?;
            parent = self.parent_of(parent.major())?;
        }
        path.reverse();
        Some(path)
    }

    /// The qdisc of that number at the root or below it.
    pub(crate) fn node(&self, major: u16) -> Option<&Node> {
        let path = self.path(major)?;
        let node = path.iter().try_fold(&self.root, |node, class| node.qdisc.classful()?.leaf(*class))?;
        // A class may have gone with all below it while packets passed.
        Some(node).filter(|node| node.handle.major() == major)
    }

    /// The qdisc below a class.
    pub(crate) fn leaf(&self, class: ClassId) -> Option<&Node> {
        self.node(class.major)?.qdisc.classful()?.leaf(class)
    }

    /// Works on the qdisc of that number; all qdiscs above it follow what became of its backlog.
    pub(crate) fn at<R>(
        &mut self,
        context: &mut Context<'_>,
        major: u16,
        work: impl FnOnce(&mut Node, &mut Context<'_>) -> R,
    ) -> Option<R> {
        self.node(major)?;
        let path = self.path(major)?;
        descend(&mut self.root, &path, context, work)
    }

    /// All handles below a qdisc, its own first.
    pub(crate) fn handles_below(node: &Node) -> Vec<Handle> {
        let mut handles = Vec::new();
        collect_handles(node, &mut handles);
        handles
    }
}

/// The qdisc that a device has at first.
pub(crate) fn default_root(context: &mut Context<'_>) -> Result<Node, OptionsError> {
    let options = context.default_leaf;
    Ok(Node::new(Handle::UNSPEC, qdisc::create(context, 0, options)?))
}

fn descend<R>(
    node: &mut Node,
    path: &[ClassId],
    context: &mut Context<'_>,
    work: impl FnOnce(&mut Node, &mut Context<'_>) -> R,
) -> Option<R> {
    let dropped = context.dropped.len();
    let result = match path {
        [] => work(node, context),
        [class, rest @ ..] => {
            let classful = node.qdisc.classful_mut()?;
            let leaf = classful.leaf_mut(*class)?;
            let before = leaf.backlog();
            let result = descend(leaf, rest, context, work)?;
            if leaf.backlog() != before {
                classful.settle(context, *class, before);
            }
            result
        }
    };
    node.dropped += (context.dropped.len() - dropped) as u64;
    Some(result)
}

fn collect_handles(node: &Node, handles: &mut Vec<Handle>) {
    if node.handle != Handle::UNSPEC {
        handles.push(node.handle);
    }
    let Some(classful) = node.qdisc.classful() else { return };
    let mut after = None;
    while let Some(view) = classful.view_after(after) {
        if let Some(leaf) = classful.leaf(view.id) {
            collect_handles(leaf, handles);
        }
        after = Some(view.id);
    }
}
