//! What is asked of `u32` filters, with the kernel's checks.

use super::node::Node;
use super::options::{U32Node, U32Options};
use super::tables::{Table, handle as handle_of, parts};
use crate::sched::action::Actions;
use crate::sched::filter::classifier::ChangeContext;
use crate::sched::filter::request::FilterError;
use crate::sched::qdisc::OptionsError;

/// The number that stands for the priority's root table.
const ROOT: u16 = 0xfff;
/// Buckets that a table can have.
const MOST_BUCKETS: u32 = 256;
/// Keys that a node can have: they are counted in a byte.
const MOST_KEYS: usize = 255;

fn invalid<T>(why: &'static str) -> Result<T, FilterError> {
    Err(OptionsError::Invalid(why).into())
}

/// Makes or changes a table or a node of the priority with that root table.
pub(super) fn change(
    root: u16,
    context: &mut ChangeContext<'_>,
    handle: u32,
    options: &U32Options,
) -> Result<u32, FilterError> {
    let is_there = handle != 0 && context.tables.has(handle);
    match options {
        U32Options::Root if handle == 0 => Ok(0),
        U32Options::Root => invalid("a handle needs options"),
        U32Options::Table { .. } if is_there => invalid("a table cannot be changed"),
        U32Options::Table { divisor } => add_table(context, handle, *divisor),
        U32Options::Node(node) if is_there => change_node(context, handle, node),
        U32Options::Node(node) => add_node(root, context, handle, node),
    }
}

fn add_table(context: &mut ChangeContext<'_>, handle: u32, divisor: u32) -> Result<u32, FilterError> {
    if !divisor.is_power_of_two() {
        return invalid("a divisor is a power of two");
    }
    if divisor > MOST_BUCKETS {
        return invalid("a table has at most 256 buckets");
    }
    let id = match parts(handle) {
        _ if handle == 0 => context.tables.free_id()?,
        (id, 0, 0) => id,
        _ => return invalid("a table's handle has neither a bucket nor a node"),
    };
    context.tables.add(id, context.place, divisor as u16, false);
    Ok(handle_of(id, 0, 0))
}

fn add_node(root: u16, context: &mut ChangeContext<'_>, handle: u32, options: &U32Node) -> Result<u32, FilterError> {
    let actions = Actions::new(&options.actions, context.now())?;
    let tables = &mut *context.tables;
    let (place, bucket) = match options.table.map(parts) {
        None | Some((ROOT, ..)) => (root, 0),
        Some((id, bucket, _)) => match tables.place(id) {
            Some(place) => (place, bucket),
            None => return invalid("there is no such table"),
        },
    };
    let link = link(context, options.link)?;
    let Some(table) = context.tables.get_mut(place) else { return Err(FilterError::NotFound) };
    if bucket > table.mask {
        return invalid("the table has no such bucket");
    }
    let id = match parts(handle) {
        _ if handle == 0 => table.free_node(bucket).ok_or(FilterError::NoHandleLeft)?,
        (id, ..) if id != 0 && id != table.id => return invalid("the handle is of another table"),
        (.., 0) => return invalid("a node's handle has a node"),
        (.., node) => node,
    };
    let handle = handle_of(table.id, bucket, id);
    let Some(selector) = &options.selector else { return invalid("a node needs a selector") };
    if selector.keys.len() > MOST_KEYS {
        return invalid("a node has at most 255 keys");
    }
    let Some(nodes) = table.bucket_mut(bucket) else { return Err(FilterError::NotFound) };
    let Err(at) = nodes.binary_search_by_key(&id, |node| node.id) else { return Err(FilterError::HandleInUse) };
    nodes.insert(at, Node::new(id, selector, options, link, actions));
    context.tables.nodes += 1;
    count_link(context, link, 1);
    context.name(options.class);
    Ok(handle)
}

