//! The fastest ports that a device has.

use super::{PacketConfig, PacketSocket, Port, PortError};

/// Ports of a device, one for each shard.
pub struct Best {
    /// They are all of one kind.
    pub ports: Vec<Box<dyn Port + Send>>,
    /// Why they are packet sockets where AF_XDP was asked for, in one line.
    pub instead: Option<String>,
}

/// Opens a device by AF_XDP where that is built in and the device can, by packet sockets otherwise.
///
/// # Errors
/// Where packet sockets cannot be opened either.
pub fn open_best(config: &PacketConfig, shards: usize) -> Result<Best, PortError> {
    let instead = match xdp(config, shards) {
        Ok(ports) => return Ok(Best { ports, instead: None }),
        Err(why) => Some(format!("packet sockets instead of AF_XDP: {why}")),
    };
    let ports = PacketSocket::open_shards(config, shards)?;
    Ok(Best { ports: ports.into_iter().map(|port| Box::new(port) as Box<dyn Port + Send>).collect(), instead })
}

#[cfg(feature = "xdp")]
fn xdp(config: &PacketConfig, shards: usize) -> Result<Vec<Box<dyn Port + Send>>, String> {
    use super::{Role, XdpConfig, XdpSocket};

    if config.role == Role::Watch {
        return Err(format!("{}: it would take frames from those that they are for", config.device));
    }
    let xdp = XdpConfig {
        device: config.device.clone(),
        id: config.id,
        slots: config.slots,
        promiscuous: config.promiscuous,
    };
    let ports = XdpSocket::open_shards(&xdp, shards).map_err(|error| error.to_string())?;
    Ok(ports.into_iter().map(|port| Box::new(port) as Box<dyn Port + Send>).collect())
}

#[cfg(not(feature = "xdp"))]
fn xdp(_: &PacketConfig, _: usize) -> Result<Vec<Box<dyn Port + Send>>, String> {
    Err("this program was built without it".to_owned())
}
