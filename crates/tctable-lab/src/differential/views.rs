use std::io;

use tctable::packet::DeviceId;
use tctable::{Gateway, text};

use super::clock::Clock;
use super::engine::Engine;
use super::runner::Differential;
use crate::kernel::{Error, Tuple};
use crate::step::{Side, Step};

/// What both sides show after the same packets.
#[derive(Clone, Debug)]
pub struct Views {
    /// The kernel.
    pub kernel: Texts,
    /// The engine.
    pub engine: Texts,
}

/// The files of `/proc/net`.
#[derive(Clone, Debug)]
pub struct Texts {
    /// `nf_conntrack`
    pub connections: String,
    /// `nf_conntrack_expect`
    pub expectations: String,
    /// `stat/nf_conntrack`
    pub statistics: String,
}

impl Differential {
    /// Sends packets through both sides, in a zone, gives marks to the connections that came of them, and reads what both
    /// show. The kernel's statistics go on from one call to the next.
    ///
    /// # Errors
    /// [`Error`] where the kernel cannot be used.
    pub fn views(&mut self, steps: &[Step], zone: u16, mark: impl Fn(&Tuple) -> Option<u32>) -> Result<Views, Error> {
        self.kernel_mut().reset()?;
        self.kernel_mut().set_zone(zone)?;
        let mut engine = Engine::new(self.config_mut().clone());
        for side in [Side::Left, Side::Right] {
            engine.gateway_mut().set_zone(DeviceId(side as u16), zone);
        }
        let clock = Clock::start()?;
        for step in steps {
            let now = clock.now()?;
            self.kernel_mut().send(step.side, &step.packet)?;
            engine.send(now, step);
        }
        for connection in self.kernel_mut().connections()? {
            if let Some(mark) = mark(&connection.original) {
                self.kernel_mut().set_mark(&connection, mark)?;
            }
        }
        set_marks(engine.gateway_mut(), mark);

        let kernel = self.kernel_mut();
        let kernel = Texts {
            connections: kernel.proc_net("nf_conntrack")?,
            expectations: kernel.proc_net("nf_conntrack_expect")?,
            statistics: kernel.proc_net("stat/nf_conntrack")?,
        };
        let gateway = engine.gateway_mut();
        gateway.handle_timeout(clock.now()?);
        let engine = Texts {
            connections: read(|out| text::nf_conntrack(gateway, out))?,
            expectations: read(|out| text::nf_conntrack_expect(gateway, out))?,
            statistics: read(|out| text::nf_conntrack_stat(gateway, out))?,
        };
        Ok(Views { kernel, engine })
    }
}

fn set_marks(gateway: &mut Gateway, mark: impl Fn(&Tuple) -> Option<u32>) {
    let connections = gateway.conntrack().iter();
    let marks: Vec<_> =
        connections.filter_map(|(id, connection)| Some((id, mark(&connection.original().into())?))).collect();
    for (id, mark) in marks {
        gateway.set_mark(id, mark);
    }
}

fn read(view: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<String> {
    let mut text = Vec::new();
    view(&mut text)?;
    String::from_utf8(text).map_err(io::Error::other)
}
