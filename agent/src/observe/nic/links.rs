//! The list of interfaces, by rtnetlink(7) `RTM_GETLINK`.

use linux_raw_sys::netlink as uapi;
use netlink_sys::protocols::NETLINK_ROUTE;
use serde::{Deserialize, Serialize};

use super::super::netlink::{Attributes, Connection, NetlinkError, attribute, body};
use crate::facts::Observed;

/// `struct ifinfomsg` of `include/uapi/linux/rtnetlink.h`.
pub(in crate::observe) const HEADER_BYTES: usize = 16;

/// What rtnetlink says of one interface; the fields are those of [`crate::facts::nic::Nic`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub(super) name: String,
    pub(in crate::observe) ifindex: u32,
    pub(super) kind: Option<String>,
    pub(super) up: bool,
    pub(super) mtu_bytes: u32,
    pub(super) gso_max_bytes: Option<u32>,
    pub(super) gro_max_bytes: Option<u32>,
    pub(super) tso_max_bytes: Option<u32>,
    pub(super) gso_ipv4_max_bytes: Option<u32>,
    pub(super) gro_ipv4_max_bytes: Option<u32>,
}

/// Lists the interfaces of the calling thread's network namespace, by index.
pub(super) fn links() -> Observed<Vec<Link>> {
    dump().into()
}

fn dump() -> Result<Vec<Link>, NetlinkError> {
    // Counters make up most of an answer and no fact needs them.
    let skip = attribute(uapi::IFLA_EXT_MASK as u16, &uapi::RTEXT_FILTER_SKIP_STATS.to_ne_bytes());
    let question = body(&[0; HEADER_BYTES], &[skip]);
    let answers = Connection::open(NETLINK_ROUTE)?.dump(libc::RTM_GETLINK, &question)?;
    let mut links: Vec<Link> = answers.iter().map(|it| parse(it)).collect::<Result<_, _>>()?;
    links.sort_by_key(|it| it.ifindex);
    Ok(links)
}

/// Reads one `RTM_NEWLINK` message; total on any bytes.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when the header, the name or the MTU is missing or cut short.
pub fn parse(answer: &[u8]) -> Result<Link, NetlinkError> {
    let attributes = Attributes::after(answer, HEADER_BYTES)?;
    let missing = |what| move || NetlinkError::malformed(what, "a link without");
    let number = |at: usize| answer.get(at..at + 4).and_then(|it| it.try_into().ok());
    let ifindex = number(4).map(u32::from_ne_bytes).ok_or_else(missing("an index"))?;
    let flags = number(8).map(i32::from_ne_bytes).ok_or_else(missing("flags"))?;
    let size = |kind: uapi::_bindgen_ty_2| attributes.u32(kind as u16);
    Ok(Link {
        name: attributes.text(uapi::IFLA_IFNAME as u16).ok_or_else(missing("a name"))?,
        ifindex,
        kind: attributes.nested(uapi::IFLA_LINKINFO as u16)?.text(uapi::IFLA_INFO_KIND as u16),
        up: flags & libc::IFF_UP != 0 && flags & libc::IFF_LOOPBACK == 0,
        mtu_bytes: size(uapi::IFLA_MTU)?.ok_or_else(missing("an MTU"))?,
        gso_max_bytes: size(uapi::IFLA_GSO_MAX_SIZE)?,
        gro_max_bytes: size(uapi::IFLA_GRO_MAX_SIZE)?,
        tso_max_bytes: size(uapi::IFLA_TSO_MAX_SIZE)?,
        gso_ipv4_max_bytes: size(uapi::IFLA_GSO_IPV4_MAX_SIZE)?,
        gro_ipv4_max_bytes: size(uapi::IFLA_GRO_IPV4_MAX_SIZE)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's own messages, cut at every length and with every byte broken.
    #[test]
    fn no_bytes_make_it_panic_and_no_cut_header_reads_as_a_link() {
        let mut route = Connection::open(NETLINK_ROUTE).unwrap();
        for whole in route.dump(libc::RTM_GETLINK, &[0; HEADER_BYTES]).unwrap() {
            assert!(parse(&whole).is_ok());
            for end in 0..whole.len() {
                let cut = parse(&whole[..end]);
                assert!(end > HEADER_BYTES || cut.is_err());
            }
            for at in 0..whole.len() {
                let mut broken = whole.clone();
                broken[at] ^= 0xff;
                let _ = parse(&broken);
            }
        }
    }

    #[test]
    fn a_link_without_an_mtu_is_malformed() {
        let name = attribute(uapi::IFLA_IFNAME as u16, b"eth0\0");
        let mtu = attribute(uapi::IFLA_MTU as u16, &1500_u32.to_ne_bytes());
        assert!(parse(&body(&[0; HEADER_BYTES], &[name.clone(), mtu])).is_ok());
        assert!(parse(&body(&[0; HEADER_BYTES], &[name])).is_err());
    }
}
