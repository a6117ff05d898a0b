//! The network agents of this node: processes, sockets, endpoints, systemd units.

mod cilium;
mod endpoints;
mod files;
mod processes;
mod sockets;
mod units;

use super::Host;
use crate::facts::Observed;
use crate::facts::agents::AgentFacts;
use crate::facts::cilium::CiliumStatus;

/// Asks them all; what each question costs at most is [`super::local::LIMIT`], side by side.
pub fn agents(host: &Host) -> (AgentFacts, Observed<Option<CiliumStatus>>) {
    let heard = endpoints::hear(host);
    let agents = AgentFacts {
        processes: processes::processes(host),
        sockets: sockets::sockets(host),
        endpoints: heard.endpoints,
        units: units::units(host),
        files: files::files(host),
    };
    (agents, heard.cilium_status.map(|it| it.as_ref().map(cilium::status)))
}
