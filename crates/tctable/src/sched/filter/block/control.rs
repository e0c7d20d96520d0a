//! What is asked of a block, with the kernel's checks in the kernel's order.

use super::{Block, Chain, Filters, Priority};
use crate::sched::action::LAST_CHAIN;
use crate::sched::control::Flags;
use crate::sched::filter::classifier::{ChangeContext, FilterKinds, Place, ViewContext};
use crate::sched::filter::ether_type::EtherType;
use crate::sched::filter::request::{
    FilterChange, FilterError, FilterKey, FilterQuery, FilterRequest, FilterStatistics, FilterView,
};
use crate::sched::filter::u32::Tables;
use crate::sched::handle::Handle;
use crate::time::Instant;

/// The lowest priority that is allocated.
const LOWEST: u16 = 0x8000;
/// The first one.
const FIRST: u16 = 0xc000;

impl Block {
    /// Makes or changes a filter: this block is where the request wants it, at or below `qdisc`.
    pub(crate) fn change(
        &mut self,
        kinds: &FilterKinds,
        now: Instant,
        qdisc: Handle,
        request: &FilterRequest,
        flags: Flags,
    ) -> Result<FilterChange, FilterError> {
        let result = self.0.get_or_insert_default().change(kinds, now, qdisc, request, flags);
        self.tidy();
        result
    }

    /// Deletes a filter, a priority or a chain.
    pub(crate) fn delete(
        &mut self,
        now: Instant,
        qdisc: Handle,
        request: &FilterQuery,
    ) -> Result<FilterChange, FilterError> {
        let result = self.0.get_or_insert_default().delete(now, qdisc, request);
        self.tidy();
        result
    }

    /// Looks at a filter.
    pub(crate) fn get(&self, request: &FilterQuery) -> Result<FilterView, FilterError> {
        if request.priority == 0 {
            return Err(FilterError::NoPriority);
        }
        check_chain(request.chain)?;
        let filters = self.0.as_ref().ok_or(FilterError::NoChainToGet)?;
        let chain = filters.chain(request.chain).ok_or(FilterError::NoChainToGet)?;
        let priority = chain.get(request)?;
        let context = ViewContext { tables: &filters.tables, place: chain.place(priority) };
        if request.handle == 0 || !priority.filters.has(&context, request.handle) {
            return Err(FilterError::NotFound);
        }
        chain.view(&filters.tables, priority, request.handle).ok_or(FilterError::NotFound)
    }

    /// The filter that is listed behind that one, whether that is there still or not; the first one of all. A priority is
    /// listed before its filters, those in the order of their handles.
    pub(crate) fn view_after(&self, after: Option<FilterKey>) -> Option<FilterView> {
        let Filters { chains, tables } = &**self.0.as_ref()?;
        let Some(key) = after else {
            let chain = chains.first()?;
            return chain.view(tables, chain.priorities.first()?, 0);
        };
        let at = chains.partition_point(|chain| chain.number < key.chain);
        let mut at_priority = 0;
        if let Some(chain) = chains.get(at).filter(|chain| chain.number == key.chain) {
            at_priority = match chain.find(key.priority) {
                Ok(at) => {
                    let priority = &chain.priorities[at];
                    let context = ViewContext { tables, place: chain.place(priority) };
                    if let Some(handle) = priority.filters.handle_after(&context, key.handle) {
                        return chain.view(tables, priority, handle);
                    }
                    at + 1
                }
                Err(at) => at,
            };
        }
        let here = chains.get(at).and_then(|chain| Some((chain, chain.priorities.get(at_priority)?)));
        let next = || chains.get(at + 1).and_then(|chain| Some((chain, chain.priorities.first()?)));
        let (chain, priority) = here.or_else(next)?;
        chain.view(tables, priority, 0)
    }

    fn tidy(&mut self) {
        if self.0.as_ref().is_some_and(|filters| filters.chains.is_empty()) {
            self.0 = None;
        }
    }
}

