//! The inside and the outside device.

use std::fmt;

use tctable::packet::DeviceId;

/// Where a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// Inside: packets to there leave by it.
    Lan,
    /// Outside.
    Wan,
}

impl Place {
    /// Both.
    pub(crate) const ALL: [Place; 2] = [Place::Lan, Place::Wan];

    /// The engine's number for it.
    pub(crate) fn id(self) -> DeviceId {
        DeviceId(self as u16)
    }

    /// The device of that number.
    pub(crate) fn of(device: DeviceId) -> Place {
        if device == Place::Lan.id() { Place::Lan } else { Place::Wan }
    }

    /// The word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Place::Lan => "lan",
            Place::Wan => "wan",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One `--device`.
pub(crate) fn device(what: &str) -> Result<(String, Place), String> {
    let (name, place) = what.split_once('=').ok_or("no `=` in it")?;
    let place = match place {
        "lan" => Place::Lan,
        "wan" => Place::Wan,
        other => return Err(format!("{other} is neither lan nor wan")),
    };
    match name.len() {
        0 => Err("no name".to_owned()),
        // What devices can be called (IFNAMSIZ).
        1..16 => Ok((name.to_owned(), place)),
        _ => Err("a name has at most 15 bytes".to_owned()),
    }
}
