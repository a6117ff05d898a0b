//! Attributes (type, length, value) of netlink messages, read and written.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{DefaultNla, Emitable, NLA_F_NESTED, NLA_HEADER_SIZE, NlasIterator};

use super::NetlinkError;

/// The attributes of one message or nest, by type; of a repeated type the last counts, as for
/// the kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes<'a>(Vec<(u16, &'a [u8])>);

impl<'a> Attributes<'a> {
    /// Reads attributes to the end of `bytes`; total on any bytes.
    ///
    /// # Errors
    ///
    /// [`NetlinkError::Malformed`] when a length points outside.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NetlinkError> {
        let mut attributes = Vec::new();
        for item in NlasIterator::new(bytes) {
            let wrong = |found: String| NetlinkError::malformed("attributes", found);
            let item = item.map_err(|error| wrong(error.to_string()))?;
            let (kind, end) = (item.kind(), usize::from(item.length()));
            let value = item.into_inner().get(NLA_HEADER_SIZE..end);
            attributes.push((kind, value.ok_or_else(|| wrong("a short attribute".into()))?));
        }
        Ok(Self(attributes))
    }

    /// Reads a fixed header of `N` bytes and the attributes that follow it.
    ///
    /// # Errors
    ///
    /// As [`Attributes::after`].
    pub fn with_header<const N: usize>(
        bytes: &'a [u8],
    ) -> Result<(&'a [u8; N], Self), NetlinkError> {
        let cut = || NetlinkError::malformed("a whole header", format!("{} bytes", bytes.len()));
        let (header, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
        Ok((header, Self::parse(rest)?))
    }

    /// Reads the attributes that follow a fixed header of `header` bytes.
    ///
    /// # Errors
    ///
    /// [`NetlinkError::Malformed`] when the header is cut short, or as [`Attributes::parse`].
    pub fn after(bytes: &'a [u8], header: usize) -> Result<Self, NetlinkError> {
        let rest = bytes.get(header..);
        let found = || format!("{} bytes", bytes.len());
        Self::parse(rest.ok_or_else(|| NetlinkError::malformed("a whole header", found()))?)
    }

    /// The value of an attribute; `None`: it is not there.
    pub fn get(&self, kind: u16) -> Option<&'a [u8]> {
        self.0.iter().rev().find(|(it, _)| *it == kind).map(|(_, value)| *value)
    }

    /// The value as a fixed number of bytes, of which a number is made.
    ///
    /// # Errors
    ///
    /// [`NetlinkError::Malformed`] for any other length.
    pub fn array<const N: usize>(&self, kind: u16) -> Result<Option<[u8; N]>, NetlinkError> {
        let Some(value) = self.get(kind) else { return Ok(None) };
        let found = || format!("{} bytes in attribute {kind}", value.len());
        let array = value.try_into().map_err(|_| NetlinkError::malformed("a number", found()));
        array.map(Some)
    }

    /// The value as a number of the machine's byte order.
    ///
    /// # Errors
    ///
    /// As [`Attributes::array`].
    pub fn u32(&self, kind: u16) -> Result<Option<u32>, NetlinkError> {
        Ok(self.array(kind)?.map(u32::from_ne_bytes))
    }

    /// The value as a number of the machine's byte order.
    ///
    /// # Errors
    ///
    /// As [`Attributes::array`].
    pub fn u16(&self, kind: u16) -> Result<Option<u16>, NetlinkError> {
        Ok(self.array(kind)?.map(u16::from_ne_bytes))
    }

    /// The value as one byte.
    ///
    /// # Errors
    ///
    /// As [`Attributes::array`].
    pub fn u8(&self, kind: u16) -> Result<Option<u8>, NetlinkError> {
        Ok(self.array(kind)?.map(u8::from_ne_bytes))
    }

    /// The value as a number of the network's byte order, as netfilter writes all of them.
    ///
    /// # Errors
    ///
    /// As [`Attributes::array`].
    pub fn be32(&self, kind: u16) -> Result<Option<u32>, NetlinkError> {
        Ok(self.array(kind)?.map(u32::from_be_bytes))
    }

    /// The value as an IP address: 4 or 16 bytes.
    ///
    /// # Errors
    ///
    /// [`NetlinkError::Malformed`] for any other length.
    pub fn address(&self, kind: u16) -> Result<Option<IpAddr>, NetlinkError> {
        self.get(kind).map(address).transpose()
    }

    /// The value as a hardware address; `None`: it is not there, or empty.
    pub fn mac(&self, kind: u16) -> Option<String> {
        let bytes = self.get(kind).filter(|it| !it.is_empty())?;
        let bytes: Vec<String> = bytes.iter().map(|it| format!("{it:02x}")).collect();
        Some(bytes.join(":"))
    }

    /// All attributes in order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &'a [u8])> {
        self.0.iter().copied()
    }

    /// The value as text up to its NUL; what is not UTF-8 is replaced, since it is only told.
    pub fn text(&self, kind: u16) -> Option<String> {
        self.get(kind).map(text)
    }

    /// The attributes inside an attribute; none when it is not there.
    ///
    /// # Errors
    ///
    /// As [`Attributes::parse`].
    pub fn nested(&self, kind: u16) -> Result<Self, NetlinkError> {
        self.get(kind).map_or(Ok(Self::default()), Self::parse)
    }

    /// The attributes inside each attribute of this list: netlink's way to write an array.
    ///
    /// # Errors
    ///
    /// As [`Attributes::parse`].
    pub fn each(&self) -> Result<Vec<Self>, NetlinkError> {
        self.0.iter().map(|(_, value)| Self::parse(value)).collect()
    }
}

