//! Services of IPVS, `/proc/net/ip_vs`.

use std::net::{IpAddr, Ipv4Addr};

use crate::facts::firewall::{Ipvs, IpvsService};
use crate::observe::{SourceError, host};

/// Reads the list that `ip_vs_info_seq_show()` of `net/netfilter/ipvs/ip_vs_ctl.c` writes; total on
/// any text.
///
/// # Errors
///
/// [`SourceError::Malformed`] for a text without its head, or a line that is neither service nor
/// destination.
pub fn parse(path: &str, text: &str) -> Result<Ipvs, SourceError> {
    let malformed = |found: &str| SourceError::Malformed {
        path: path.into(),
        expected: "three lines of head, then services and destinations",
        found: host::shorten(found),
    };
    let mut lines = text.lines();
    match lines.next() {
        Some(head) if head.starts_with("IP Virtual Server") => {}
        other => return Err(malformed(other.unwrap_or_default())),
    }
    let mut ipvs = Ipvs::default();
    let mut last: Option<IpvsService> = None;
    for line in lines.skip(2) {
        if line.trim_start().starts_with("->") {
            let service = last.as_mut().ok_or_else(|| malformed(line))?;
            service.destinations += 1;
            continue;
        }
        let service = service(line).ok_or_else(|| malformed(line))?;
        keep(&mut ipvs, last.replace(service));
    }
    keep(&mut ipvs, last);
    Ok(ipvs)
}

fn keep(ipvs: &mut Ipvs, service: Option<IpvsService>) {
    let Some(service) = service else { return };
    ipvs.services += 1;
    ipvs.served += u32::from(service.destinations > 0);
    if ipvs.list.len() < Ipvs::MOST {
        ipvs.list.push(service);
    }
}

/// `TCP  0A600001:01BB rr`, `UDP  [fd00:…]:0035 rr`, `FWM  00000007 wlc`.
fn service(line: &str) -> Option<IpvsService> {
    let mut words = line.split_whitespace();
    let (protocol, place, scheduler) = (words.next()?, words.next()?, words.next()?);
    let (address, port) = match place.rsplit_once(':') {
        Some((address, port)) => (Some(address_of(address)?), port),
        None => (None, place),
    };
    Some(IpvsService {
        protocol: protocol.to_owned(),
        address,
        port: u32::from_str_radix(port, 16).ok()?,
        scheduler: scheduler.to_owned(),
        destinations: 0,
    })
}

fn address_of(text: &str) -> Option<IpAddr> {
    if let Some(v6) = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        return Some(IpAddr::V6(v6.parse().ok()?));
    }
    Some(IpAddr::V4(Ipv4Addr::from_bits(u32::from_str_radix(text, 16).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written after `ip_vs_info_seq_show()`: IPv4 in hexadecimal, IPv6 as `%pI6`, marks alone.
    const LIST: &str = "IP Virtual Server version 1.2.1 (size=4096)\n\
        Prot LocalAddress:Port Scheduler Flags\n\
        \x20 -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
        TCP  0A600001:01BB rr  \n\
        \x20 -> AC120002:192B      Masq    1      4          0         \n\
        UDP  0A60000A:0035 rr  \n\
        TCP  [fd00:0010:0096:0000:0000:0000:0000:0001]:01BB rr  persistent 10800\n\
        \x20 -> [fd00:0010:0244:0000:0000:0000:0000:0002]:192B      Masq    1      0          0\n\
        FWM  00000007 wlc  \n";

    #[test]
    fn services_are_told_with_the_number_of_their_destinations() {
        let ipvs = parse("ip_vs", LIST).unwrap();
        assert_eq!((ipvs.services, ipvs.served), (4, 2));
        let places: Vec<_> =
            ipvs.list.iter().map(|it| (it.address.map(|it| it.to_string()), it.port)).collect();
        let address = |text: &str| Some(text.to_owned());
        assert_eq!(
            places,
            [
                (address("10.96.0.1"), 443),
                (address("10.96.0.10"), 53),
                (address("fd00:10:96::1"), 443),
                (None, 7)
            ]
        );
        assert_eq!(ipvs.list[0].scheduler, "rr");
    }

    #[test]
    fn an_empty_list_is_an_answer_and_an_empty_file_is_not() {
        let head: Vec<&str> = LIST.lines().take(3).collect();
        assert_eq!(parse("ip_vs", &head.join("\n")).unwrap(), Ipvs::default());
        assert!(parse("ip_vs", "").is_err());
    }

    #[test]
    fn of_many_services_some_are_held_and_all_counted() {
        let mut text = LIST.lines().take(3).collect::<Vec<_>>().join("\n");
        text.push_str(&"\nTCP  0A600001:01BB rr".repeat(10_000));
        let ipvs = parse("ip_vs", &text).unwrap();
        assert_eq!((ipvs.services, ipvs.served, ipvs.list.len()), (10_000, 0, Ipvs::MOST));
    }

    #[test]
    fn every_cut_and_every_flipped_byte_ends_without_a_panic() {
        for end in 0..LIST.len() {
            let _ = parse("ip_vs", &LIST[..end]);
        }
        for at in 0..LIST.len() {
            let mut broken = LIST.as_bytes().to_vec();
            broken[at] ^= 0x15;
            let _ = parse("ip_vs", &String::from_utf8_lossy(&broken));
        }
    }
}
