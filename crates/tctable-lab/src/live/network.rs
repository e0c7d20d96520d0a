//! A small network: clients, a gateway and servers, each in a namespace of its own, joined by veth.
//!
//! ```text
//!  client 0 ─┐                                  ┌─ server 0
//!  client 1 ─┼─ switch ── lan [gateway] wan ── switch ─┤
//!  client 2 ─┘                                  └─ server 1
//! ```
//!
//! Nobody says anything unasked: neighbours are written down beforehand, and without ARP (which stands for neighbour discovery too) no
//! groups are joined, so that what interfaces count is what was sent on purpose, to the byte.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use super::namespace::Namespace;

/// The gateway's interface on the clients' side.
pub const LAN: &str = "lan";
/// The gateway's interface on the servers' side.
pub const WAN: &str = "wan";
/// The interface of a client or server.
pub const INTERFACE: &str = "eth0";

/// How long links may take to come up.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the gateway's two interfaces do with what is for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing: a program bridges them, and a neighbour is who has the address.
    InLine,
    /// The gateway's kernel routes: its interfaces are everybody's neighbour.
    Routed,
}

/// How large it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Hosts on the clients' side.
    pub clients: u8,
    /// Hosts on the servers' side.
    pub servers: u8,
    /// Bytes of an IP packet.
    pub mtu: u32,
}

impl Default for Size {
    fn default() -> Self {
        Size { clients: 4, servers: 2, mtu: 1500 }
    }
}

/// One machine in it.
#[derive(Clone, Debug)]
pub struct Host {
    /// Where it is.
    pub namespace: Namespace,
    /// Its IPv4 address.
    pub v4: Ipv4Addr,
    /// Its IPv6 address.
    pub v6: Ipv6Addr,
    mac: [u8; 6],
}

impl Host {
    fn new(side: Side, name: &str, number: u8) -> Result<Host, Error> {
        let last = FIRST + number;
        Ok(Host { namespace: silent(name)?, v4: side.v4(last), v6: side.v6(last), mac: side.mac(last) })
    }

    /// Once its interface is there.
    fn configure(&self) -> Result<(), Error> {
        self.namespace.set_sysctl("net.ipv4.ping_group_range", "0 2147483647")?;
        self.namespace.ip_batch(&format!(
            "link set dev {INTERFACE} arp off multicast off addrgenmode none up\n\
             addr add {}/24 dev {INTERFACE}\naddr add {}/64 dev {INTERFACE} nodad\n",
            self.v4, self.v6,
        ))
    }

    /// Its Ethernet address.
    pub fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// Its addresses.
    pub fn addresses(&self) -> [IpAddr; 2] {
        [self.v4.into(), self.v6.into()]
    }
}

/// The whole; it goes, with everything in it, when it and whatever entered its namespaces ends.
#[derive(Debug)]
pub struct Network {
    /// On the clients' side.
    pub clients: Vec<Host>,
    /// On the servers' side.
    pub servers: Vec<Host>,
    /// Where the gateway is.
    pub gateway: Namespace,
    /// The switches, which nobody needs but for their being there.
    switches: Vec<Namespace>,
}

/// A side of the gateway: `10.NET.0.0/24`, `fdNET::/64`.
#[derive(Clone, Copy)]
struct Side {
    net: u8,
    interface: &'static str,
    mac: [u8; 6],
}

const SIDES: [Side; 2] = [
    Side { net: 71, interface: LAN, mac: [2, 0, 0, 0, 0, 0x71] },
    Side { net: 72, interface: WAN, mac: [2, 0, 0, 0, 0, 0x72] },
];

/// The Ethernet address of the gateway's interface on the clients' side.
pub const LAN_MAC: [u8; 6] = SIDES[0].mac;

impl Side {
    fn v4(self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, self.net, 0, host)
    }

    fn v6(self, host: u8) -> Ipv6Addr {
        Ipv6Addr::new(0xfd00 | u16::from(self.net), 0, 0, 0, 0, 0, 0, host.into())
    }

    fn mac(self, host: u8) -> [u8; 6] {
        [2, 0, 0, self.net, 0, host]
    }
}