/// Text up to its NUL; what is not UTF-8 is replaced.
pub fn text(value: &[u8]) -> String {
    let end = value.iter().position(|it| *it == 0).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end]).into_owned()
}

/// An IP address of 4 or 16 bytes.
///
/// # Errors
///
/// [`NetlinkError::Malformed`] for any other length.
pub fn address(value: &[u8]) -> Result<IpAddr, NetlinkError> {
    if let Ok(bytes) = <[u8; 4]>::try_from(value) {
        return Ok(IpAddr::V4(Ipv4Addr::from(bytes)));
    }
    let bytes = <[u8; 16]>::try_from(value);
    let found = || format!("{} bytes", value.len());
    let bytes = bytes.map_err(|_| NetlinkError::malformed("an IP address", found()))?;
    Ok(IpAddr::V6(Ipv6Addr::from(bytes)))
}

/// An attribute to send.
pub fn attribute(kind: u16, value: &[u8]) -> DefaultNla {
    DefaultNla::new(kind, value.to_vec())
}

/// An attribute that holds attributes.
pub fn nest(kind: u16, attributes: &[DefaultNla]) -> DefaultNla {
    DefaultNla::new(kind | NLA_F_NESTED, body(&[], attributes))
}

/// A message's payload: its fixed header (a multiple of 4 bytes), then attributes.
pub fn body(header: &[u8], attributes: &[DefaultNla]) -> Vec<u8> {
    let mut bytes = header.to_vec();
    bytes.resize(header.len() + attributes.buffer_len(), 0);
    attributes.emit(&mut bytes[header.len()..]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rta_len` 8, `rta_type` 4 (IFLA_MTU), 1500: rtnetlink(7), little-endian machines.
    #[cfg(target_endian = "little")]
    const MTU_1500: [u8; 8] = [8, 0, 4, 0, 0xdc, 5, 0, 0];

    #[cfg(target_endian = "little")]
    #[test]
    fn a_number_is_read_and_written_as_the_kernel_lays_it_out() {
        assert_eq!(Attributes::parse(&MTU_1500).unwrap().u32(4).unwrap(), Some(1500));
        assert_eq!(body(&[], &[attribute(4, &1500_u32.to_ne_bytes())]), MTU_1500);
    }

    #[test]
    fn what_is_absent_is_none_and_what_is_cut_is_an_error() {
        let bytes = body(&[], &[attribute(4, &[1, 2])]);
        let attributes = Attributes::parse(&bytes).unwrap();
        assert_eq!(attributes.u32(5).unwrap(), None);
        assert!(matches!(attributes.u32(4), Err(NetlinkError::Malformed { .. })));
        assert!(Attributes::parse(&bytes[..5]).is_err());
        assert!(Attributes::after(&[0; 3], 4).is_err());
    }

    #[test]
    fn a_nest_is_read_back_and_a_name_ends_at_its_nul() {
        let bytes = body(&[9; 4], &[nest(18, &[attribute(1, b"veth\0")])]);
        let attributes = Attributes::after(&bytes, 4).unwrap();
        assert_eq!(attributes.nested(18).unwrap().text(1).as_deref(), Some("veth"));
    }

    #[test]
    fn every_cut_and_every_flipped_byte_ends_without_a_panic() {
        let bytes = body(&[], &[nest(18, &[attribute(1, b"veth\0")]), attribute(4, &[0; 4])]);
        for end in 0..bytes.len() {
            let _ = Attributes::parse(&bytes[..end]).and_then(|it| it.each());
        }
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 0xff;
            let _ = Attributes::parse(&broken).and_then(|it| it.each());
        }
    }
}
