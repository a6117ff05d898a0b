//! Open vSwitch's kernel datapath, made by generic netlink as `ovs-vswitchd` makes it: with ports,
//! and without flows, since nobody sends packets here.

use netlink_sys::protocols::NETLINK_GENERIC;

use super::kernel::{ask, assert_done, attribute};

const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

// `include/uapi/linux/openvswitch.h`; both families have the command "new" as 1.
const CMD_NEW: u8 = 1;
const OVS_DP_ATTR_NAME: u16 = 1;
const OVS_DP_ATTR_UPCALL_PID: u16 = 2;
const OVS_VPORT_ATTR_TYPE: u16 = 2;
const OVS_VPORT_ATTR_NAME: u16 = 3;
const OVS_VPORT_ATTR_UPCALL_PID: u16 = 5;

/// `enum ovs_vport_type`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Port {
    /// A link that is there.
    Netdev = 1,
    /// One that the switch makes for the host.
    Internal = 2,
}

/// Number of a generic family; `None`: the kernel has no such one, nor a module of it.
pub(super) fn family(name: &str) -> Option<u16> {
    let name = attribute(CTRL_ATTR_FAMILY_NAME, &text(name));
    let answer = message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, &name);
    // An error, with its errno after the header.
    if answer[4..6] == 2_u16.to_ne_bytes() {
        return None;
    }
    let mut rest = &answer[20..];
    while let [a, b, c, d, ..] = *rest {
        let length = usize::from(u16::from_ne_bytes([a, b]));
        if u16::from_ne_bytes([c, d]) == CTRL_ATTR_FAMILY_ID {
            return Some(u16::from_ne_bytes([rest[4], rest[5]]));
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// Makes a datapath, and with it a link of this name.
pub(super) fn datapath(family: u16, name: &str) {
    let nobody = attribute(OVS_DP_ATTR_UPCALL_PID, &[0; 4]);
    let body = [vec![0; 4], attribute(OVS_DP_ATTR_NAME, &text(name)), nobody].concat();
    assert_done(&message(family, CMD_NEW, 4, &body));
}

/// Makes a port of the datapath with this index.
pub(super) fn port(family: u16, datapath: u32, kind: Port, name: &str) {
    let body = [
        datapath.to_ne_bytes().to_vec(),
        attribute(OVS_VPORT_ATTR_TYPE, &(kind as u32).to_ne_bytes()),
        attribute(OVS_VPORT_ATTR_NAME, &text(name)),
        attribute(OVS_VPORT_ATTR_UPCALL_PID, &[0; 4]),
    ];
    assert_done(&message(family, CMD_NEW, 4, &body.concat()));
}

/// `struct genlmsghdr`, command and version, and what follows it.
fn message(family: u16, command: u8, flags: u16, body: &[u8]) -> Vec<u8> {
    // OVS_DATAPATH_VERSION is 2, that of ports 1; nobody looks at either.
    ask(NETLINK_GENERIC, family, flags, &[&[command, 1, 0, 0], body].concat())
}

fn text(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}
