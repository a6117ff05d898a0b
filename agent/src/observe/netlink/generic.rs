//! Families of generic netlink.

use super::{Attributes, Connection, NetlinkError, body};

/// `GENL_ID_CTRL` of `include/uapi/linux/genetlink.h`.
const CONTROLLER: u16 = 16;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
/// `struct genlmsghdr`: command, version, two bytes of padding.
pub(super) const HEADER_BYTES: usize = 4;

/// The number of a family of generic netlink; `None`: this kernel has no such family now.
///
/// All families are listed: asking for one by name makes the kernel load a module of that name
/// (`ctrl_getfamily()` of `net/netlink/genetlink.c`), and a look must not change the host.
///
/// # Errors
///
/// As [`Connection::dump`].
pub fn family_id(generic: &mut Connection, name: &str) -> Result<Option<u16>, NetlinkError> {
    let question = body(&[CTRL_CMD_GETFAMILY, 1, 0, 0], &[]);
    for answer in generic.dump(CONTROLLER, &question)? {
        let attributes = Attributes::after(&answer, HEADER_BYTES)?;
        if attributes.text(CTRL_ATTR_FAMILY_NAME).as_deref() == Some(name) {
            return Ok(attributes.array(CTRL_ATTR_FAMILY_ID)?.map(u16::from_ne_bytes));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use netlink_sys::protocols::NETLINK_GENERIC;

    use super::*;

    #[test]
    fn the_controller_finds_itself_and_no_invented_family() {
        let mut generic = Connection::open(NETLINK_GENERIC).unwrap();
        // `nlctrl` is the controller's own name, number 16 in every kernel.
        assert_eq!(family_id(&mut generic, "nlctrl").unwrap(), Some(CONTROLLER));
        assert_eq!(family_id(&mut generic, "bpfready").unwrap(), None);
    }
}
