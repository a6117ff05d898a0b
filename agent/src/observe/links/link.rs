//! One interface, `RTM_NEWLINK`.

use linux_raw_sys::netlink as uapi;

use super::super::netlink::{Attributes, NetlinkError, attribute, body, text};
use super::super::nic::links::HEADER_BYTES;
use super::kinds;
use crate::facts::hooks::{Xdp, XdpMode};
use crate::facts::links::{Link, OperationalState};

/// An interface and the XDP programs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The interface.
    pub link: Link,
    /// Programs on its XDP hook; several when driver and core each run one.
    pub xdp: Vec<Xdp>,
}

/// The question for all interfaces, counters left out: they make up most of an answer.
pub(super) fn question() -> Vec<u8> {
    let skip = uapi::RTEXT_FILTER_SKIP_STATS.to_ne_bytes();
    body(&[0; HEADER_BYTES], &[attribute(uapi::IFLA_EXT_MASK as u16, &skip)])
}

/// Reads one `RTM_NEWLINK` message; total on any bytes.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when the header, the name or the MTU is missing or cut short.
pub fn parse(answer: &[u8]) -> Result<Seen, NetlinkError> {
    // `struct ifinfomsg`: family, padding, type, index, flags, change.
    let (header, attributes) = Attributes::with_header::<HEADER_BYTES>(answer)?;
    let [.., a, b, c, d, e, f, g, h, _, _, _, _] = *header;
    let (index, flags) = (u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h]));
    let missing = |what| move || NetlinkError::malformed(what, "a link without");
    let info = attributes.nested(uapi::IFLA_LINKINFO as u16)?;
    let kind = info.text(uapi::IFLA_INFO_KIND as u16);
    let data = match &kind {
        Some(kind) => kinds::data(kind, &info.nested(uapi::IFLA_INFO_DATA as u16)?)?,
        None => None,
    };
    let link = Link {
        index,
        name: attributes.text(uapi::IFLA_IFNAME as u16).ok_or_else(missing("a name"))?,
        alternative_names: alternative_names(&attributes)?,
        data,
        master: attributes.u32(uapi::IFLA_MASTER as u16)?.filter(|it| *it != 0),
        port_kind: info.text(uapi::IFLA_INFO_SLAVE_KIND as u16),
        kind,
        peer: attributes.u32(uapi::IFLA_LINK as u16)?.filter(|it| *it != 0),
        peer_namespace: attributes.array(uapi::IFLA_LINK_NETNSID as u16)?.map(i32::from_ne_bytes),
        mtu_bytes: attributes.u32(uapi::IFLA_MTU as u16)?.ok_or_else(missing("an MTU"))?,
        flags,
        state: state(attributes.u8(uapi::IFLA_OPERSTATE as u16)?),
        mac: attributes.mac(uapi::IFLA_ADDRESS as u16),
        alias: attributes.text(uapi::IFLA_IFALIAS as u16),
    };
    Ok(Seen { link, xdp: xdp(index, &attributes.nested(uapi::IFLA_XDP as u16)?)? })
}

fn alternative_names(attributes: &Attributes<'_>) -> Result<Vec<String>, NetlinkError> {
    let properties = attributes.nested(uapi::IFLA_PROP_LIST as u16)?;
    let names = properties.iter().filter(|(kind, _)| *kind == uapi::IFLA_ALT_IFNAME as u16);
    Ok(names.map(|(_, value)| text(value)).collect())
}

/// `IF_OPER_*`; a number that no kernel has says nothing.
fn state(number: Option<u8>) -> OperationalState {
    match number {
        Some(1) => OperationalState::NotPresent,
        Some(2) => OperationalState::Down,
        Some(3) => OperationalState::LowerLayerDown,
        Some(4) => OperationalState::Testing,
        Some(5) => OperationalState::Dormant,
        Some(6) => OperationalState::Up,
        _ => OperationalState::Unknown,
    }
}

/// The programs of `IFLA_XDP`; the kernel names each under the attribute of its mode
/// (`rtnl_xdp_report_one()` of `net/core/rtnetlink.c`, Linux 4.19).
fn xdp(link: u32, attributes: &Attributes<'_>) -> Result<Vec<Xdp>, NetlinkError> {
    let modes = [
        (uapi::IFLA_XDP_DRV_PROG_ID, XdpMode::Driver),
        (uapi::IFLA_XDP_SKB_PROG_ID, XdpMode::Generic),
        (uapi::IFLA_XDP_HW_PROG_ID, XdpMode::Offload),
    ];
    let mut programs = Vec::new();
    for (kind, mode) in modes {
        let id = attributes.u32(kind as u16)?.filter(|it| *it != 0);
        programs.extend(id.map(|program_id| Xdp { link, mode, program_id }));
    }
    Ok(programs)
}
