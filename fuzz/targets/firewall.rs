//! Answers of nfnetlink, entries of legacy iptables, the list of IPVS.
#![no_main]

use bpfready::facts::Observed;
use bpfready::facts::firewall::Chain;
use bpfready::observe::firewall::legacy::{Info, Ip, parse};
use bpfready::observe::firewall::{ipset, ipvs, nftables::message};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = message::table(bytes);
    let _ = message::set(bytes);
    let _ = message::flowtable(bytes);
    let _ = ipset::parse(bytes);
    let _ = message::chain(bytes);
    let rules = Observed::Known(Vec::new());
    let chain = Chain { name: "KUBE-SERVICES".into(), base: None, uses: None, rules };
    let _ = message::rule(bytes, &chain);
    let _ = ipvs::parse("ip_vs", &String::from_utf8_lossy(bytes));
    legacy(bytes);
});

/// The first bytes say where the chains are.
fn legacy(bytes: &[u8]) {
    let Some((head, blob)) = bytes.split_first_chunk::<11>() else { return };
    let offset = |at: usize| u32::from(head[at]) * 8;
    let info = Info {
        valid_hooks: head[0].into(),
        hook_entry: std::array::from_fn(|it| offset(1 + it)),
        underflow: std::array::from_fn(|it| offset(6 + it)),
        num_entries: 0,
        size: 0,
    };
    let _ = parse(Ip::V4, &info, blob);
    let _ = parse(Ip::V6, &info, blob);
}