fn check_chain(chain: u32) -> Result<(), FilterError> {
    if chain > LAST_CHAIN { Err(FilterError::ChainNumber) } else { Ok(()) }
}

impl Filters {
    fn change(
        &mut self,
        kinds: &FilterKinds,
        now: Instant,
        qdisc: Handle,
        request: &FilterRequest,
        flags: Flags,
    ) -> Result<FilterChange, FilterError> {
        let FilterRequest { protocol, priority, chain: number, handle, ref options, .. } = *request;
        if priority == 0 && !flags.create {
            return Err(FilterError::NoPriority);
        }
        check_chain(number)?;
        let at = self.find_chain(number);
        let chain = at.ok().map(|at| &self.chains[at]);
        let place = match priority {
            0 => chain.map_or(Err(0), |chain| chain.find(LOWEST)),
            priority => chain.map_or(Err(0), |chain| chain.find(priority)),
        };
        let before = chain.zip(place.ok()).map(|(chain, at)| &chain.priorities[at]);
        if let Some(before) = before {
            if priority == 0 {
                return Err(FilterError::NoPriorityLeft);
            }
            before.check_protocol(protocol)?;
            if before.filters.kind() != options.kind() {
                return Err(FilterError::OtherKind);
            }
        } else {
            if protocol == EtherType::UNSPEC {
                return Err(FilterError::NoProtocol);
            }
            if !flags.create {
                return Err(FilterError::NotFound);
            }
        }
        let is_new = before.is_none();
        let mut made = if is_new { Some(kinds.make(options.kind()).ok_or(FilterError::UnknownKind)?) } else { None };
        let number_of_priority = match (priority, place) {
            // Below the first one that is as high.
            (0, Err(at)) => {
                let next = chain.and_then(|chain| chain.priorities.get(at));
                next.map_or(FIRST, |next| next.number - 1)
            }
            _ => priority,
        };

        let (chain_at, at) = (at, place.unwrap_or_else(|at| at));
        let Filters { chains, tables } = self;
        let filters = match (&mut made, chain_at) {
            (Some(made), _) => made,
            (None, Ok(chain_at)) => &mut chains[chain_at].priorities[at].filters,
            // A priority that is there has a chain.
            (None, Err(_)) => return Err(FilterError::NoChain),
        };
        let place = Place { chain: number, priority: number_of_priority };
        let mut context = ChangeContext::new(tables, place, qdisc, now);
        let was_there = handle != 0 && filters.has(&context.view(), handle);
        if was_there && flags.exclusive {
            return Err(FilterError::Exists);
        }
        if !was_there && !flags.create {
            return Err(FilterError::NotFound);
        }
        let changed = filters.change(&mut context, handle, flags, options);
        if changed.is_err() && is_new {
            filters.clear(&mut context);
        }
        let handle = changed?;
        let ChangeContext { named, released, .. } = context;

        let mut protocol = protocol;
        if let Some(filters) = made {
            let chain_at = chain_at.unwrap_or_else(|at| {
                chains.insert(at, Chain { number, priorities: Vec::new() });
                at
            });
            chains[chain_at].priorities.insert(at, Priority { number: place.priority, protocol, filters });
        } else if let Ok(chain_at) = chain_at {
            protocol = chains[chain_at].priorities[at].protocol;
        }
        let key = FilterKey { chain: number, priority: place.priority, protocol, handle };
        Ok(FilterChange { key, was_there, named, released, deleted: Vec::new() })
    }

