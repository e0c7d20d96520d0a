use std::sync::Arc;

use thiserror::Error;

use super::{Ftp, Helper, Irc, Pptp, Sip, Tftp, Transport};
use crate::packet::{Family, Tuple};

/// A helper of that name, protocol and family is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a helper of that name is registered already")]
pub struct AlreadyRegistered;

/// There is no helper of that name for that protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no such helper")]
pub struct UnknownHelper;

/// The helpers that connections may get.
#[derive(Clone, Debug)]
pub struct Helpers {
    list: Vec<Arc<dyn Helper>>,
    /// Whether a new connection gets the helper of its server's port by itself: the former `nf_conntrack_helper`. Off by
    /// default, as in kernels from 4.7 on: what a client writes to a port is not to open doors unless a rule says so.
    pub automatic: bool,
    rules: Vec<Rule>,
}

/// New connections of that protocol to that port get the helper of that name, as nftables' `ct helper set` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    name: String,
    protocol: u8,
    port: u16,
}

impl Default for Helpers {
    /// The built-in ones with the kernel's parameters.
    fn default() -> Self {
        let list: Vec<Arc<dyn Helper>> = vec![
            Arc::new(Ftp::default()),
            Arc::new(Tftp),
            Arc::new(Sip::new(Transport::Udp)),
            Arc::new(Sip::new(Transport::Tcp)),
            Arc::new(Irc::default()),
            Arc::new(Pptp),
        ];
        Helpers { list, automatic: false, rules: Vec::new() }
    }
}

impl Helpers {
    /// No helpers.
    pub const fn none() -> Self {
        Helpers { list: Vec::new(), automatic: false, rules: Vec::new() }
    }

    /// Adds a helper.
    ///
    /// # Errors
    /// [`AlreadyRegistered`]
    pub fn register(&mut self, helper: Arc<dyn Helper>) -> Result<(), AlreadyRegistered> {
        let families = [Family::V4, Family::V6].into_iter().filter(|family| serves(&*helper, *family));
        let mut taken = families.filter(|family| self.find(helper.name(), *family, helper.protocol()).is_some());
        if taken.next().is_some() {
            return Err(AlreadyRegistered);
        }
        self.list.push(helper);
        Ok(())
    }

    /// From now on new connections of that protocol to that port get the helper of that name.
    ///
    /// # Errors
    /// [`UnknownHelper`]
    pub fn assign(&mut self, name: &str, protocol: u8, port: u16) -> Result<(), UnknownHelper> {
        let known = |family| self.find(name, family, protocol).is_some();
        if !known(Family::V4) && !known(Family::V6) {
            return Err(UnknownHelper);
        }
        self.rules.push(Rule { name: name.to_owned(), protocol, port });
        Ok(())
    }

    /// Whether new connections may get a helper by their port.
    pub(in crate::conntrack) fn attach_by_port(&self) -> bool {
        self.automatic || !self.rules.is_empty()
    }

    /// The helper that a rule gives a new connection, from its original tuple.
    pub fn assigned(&self, original: &Tuple) -> Option<&Arc<dyn Helper>> {
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| (rule.protocol, rule.port) == (original.protocol, original.destination_port))?;
        self.find(&rule.name, original.family, original.protocol)
    }

    /// The helper of that name for that version of IP and that transport protocol.
    pub fn find(&self, name: &str, family: Family, protocol: u8) -> Option<&Arc<dyn Helper>> {
        self.of(family, protocol).find(|helper| helper.name() == name)
    }

    /// The helper that a new connection gets by itself, from its original tuple.
    pub fn automatic(&self, original: &Tuple) -> Option<&Arc<dyn Helper>> {
        if !self.automatic {
            return None;
        }
        let mut fitting = self.of(original.family, original.protocol);
        fitting.find(|helper| helper.default_ports().contains(&original.destination_port))
    }

    fn of(&self, family: Family, protocol: u8) -> impl Iterator<Item = &Arc<dyn Helper>> {
        self.list.iter().filter(move |helper| helper.protocol() == protocol && serves(&***helper, family))
    }
}

fn serves(helper: &dyn Helper, family: Family) -> bool {
    helper.family().is_none_or(|only| only == family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Address, protocol};

    #[test]
    fn helpers_are_found_by_name_protocol_and_family() {
        let helpers = Helpers::default();
        let found = |name, family, protocol| helpers.find(name, family, protocol).map(|helper| helper.name());
        for family in [Family::V4, Family::V6] {
            assert_eq!(found("ftp", family, protocol::TCP), Some("ftp"));
            assert_eq!(found("sip", family, protocol::TCP), Some("sip"));
            assert_eq!(found("sip", family, protocol::UDP), Some("sip"));
            assert_eq!(found("tftp", family, protocol::TCP), None);
        }
        assert_eq!(found("irc", Family::V4, protocol::TCP), Some("irc"));
        assert_eq!(found("irc", Family::V6, protocol::TCP), None);
        assert_eq!(found("pptp", Family::V6, protocol::TCP), None);
    }

    #[test]
    fn a_port_attaches_a_helper_only_where_asked_for() {
        let mut helpers = Helpers::default();
        let tuple = |family, proto, port| {
            let mut tuple = Tuple::new(family, proto, Address::default(), Address::default());
            tuple.destination_port = port;
            tuple
        };
        assert!(helpers.automatic(&tuple(Family::V4, protocol::TCP, 21)).is_none());
        helpers.automatic = true;
        let name = |family, proto, port| helpers.automatic(&tuple(family, proto, port)).map(|helper| helper.name());
        assert_eq!(name(Family::V4, protocol::TCP, 21), Some("ftp"));
        assert_eq!(name(Family::V6, protocol::UDP, 69), Some("tftp"));
        assert_eq!(name(Family::V4, protocol::UDP, 21), None);
        assert_eq!(name(Family::V6, protocol::TCP, 1723), None);
    }

    #[test]
    fn a_name_is_registered_once() {
        let mut helpers = Helpers::none();
        assert_eq!(helpers.register(Arc::new(Ftp { loose: true })), Ok(()));
        assert_eq!(helpers.register(Arc::new(Ftp::default())), Err(AlreadyRegistered));
        assert_eq!(helpers.register(Arc::new(Sip::new(Transport::Udp))), Ok(()));
        assert_eq!(helpers.register(Arc::new(Sip::new(Transport::Tcp))), Ok(()));
    }
}
