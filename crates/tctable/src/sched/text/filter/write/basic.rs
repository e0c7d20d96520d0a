use std::fmt::{self, Display};

use crate::sched::{CmpLayer, CmpOperator, Ematch, MetaKey, MetaValue};

/// An expression.
pub(super) fn text(ematch: &Ematch) -> impl Display + '_ {
    fmt::from_fn(move |f| write(ematch, f))
}

fn write(ematch: &Ematch, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match ematch {
        Ematch::And(all) => write_all(all, "and", f),
        Ematch::Or(all) => write_all(all, "or", f),
        Ematch::Not(one) => {
            f.write_str("not ")?;
            write_term(one, f)
        }
        Ematch::Cmp(cmp) => {
            write!(f, "cmp( u{} at {} layer {}", u32::from(cmp.align) * 8, cmp.at, layer(cmp.layer))?;
            if cmp.mask != 0 {
                write!(f, " mask {:#x}", cmp.mask)?;
            }
            if cmp.is_little_endian {
                f.write_str(" trans")?;
            }
            write!(f, " {} {} )", operator(cmp.operator), cmp.value)
        }
        Ematch::U32(u32) => {
            write!(f, "u32( u32 {:#x} {:#x} at {} )", u32.key.value, u32.key.mask, u32.key.at)
        }
        Ematch::Nbyte(nbyte) => {
            let needle = String::from_utf8_lossy(&nbyte.needle);
            write!(f, "nbyte( \"{needle}\" at {} layer {} )", nbyte.at, layer(nbyte.layer))
        }
        Ematch::Meta(meta) => {
            f.write_str("meta( ")?;
            write_value(meta.left, f)?;
            write!(f, " {} ", operator(meta.operator))?;
            write_value(meta.right, f)?;
            f.write_str(" )")
        }
    }
}

fn write_all(all: &[Ematch], word: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (at, one) in all.iter().enumerate() {
        if at > 0 {
            write!(f, " {word} ")?;
        }
        write_term(one, f)?;
    }
    Ok(())
}

fn write_term(ematch: &Ematch, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match ematch {
        Ematch::And(_) | Ematch::Or(_) | Ematch::Not(_) => write!(f, "( {} )", text(ematch)),
        _ => write(ematch, f),
    }
}

fn layer(layer: CmpLayer) -> &'static str {
    match layer {
        CmpLayer::Link => "link",
        CmpLayer::Network => "network",
        CmpLayer::Transport => "transport",
    }
}

fn operator(operator: CmpOperator) -> &'static str {
    match operator {
        CmpOperator::Equal => "eq",
        CmpOperator::Less => "lt",
        CmpOperator::Greater => "gt",
    }
}

fn write_value(value: MetaValue, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (key, shift, mask) = match value {
        MetaValue::Number(number) => return write!(f, "{number}"),
        MetaValue::Key { key, shift, mask } => (key, shift, mask),
    };
    f.write_str(match key {
        MetaKey::Random => "random",
        MetaKey::Mark => "nf_mark",
        MetaKey::Priority => "priority",
        MetaKey::Length => "pkt_len",
        MetaKey::LinkLength => "mac_len",
        MetaKey::Vlan => "vlan",
    })?;
    if shift != 0 {
        write!(f, " shift {shift}")?;
    }
    if mask != 0 {
        write!(f, " mask {mask:#x}")?;
    }
    Ok(())
}
