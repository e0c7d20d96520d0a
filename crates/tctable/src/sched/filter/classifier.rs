use std::collections::BTreeMap;
use std::fmt::Debug;

use super::options::FilterOptions;
use super::request::{FilterError, FilterStatistics};
use super::seen::Seen;
use super::u32::Tables;
use super::{EtherType, basic, flower, fw, matchall, rsvp, u32};
use crate::sched::action::{ActionVerdict, Actions};
use crate::sched::context::Context;
use crate::sched::control::Flags;
use crate::sched::handle::Handle;
use crate::sched::skb::Skb;
use crate::time::Instant;

/// What a filter says of a packet that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The class that it names; [`Handle::UNSPEC`] where it names none.
    pub class: Handle,
    /// What its actions say.
    pub verdict: ActionVerdict,
}

/// What a filter has around it while it looks at a packet.
#[derive(Debug)]
pub struct FilterContext<'c, 'a> {
    pub(super) context: &'c mut Context<'a>,
    pub(super) tables: &'c mut Tables,
    pub(super) seen: Seen,
}

impl FilterContext<'_, '_> {
    /// The time.
    pub fn now(&self) -> Instant {
        self.context.now
    }

    /// The packet's protocol as filters see it: the outermost VLAN tag's where there is one.
    pub fn protocol(&self) -> EtherType {
        self.seen.protocol
    }

    /// Does a filter's actions to a packet. [`ActionVerdict::Continue`] means that the filter is to be as if it did not
    /// match.
    pub fn run(&mut self, actions: &mut Actions, skb: &mut Skb<'_>) -> ActionVerdict {
        actions.run(self.context, skb)
    }
}

/// What a kind has around it while its filters are looked at.
#[derive(Clone, Copy, Debug)]
pub struct ViewContext<'c> {
    pub(super) tables: &'c Tables,
    pub(super) place: Place,
}

/// A priority: its chain and its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) chain: u32,
    pub(super) priority: u16,
}

/// What a kind has around it while its filters are changed.
#[derive(Debug)]
pub struct ChangeContext<'c> {
    pub(super) tables: &'c mut Tables,
    pub(super) place: Place,
    pub(super) qdisc: Handle,
    pub(super) now: Instant,
    pub(super) named: Vec<Handle>,
    pub(super) released: Vec<Handle>,
}

impl ChangeContext<'_> {
    /// The time, from which on a police's tokens are counted.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The qdisc at which the filters are, or below which their class is.
    pub fn qdisc(&self) -> Handle {
        self.qdisc
    }

    /// A filter names a class: it cannot be deleted.
    pub fn name(&mut self, class: Option<Handle>) {
        self.named.extend(class.filter(|class| *class != Handle::UNSPEC));
    }

    /// A filter does not name a class any more.
    pub fn release(&mut self, class: Option<Handle>) {
        self.released.extend(class.filter(|class| *class != Handle::UNSPEC));
    }

    pub(super) fn view(&self) -> ViewContext<'_> {
        ViewContext { tables: self.tables, place: self.place }
    }
}

/// A kind of filter: what one priority of an attachment point holds. Its filters go by handles.
///
/// None of this may panic, whatever a packet or a request says.
pub trait Classifier: Debug + Send {
    /// The kind's name.
    fn kind(&self) -> &str;

    /// Looks for the first filter that matches a packet and whose actions do not say [`ActionVerdict::Continue`]. Does not
    /// allocate.
    fn classify(&mut self, context: &mut FilterContext<'_, '_>, skb: &mut Skb<'_>) -> Option<Match>;

    /// Whether there is a filter with that handle, which is not 0.
    fn has(&self, context: &ViewContext<'_>, handle: u32) -> bool;

    /// Makes or changes a filter, and tells its handle: 0 where the request made nothing but the priority. Classes that
    /// it names are told to the context, and those that it named before. After an error nothing has changed.
    ///
    /// What `flags` say of a filter that is there or not has been checked by [`Classifier::has`].
    ///
    /// # Errors
    /// [`FilterError`]
    fn change(
        &mut self,
        context: &mut ChangeContext<'_>,
        handle: u32,
        flags: Flags,
        options: &FilterOptions,
    ) -> Result<u32, FilterError>;

    /// Deletes a filter that is there, and tells whether that was the last one: then the priority goes too.
    ///
    /// # Errors
    /// [`FilterError`]
    fn delete(&mut self, context: &mut ChangeContext<'_>, handle: u32) -> Result<bool, FilterError>;

    /// Deletes all of it: its priority goes.
    fn clear(&mut self, context: &mut ChangeContext<'_>);

    /// The least handle that is greater.
    fn handle_after(&self, context: &ViewContext<'_>, handle: u32) -> Option<u32>;

    /// What a filter was told and what it counted.
    fn view(&self, context: &ViewContext<'_>, handle: u32) -> Option<(FilterOptions, FilterStatistics)>;
}

/// Makes a kind's filters for one priority: none at first.
type Make = Box<dyn Fn() -> Box<dyn Classifier> + Send + Sync>;

/// The kinds of filters, by their names.
///
/// ```
/// use tctable::sched::FilterKinds;
///
/// assert!(FilterKinds::default().names().eq(["basic", "flower", "fw", "matchall", "rsvp", "rsvp6", "u32"]));
/// ```
pub struct FilterKinds(BTreeMap<Box<str>, Make>);

impl FilterKinds {
    /// Adds a kind, or puts it in the place of the one of that name. Filters that are there stay what they are.
    pub fn register(&mut self, name: &str, make: impl Fn() -> Box<dyn Classifier> + Send + Sync + 'static) {
        self.0.insert(name.into(), Box::new(make));
    }

    /// All names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    pub(super) fn make(&self, name: &str) -> Option<Box<dyn Classifier>> {
        self.0.get(name).map(|make| make())
    }
}

/// The kernel's kinds.
impl Default for FilterKinds {
    fn default() -> FilterKinds {
        let mut kinds = FilterKinds(BTreeMap::new());
        kinds.register("u32", || Box::<u32::U32>::default());
        kinds.register("fw", || Box::<fw::Fw>::default());
        kinds.register("matchall", || Box::<matchall::Matchall>::default());
        kinds.register("flower", || Box::<flower::Flower>::default());
        kinds.register("basic", || Box::<basic::Basic>::default());
        kinds.register("rsvp", || Box::new(rsvp::Rsvp::new(crate::packet::Family::V4)));
        kinds.register("rsvp6", || Box::new(rsvp::Rsvp::new(crate::packet::Family::V6)));
        kinds
    }
}

impl std::fmt::Debug for FilterKinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
