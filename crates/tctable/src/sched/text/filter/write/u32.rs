use std::fmt;

use super::{Names, write_common};
use crate::sched::{U32Key, U32Node, U32Offset, U32Options, U32Selector};

pub(super) fn write(handle: u32, options: &U32Options, name: Names<'_, '_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match options {
        U32Options::Root => Ok(()),
        // A node that is told nothing has a number at least, or else it would be no node.
        U32Options::Node(node) if *node == U32Node::default() => write!(f, " order {}", handle & 0xfff),
        U32Options::Table { divisor } => write!(f, " divisor {divisor}"),
        U32Options::Node(node) => write_node(node, name, f),
    }
}

fn write_node(node: &U32Node, name: Names<'_, '_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let Some(table) = node.table {
        write!(f, " ht {:x}:{:x}:", table >> 20, table >> 12 & 0xff)?;
    }
    if let Some(selector) = &node.selector {
        write_selector(selector, node.mark.is_some(), f)?;
    }
    if let Some(mark) = node.mark {
        write!(f, " match mark {:#x} {:#x}", mark.value, mark.mask)?;
    }
    if let Some(link) = node.link {
        write!(f, " link {:x}:{:x}:", link >> 20, link >> 12 & 0xff)?;
    }
    if let Some(input) = node.input {
        write!(f, " indev {}", name(input))?;
    }
    write_common(node.class, &node.actions, name, f)
}

fn write_selector(selector: &U32Selector, has_mark: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let U32Selector { ref keys, hash_at, hash_mask, offset, eat, .. } = *selector;
    for U32Key { value, mask, at, offset_mask } in keys {
        let from = if *offset_mask == 0 { "" } else { "nexthdr+" };
        write!(f, " match u32 {value:#x} {mask:#x} at {from}{at}")?;
    }
    let hashes = (hash_at, hash_mask) != (0, 0);
    // What says nothing says at least that something is matched.
    if hashes || keys.is_empty() && offset.is_none() && !eat && !has_mark {
        write!(f, " hashkey mask {hash_mask:x} at {hash_at}")?;
    }
    if offset.is_none() && !eat {
        return Ok(());
    }
    f.write_str(" offset")?;
    if let Some(U32Offset { fixed, variable }) = offset {
        write!(f, " plus {fixed}")?;
        if let Some(variable) = variable {
            write!(f, " at {} mask {:x} shift {}", variable.at, variable.mask, variable.shift)?;
        }
    }
    if eat { f.write_str(" eat") } else { Ok(()) }
}