    fn delete(&mut self, now: Instant, qdisc: Handle, request: &FilterQuery) -> Result<FilterChange, FilterError> {
        let FilterQuery { protocol, priority, chain: number, handle, ref kind, .. } = *request;
        if priority == 0 && (protocol != EtherType::UNSPEC || handle != 0 || kind.is_some()) {
            return Err(FilterError::NotAll);
        }
        check_chain(number)?;
        let mut change = FilterChange {
            key: FilterKey { chain: number, priority, protocol, handle },
            was_there: true,
            named: Vec::new(),
            released: Vec::new(),
            deleted: Vec::new(),
        };
        let Ok(chain_at) = self.find_chain(number) else {
            change.was_there = false;
            return if priority == 0 { Ok(change) } else { Err(FilterError::NoChain) };
        };
        let Filters { chains, tables } = self;
        let chain = &mut chains[chain_at];
        if priority == 0 {
            for priority in &chain.priorities {
                change.deleted.extend(chain.view(tables, priority, 0));
            }
            while let Some(priority) = chain.priorities.pop() {
                let place = Place { chain: number, priority: priority.number };
                priority.clear(ChangeContext::new(tables, place, qdisc, now), &mut change);
            }
        } else {
            let found = chain.get(request)?;
            let place = chain.place(found);
            change.key.protocol = found.protocol;
            let view = ViewContext { tables, place };
            if handle != 0 && !found.filters.has(&view, handle) {
                return Err(FilterError::NotFound);
            }
            change.deleted.extend(chain.view(tables, found, handle));
            let Ok(at) = chain.find(priority) else { return Err(FilterError::NoSuchPriority) };
            let mut context = ChangeContext::new(tables, place, qdisc, now);
            let is_last = match handle {
                0 => true,
                handle => {
                    let is_last = chain.priorities[at].filters.delete(&mut context, handle)?;
                    change.released.append(&mut context.released);
                    is_last
                }
            };
            if is_last {
                chain.priorities.remove(at).clear(context, &mut change);
            }
        }
        if chain.priorities.is_empty() {
            chains.remove(chain_at);
        }
        Ok(change)
    }
}

impl Chain {
    fn find(&self, priority: u16) -> Result<usize, usize> {
        let at = self.priorities.partition_point(|one| one.number < priority);
        match self.priorities.get(at) {
            Some(found) if found.number == priority => Ok(at),
            _ => Err(at),
        }
    }

    fn place(&self, priority: &Priority) -> Place {
        Place { chain: self.number, priority: priority.number }
    }

    /// The priority that a request looks for.
    fn get(&self, request: &FilterQuery) -> Result<&Priority, FilterError> {
        let at = self.find(request.priority).map_err(|_| FilterError::NoSuchPriority)?;
        let found = &self.priorities[at];
        found.check_protocol(request.protocol)?;
        match &request.kind {
            Some(kind) if **kind != *found.filters.kind() => Err(FilterError::OtherKind),
            _ => Ok(found),
        }
    }

    fn view(&self, tables: &Tables, priority: &Priority, handle: u32) -> Option<FilterView> {
        let place = self.place(priority);
        let (options, statistics) = match handle {
            0 => (None, FilterStatistics::default()),
            handle => {
                let (options, statistics) = priority.filters.view(&ViewContext { tables, place }, handle)?;
                (Some(options), statistics)
            }
        };
        let key = FilterKey { chain: self.number, priority: priority.number, protocol: priority.protocol, handle };
        Some(FilterView { key, kind: priority.filters.kind().into(), options, statistics })
    }
}

impl Priority {
    fn check_protocol(&self, protocol: EtherType) -> Result<(), FilterError> {
        match protocol {
            EtherType::UNSPEC => Ok(()),
            protocol if protocol == self.protocol => Ok(()),
            _ => Err(FilterError::OtherProtocol),
        }
    }

    fn clear(mut self, mut context: ChangeContext<'_>, change: &mut FilterChange) {
        self.filters.clear(&mut context);
        change.released.append(&mut context.released);
    }
}

impl<'c> ChangeContext<'c> {
    fn new(tables: &'c mut Tables, place: Place, qdisc: Handle, now: Instant) -> ChangeContext<'c> {
        ChangeContext { tables, place, qdisc, now, named: Vec::new(), released: Vec::new() }
    }
}
