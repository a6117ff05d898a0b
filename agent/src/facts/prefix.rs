//! IP prefixes.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// An IP prefix, or an address with the length of its prefix: `10.0.0.7/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix {
    /// Address; its bits behind the length may be set.
    pub address: IpAddr,
    /// How many leading bits count.
    pub length: u8,
}

impl Prefix {
    /// The prefix that is one address.
    pub fn host(address: IpAddr) -> Self {
        Self { address, length: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Whether it is one address alone.
    pub fn is_host(&self) -> bool {
        *self == Self::host(self.address)
    }

    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let length = u32::from(self.length);
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(32_u32.saturating_sub(length)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differ = own.to_bits() ^ other.to_bits();
                differ.checked_shr(128_u32.saturating_sub(length)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

/// A text that is no IP prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAPrefix(String);

impl fmt::Display for NotAPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no IP prefix", self.0)
    }
}

impl FromStr for Prefix {
    type Err = NotAPrefix;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotAPrefix(text.to_owned());
        let (address, length) = text.split_once('/').ok_or_else(wrong)?;
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let length = length.parse().map_err(|_| wrong())?;
        if length > Self::host(address).length {
            return Err(wrong());
        }
        Ok(Self { address, length })
    }
}

impl TryFrom<String> for Prefix {
    type Error = NotAPrefix;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_holds_its_addresses_and_no_other() {
        let inside = |net: &str, address: &str| prefix(net).contains(address.parse().unwrap());
        assert!(inside("0.0.0.0/0", "203.0.113.7"));
        assert!(inside("10.0.0.0/24", "10.0.0.255"));
        assert!(!inside("10.0.0.0/24", "10.0.1.0"));
        assert!(inside("10.0.0.7/32", "10.0.0.7"));
        assert!(!inside("10.0.0.7/32", "10.0.0.6"));
        assert!(inside("fe80::/10", "febf::1"));
        assert!(!inside("fe80::/10", "fec0::1"));
        assert!(inside("::/0", "2001:db8::1"));
        assert!(!inside("::/0", "192.0.2.1") && !inside("0.0.0.0/0", "::1"));
    }

    #[test]
    fn a_prefix_is_read_as_it_is_written() {
        for text in ["10.0.0.7/24", "0.0.0.0/0", "2001:db8::/32", "::1/128"] {
            assert_eq!(prefix(text).to_string(), text);
        }
        for text in ["", "10.0.0.7", "10.0.0.7/33", "::/129", "10.0.0/8", "10.0.0.0/x"] {
            assert!(text.parse::<Prefix>().is_err(), "{text}");
        }
    }
}
