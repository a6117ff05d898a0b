//! Datagrams of the kernel, and answers of rtnetlink and of the netdev family.
#![no_main]

use bpfready::observe::netlink::{Attributes, messages};
use bpfready::observe::nic::{links, xdp_features};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|answer: &[u8]| {
    let _ = messages(answer);
    let _ = links::parse(answer);
    let _ = xdp_features::parse(answer);
    if let Ok(attributes) = Attributes::parse(answer) {
        let _ = attributes.each();
        let _ = (attributes.text(1), attributes.u32(2), attributes.nested(3));
    }
});
