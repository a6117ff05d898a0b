//! What each interface can do with XDP, by the generic netlink family `netdev` (Linux 6.3).

use std::collections::{BTreeMap, BTreeSet};

use netlink_sys::protocols::NETLINK_GENERIC;

use super::super::netlink::{Attributes, Connection, NetlinkError, body, family_id};
use crate::facts::Observed;

/// `NETDEV_CMD_DEV_GET` and attributes of `include/uapi/linux/netdev.h`.
const NETDEV_CMD_DEV_GET: u8 = 1;
const NETDEV_A_DEV_IFINDEX: u16 = 1;
const NETDEV_A_DEV_XDP_FEATURES: u16 = 3;
/// `struct genlmsghdr`.
const HEADER_BYTES: usize = 4;

/// `xdp-act` of `Documentation/netlink/specs/netdev.yaml`, from bit 0 on.
const NAMES: [&str; 7] =
    ["basic", "redirect", "ndo-xmit", "xsk-zerocopy", "hw-offload", "rx-sg", "ndo-xmit-sg"];

/// Feature bits by interface index.
pub(super) type XdpFeatures = BTreeMap<u32, u64>;

/// Asks for the XDP features of all interfaces; `Known(None)`: this kernel has no such family.
pub(super) fn xdp_features() -> Observed<Option<XdpFeatures>> {
    dump().into()
}

fn dump() -> Result<Option<XdpFeatures>, NetlinkError> {
    let mut generic = Connection::open(NETLINK_GENERIC)?;
    let Some(netdev) = family_id(&mut generic, "netdev")? else { return Ok(None) };
    let answers = generic.dump(netdev, &body(&[NETDEV_CMD_DEV_GET, 1, 0, 0], &[]))?;
    answers.iter().map(|it| parse(it)).collect::<Result<_, _>>().map(Some)
}

/// Reads one answer to `NETDEV_CMD_DEV_GET`: interface index and feature bits; total on any
/// bytes.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] when either is missing or cut short.
pub fn parse(answer: &[u8]) -> Result<(u32, u64), NetlinkError> {
    let attributes = Attributes::after(answer, HEADER_BYTES)?;
    let missing = |what| move || NetlinkError::malformed(what, "an answer without");
    let ifindex = attributes.u32(NETDEV_A_DEV_IFINDEX)?.ok_or_else(missing("an index"))?;
    let bits = attributes.array(NETDEV_A_DEV_XDP_FEATURES)?.ok_or_else(missing("XDP features"))?;
    Ok((ifindex, u64::from_ne_bytes(bits)))
}

/// The kernel's names of these bits; a bit newer than this list is `bit-N`.
pub(super) fn names(bits: u64) -> BTreeSet<String> {
    let set = (0..u64::BITS as usize).filter(|bit| bits & (1 << bit) != 0);
    set.map(|bit| NAMES.get(bit).map_or_else(|| format!("bit-{bit}"), ToString::to_string))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_read_as_the_kernel_names_them_and_a_newer_bit_is_kept() {
        // 0x2b is what virtio_net on Linux 6.18 reports.
        let want = ["basic", "redirect", "rx-sg", "xsk-zerocopy"].map(str::to_owned);
        assert_eq!(names(0x2b), BTreeSet::from(want));
        assert_eq!(names(1 << 7), BTreeSet::from(["bit-7".to_owned()]));
        assert_eq!(names(0), BTreeSet::new());
    }
}