/// Changes what a node does with a packet that it matches, but not what it matches.
fn change_node(context: &mut ChangeContext<'_>, handle: u32, options: &U32Node) -> Result<u32, FilterError> {
    let (id, bucket, number) = parts(handle);
    if number == 0 {
        return invalid("a table cannot be changed");
    }
    let actions = Actions::new(&options.actions, context.now())?;
    let new_link = link(context, options.link)?;
    let Some(node) = node(context, id, bucket, number) else { return Err(FilterError::NotFound) };
    let (before, class) = (node.link, node.class);
    if options.link.is_some() {
        node.link = new_link;
    }
    node.class = options.class;
    node.input = options.input.or(node.input);
    node.actions = actions;
    if options.link.is_some() {
        count_link(context, new_link, 1);
        count_link(context, before, -1);
    }
    context.name(options.class);
    context.release(class);
    Ok(handle)
}

fn node<'c>(context: &'c mut ChangeContext<'_>, id: u16, bucket: u8, number: u16) -> Option<&'c mut Node> {
    let place = context.tables.place(id)?;
    let nodes = context.tables.get_mut(place)?.bucket_mut(bucket)?;
    let at = nodes.binary_search_by_key(&number, |node| node.id).ok()?;
    nodes.get_mut(at)
}

/// Where the table is that a node is to link to.
fn link(context: &mut ChangeContext<'_>, link: Option<u32>) -> Result<Option<u16>, FilterError> {
    let id = match link.map(parts) {
        None | Some((0, 0, 0)) => return Ok(None),
        Some((id, 0, 0)) => id,
        Some(_) => return invalid("a link is to a table"),
    };
    let Some(place) = context.tables.place(id) else { return invalid("there is no such table to link to") };
    match context.tables.get_mut(place) {
        Some(table) if table.is_root => invalid("a root table cannot be linked to"),
        _ => Ok(Some(place)),
    }
}

fn count_link(context: &mut ChangeContext<'_>, link: Option<u16>, more: isize) {
    if let Some(table) = link.and_then(|place| context.tables.get_mut(place)) {
        table.links = table.links.saturating_add_signed(more);
    }
}

/// Deletes a node, or a table with its nodes; tells whether nothing is left for which a priority is needed.
pub(super) fn delete(context: &mut ChangeContext<'_>, handle: u32) -> Result<bool, FilterError> {
    let (id, bucket, number) = parts(handle);
    let place = context.tables.place(id).ok_or(FilterError::NotFound)?;
    let Some(table) = context.tables.get_mut(place) else { return Err(FilterError::NotFound) };
    if (bucket, number) == (0, 0) {
        if table.is_root {
            return invalid("a root table goes with its priority");
        }
        if table.links > 0 {
            return Err(FilterError::Busy);
        }
        remove_table(context, place);
    } else {
        let nodes = table.bucket_mut(bucket).ok_or(FilterError::NotFound)?;
        let at = nodes.binary_search_by_key(&number, |node| node.id).map_err(|_| FilterError::NotFound)?;
        let node = nodes.remove(at);
        forget(context, &node);
    }
    Ok(context.tables.priorities == 1 && context.tables.nodes == 0)
}

/// A priority goes: its root table too, and with the last priority all tables.
pub(super) fn clear(root: u16, context: &mut ChangeContext<'_>) {
    remove_table(context, root);
    context.tables.priorities -= 1;
    if context.tables.priorities == 0 {
        for mut table in context.tables.take().into_tables() {
            table.take_nodes().for_each(|node| context.release(node.class));
        }
    }
}

fn remove_table(context: &mut ChangeContext<'_>, place: u16) {
    if let Some(mut table) = context.tables.remove(place) {
        let nodes = Table::take_nodes(&mut table);
        nodes.for_each(|node| forget(context, &node));
    }
}

fn forget(context: &mut ChangeContext<'_>, node: &Node) {
    context.tables.nodes -= 1;
    count_link(context, node.link, -1);
    context.release(node.class);
}