/// Addresses of hosts begin here.
const FIRST: u8 = 11;

/// As `ip` writes it.
fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(":")
}

/// Says nothing by itself.
const SILENT: [(&str, &str); 6] = [
    ("net.ipv6.conf.all.accept_dad", "0"),
    ("net.ipv6.conf.default.accept_dad", "0"),
    ("net.ipv6.conf.default.router_solicitations", "0"),
    ("net.ipv6.conf.default.accept_ra", "0"),
    ("net.ipv6.conf.default.dad_transmits", "0"),
    ("net.ipv4.conf.all.send_redirects", "0"),
];

fn silent(name: &str) -> Result<Namespace, Error> {
    let namespace = Namespace::new(name)?;
    for (name, value) in SILENT {
        namespace.set_sysctl(name, value)?;
    }
    Ok(namespace)
}

impl Network {
    /// Builds it.
    ///
    /// # Errors
    /// [`Error::NotRoot`], [`Error::NoTool`] without `ip`.
    pub fn build(size: Size, form: Form) -> Result<Network, Error> {
        let gateway = silent("gateway")?;
        let switches = vec![silent("clients' switch")?, silent("servers' switch")?];
        let mut hosts = [Vec::new(), Vec::new()];
        for (number, (side, switch)) in SIDES.iter().zip(&switches).enumerate() {
            let count = [size.clients, size.servers][number];
            make_switch(*side, switch, &gateway, size.mtu)?;
            for host in 0..count {
                let name = format!("{} {host}", ["client", "server"][number]);
                hosts[number].push(make_host(*side, &name, host, switch, size.mtu)?);
            }
        }
        let [clients, servers] = hosts;
        Network { clients, servers, gateway, switches }.finish(form)
    }

    fn finish(self, form: Form) -> Result<Network, Error> {
        self.introduce(form)?;
        if form == Form::Routed {
            self.route()?;
        }
        self.wait()?;
        Ok(self)
    }

