//! Opens the interfaces.

use tctable::packet::DeviceId;
use tctable_io::port::{PacketConfig, PacketSocket, PortError, Role};

use crate::config::{Form, Settings};
use crate::forward::OwnPort;

/// The ports of all shards: by shard, then by device.
pub(crate) struct Opened {
    pub(crate) ports: Vec<Vec<OwnPort>>,
    /// The MTU of each device.
    pub(crate) mtus: Vec<u32>,
}

/// Opens what the settings name, for each shard.
pub(crate) fn open(settings: &Settings) -> Result<Opened, PortError> {
    let shards = settings.shards;
    let mut opened = Opened { ports: (0..shards).map(|_| Vec::new()).collect(), mtus: Vec::new() };
    let role = match settings.form {
        Form::Watch { .. } => Role::Watch,
        Form::InLine { .. } | Form::Tun { .. } => Role::InLine,
    };
    for (at, name) in (0..).zip(settings.form.interfaces()) {
        let sockets = PacketSocket::open_shards(&PacketConfig::new(name, DeviceId(at), role), shards)?;
        opened.mtus.push(sockets.first().map_or(1500, PacketSocket::mtu));
        for (ports, socket) in opened.ports.iter_mut().zip(sockets) {
            ports.push(Box::new(socket));
        }
    }
    Ok(opened)
}

/// Where what comes by each device goes on.
pub(crate) fn ways(settings: &Settings) -> Vec<Option<usize>> {
    match &settings.form {
        Form::InLine { .. } => vec![Some(1), Some(0)],
        Form::Tun { .. } => vec![Some(0)],
        Form::Watch { interfaces } => vec![None; interfaces.len()],
    }
}
