//! What each kind of interface says of itself, `IFLA_INFO_DATA`.

use linux_raw_sys::netlink as uapi;

use super::super::netlink::{Attributes, NetlinkError};
use crate::facts::links::{LinkData, Netkit, NetkitMode, NetkitPolicy, Tunnel};

// `include/uapi/linux/if_tunnel.h`, which `linux-raw-sys` does not have.
const IFLA_IPTUN_LOCAL: u16 = 2;
const IFLA_IPTUN_REMOTE: u16 = 3;
const IFLA_IPTUN_COLLECT_METADATA: u16 = 19;
const IFLA_GRE_LOCAL: u16 = 6;
const IFLA_GRE_REMOTE: u16 = 7;
const IFLA_GRE_COLLECT_METADATA: u16 = 18;

/// `enum netkit_mode` and `enum netkit_action` of `include/uapi/linux/if_link.h`.
const NETKIT_L2: u32 = 0;
const NETKIT_PASS: u32 = 0;
const NETKIT_DROP: u32 = 2;

/// The data of the kinds that a verdict may rest on; `None`: of another kind.
pub(super) fn data(kind: &str, it: &Attributes<'_>) -> Result<Option<LinkData>, NetlinkError> {
    Ok(Some(match kind {
        "vxlan" => LinkData::Vxlan(vxlan(it)?),
        "geneve" => LinkData::Geneve(geneve(it)?),
        "netkit" => LinkData::Netkit(netkit(it)?),
        "vlan" => LinkData::Vlan { id: it.u16(uapi::IFLA_VLAN_ID as u16)?.unwrap_or_default() },
        "ipip" | "sit" | "ip6tnl" => {
            let [local, remote] = [IFLA_IPTUN_LOCAL, IFLA_IPTUN_REMOTE];
            ip(it, local, remote, IFLA_IPTUN_COLLECT_METADATA)?
        }
        "gre" | "gretap" | "ip6gre" | "ip6gretap" => {
            ip(it, IFLA_GRE_LOCAL, IFLA_GRE_REMOTE, IFLA_GRE_COLLECT_METADATA)?
        }
        _ => return Ok(None),
    }))
}

fn vxlan(it: &Attributes<'_>) -> Result<Tunnel, NetlinkError> {
    let flag = |kind| Ok::<_, NetlinkError>(it.u8(kind)?.map(|it| it != 0));
    let either = |v4, v6| Ok::<_, NetlinkError>(it.address(v4)?.or(it.address(v6)?));
    Ok(Tunnel {
        id: it.u32(uapi::IFLA_VXLAN_ID as u16)?,
        port: it.array(uapi::IFLA_VXLAN_PORT as u16)?.map(u16::from_be_bytes),
        collects_metadata: flag(uapi::IFLA_VXLAN_COLLECT_METADATA as u16)?.unwrap_or_default(),
        local: either(uapi::IFLA_VXLAN_LOCAL as u16, uapi::IFLA_VXLAN_LOCAL6 as u16)?,
        remote: either(uapi::IFLA_VXLAN_GROUP as u16, uapi::IFLA_VXLAN_GROUP6 as u16)?,
        learns: flag(uapi::IFLA_VXLAN_LEARNING as u16)?,
        lower: it.u32(uapi::IFLA_VXLAN_LINK as u16)?.filter(|it| *it != 0),
    })
}

fn geneve(it: &Attributes<'_>) -> Result<Tunnel, NetlinkError> {
    let (v4, v6) = (uapi::IFLA_GENEVE_REMOTE as u16, uapi::IFLA_GENEVE_REMOTE6 as u16);
    Ok(Tunnel {
        id: it.u32(uapi::IFLA_GENEVE_ID as u16)?,
        port: it.array(uapi::IFLA_GENEVE_PORT as u16)?.map(u16::from_be_bytes),
        // A flag: there or not there.
        collects_metadata: it.get(uapi::IFLA_GENEVE_COLLECT_METADATA as u16).is_some(),
        remote: it.address(v4)?.or(it.address(v6)?),
        ..Tunnel::default()
    })
}

fn netkit(it: &Attributes<'_>) -> Result<Netkit, NetlinkError> {
    let mode = it.u32(uapi::IFLA_NETKIT_MODE as u16)?;
    let primary = it.u8(uapi::IFLA_NETKIT_PRIMARY as u16)?;
    Ok(Netkit {
        mode: if mode == Some(NETKIT_L2) { NetkitMode::L2 } else { NetkitMode::L3 },
        is_primary: primary.is_some_and(|it| it != 0),
        policy: policy(it.u32(uapi::IFLA_NETKIT_POLICY as u16)?),
        peer_policy: policy(it.u32(uapi::IFLA_NETKIT_PEER_POLICY as u16)?),
    })
}

/// Absent: the kernel's default, as for a pod's end, which tells of itself alone.
fn policy(number: Option<u32>) -> NetkitPolicy {
    match number {
        None | Some(NETKIT_PASS) => NetkitPolicy::Forward,
        Some(NETKIT_DROP) => NetkitPolicy::Blackhole,
        Some(other) => NetkitPolicy::Other(other),
    }
}

fn ip(
    it: &Attributes<'_>,
    local: u16,
    remote: u16,
    collects_metadata: u16,
) -> Result<LinkData, NetlinkError> {
    let specified = |kind| {
        let address = it.address(kind)?;
        Ok::<_, NetlinkError>(address.filter(|it| !it.is_unspecified()))
    };
    Ok(LinkData::Ip {
        local: specified(local)?,
        remote: specified(remote)?,
        collects_metadata: it.get(collects_metadata).is_some(),
    })
}