    /// Until the links are up, which the kernel sees to in its own time.
    fn wait(&self) -> Result<(), Error> {
        let since = Instant::now();
        let ports = match self.switches.len() {
            0 => 0,
            switches => self.clients.len() + self.servers.len() + switches,
        };
        loop {
            let mut up = 0;
            for switch in &self.switches {
                up += switch.command("bridge", &["-oneline", "link"])?.matches("state forwarding").count();
            }
            let mut down = 0;
            for host in self.clients.iter().chain(&self.servers).map(|host| &host.namespace).chain([&self.gateway]) {
                let links = host.command("ip", &["-oneline", "link", "show", "type", "veth"])?;
                down += links.lines().filter(|line| !line.contains("state UP")).count();
            }
            if up == ports && down == 0 {
                return Ok(());
            }
            if since.elapsed() > PATIENCE {
                let what = format!("{up} of {ports} ports forward, and {down} interfaces are down");
                return Err(Error::Io { what, reason: ErrorKind::TimedOut.into() });
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// One client and one server, each at the other end of the gateway's own link: nothing is between them that takes time.
    ///
    /// # Errors
    /// As [`Network::build`].
    pub fn direct(mtu: u32, form: Form) -> Result<Network, Error> {
        let gateway = silent("gateway")?;
        let mut hosts = Vec::new();
        for (side, name) in SIDES.into_iter().zip(["client", "server"]) {
            let host = Host::new(side, name, 0)?;
            gateway.ip_batch(&format!(
                "link add {lan} mtu {mtu} address {own} type veth peer name {INTERFACE} mtu {mtu} address {mac} netns {path}\n\
                 link set dev {lan} arp off multicast off addrgenmode none up\n",
                lan = side.interface,
                own = mac(side.mac),
                mac = mac(host.mac),
                path = host.namespace.path(),
            ))?;
            host.configure()?;
            hosts.push(vec![host]);
        }
        let [clients, servers] = <[_; 2]>::try_from(hosts).expect("two sides");
        Network { clients, servers, gateway, switches: Vec::new() }.finish(form)
    }

    /// Everybody learns where the others are.
    fn introduce(&self, form: Form) -> Result<(), Error> {
        let sides =
            [(&self.clients, &self.servers, SIDES[0], SIDES[1]), (&self.servers, &self.clients, SIDES[1], SIDES[0])];
        for (here, there, own, other) in sides {
            for host in here {
                let mut lines = format!(
                    "route add {}/24 dev {INTERFACE}\nroute add {}/64 dev {INTERFACE}\n",
                    other.v4(0),
                    other.v6(0)
                );
                for friend in here.iter().chain(there.iter()) {
                    let far = friend.v4.octets()[1] == other.net;
                    let mac = mac(if far && form == Form::Routed { own.mac } else { friend.mac });
                    for address in friend.addresses() {
                        if !host.addresses().contains(&address) {
                            let _ =
                                writeln!(lines, "neigh replace {address} lladdr {mac} dev {INTERFACE} nud permanent");
                        }
                    }
                }
                host.namespace.ip_batch(&lines)?;
            }
        }
        Ok(())
    }

    /// The gateway's kernel forwards.
    fn route(&self) -> Result<(), Error> {
        let mut lines = String::new();
        for (hosts, side) in [(&self.clients, SIDES[0]), (&self.servers, SIDES[1])] {
            let dev = side.interface;
            let _ = writeln!(lines, "addr add {}/24 dev {dev}\naddr add {}/64 dev {dev} nodad", side.v4(1), side.v6(1));
            for host in hosts {
                for address in host.addresses() {
                    let _ = writeln!(lines, "neigh replace {address} lladdr {} dev {dev} nud permanent", mac(host.mac));
                }
            }
        }
        self.gateway.ip_batch(&lines)?;
        self.gateway.set_sysctl("net.ipv4.ip_forward", "1")?;
        self.gateway.set_sysctl("net.ipv6.conf.all.forwarding", "1")
    }

    /// Everybody's namespace.
    pub fn namespaces(&self) -> impl Iterator<Item = &Namespace> {
        let hosts = self.clients.iter().chain(&self.servers).map(|host| &host.namespace);
        [&self.gateway].into_iter().chain(&self.switches).chain(hosts)
    }
}

/// A bridge, and the gateway's interface at the other end of one of its ports.
fn make_switch(side: Side, switch: &Namespace, gateway: &Namespace, mtu: u32) -> Result<(), Error> {
    // It has no address and would tell that to everybody (MLD).
    switch.set_sysctl("net.ipv6.conf.all.disable_ipv6", "1")?;
    switch.set_sysctl("net.ipv6.conf.default.disable_ipv6", "1")?;
    switch.ip_batch(&format!(
        "link add bridge type bridge stp_state 0 mcast_snooping 0 forward_delay 0\n\
         link set dev bridge mtu {mtu} addrgenmode none up\n\
         link add gateway mtu {mtu} type veth peer name {lan} mtu {mtu} address {mac} netns {path}\n\
         link set dev gateway master bridge addrgenmode none up\n\
         link set dev gateway type bridge_slave learning off\n",
        lan = side.interface,
        mac = mac(side.mac),
        path = gateway.path(),
    ))?;
    gateway.ip_batch(&format!("link set dev {0} arp off multicast off addrgenmode none up\n", side.interface))
}

fn make_host(side: Side, name: &str, number: u8, switch: &Namespace, mtu: u32) -> Result<Host, Error> {
    let host = Host::new(side, name, number)?;
    switch.ip_batch(&format!(
        "link add port{number} mtu {mtu} type veth peer name {INTERFACE} mtu {mtu} address {mac} netns {path}\n\
         link set dev port{number} master bridge addrgenmode none up\n\
         link set dev port{number} type bridge_slave flood off learning off\n",
        mac = mac(host.mac),
        path = host.namespace.path(),
    ))?;
    let port = format!("port{number}");
    // What is not for a host here is beyond the gateway: nobody else sees it.
    switch.command("bridge", &["fdb", "add", &mac(host.mac), "dev", &port, "master", "static"])?;
    host.configure()?;
    Ok(host)
}
