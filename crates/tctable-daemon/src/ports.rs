//! Opens the interfaces.

use tctable::packet::DeviceId;
use tctable_io::port::{Layer, PacketConfig, PacketSocket, PortError, Role, Tun, TunConfig, mtu, open_best};
use tracing::warn;

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
    let mut opened = Opened { ports: (0..settings.shards).map(|_| Vec::new()).collect(), mtus: Vec::new() };
    for (at, name) in (0..).zip(settings.form.interfaces()) {
        let ports = device(settings, name, DeviceId(at))?;
        opened.mtus.push(mtu(name)?);
        for (of_shard, port) in opened.ports.iter_mut().zip(ports) {
            of_shard.push(port);
        }
    }
    Ok(opened)
}

fn device(settings: &Settings, name: &str, id: DeviceId) -> Result<Vec<OwnPort>, PortError> {
    let role = match settings.form {
        Form::Tun { .. } => {
            // What comes from the device goes back to it, so the kernel finishes what it left undone.
            let config = TunConfig { device: name.to_owned(), id, layer: Layer::Ip, offload: true };
            let queues = Tun::open_shards(&config, settings.shards)?;
            return Ok(queues.into_iter().map(|queue| Box::new(queue) as OwnPort).collect());
        }
        Form::InLine { .. } => Role::InLine,
        Form::Watch { .. } => Role::Watch,
    };
    let config = PacketConfig::new(name, id, role);
    if settings.xdp {
        let best = open_best(&config, settings.shards)?;
        if let Some(instead) = best.instead {
            warn!("{name}: {instead}");
        }
        return Ok(best.ports);
    }
    let sockets = PacketSocket::open_shards(&config, settings.shards)?;
    Ok(sockets.into_iter().map(|socket| Box::new(socket) as OwnPort).collect())
}

/// Where what comes by each device goes on.
pub(crate) fn ways(settings: &Settings) -> Vec<Option<usize>> {
    match &settings.form {
        Form::InLine { .. } => vec![Some(1), Some(0)],
        Form::Tun { .. } => vec![Some(0)],
        Form::Watch { interfaces } => vec![None; interfaces.len()],
    }
}
