//! `bpf_redirect`, `bpf_redirect_neigh`, `bpf_redirect_peer`.

use super::bench::{Bench, wrong};
use super::packet::packet;
use super::{Checked, skb};

/// `TC_ACT_REDIRECT` of `include/uapi/linux/pkt_cls.h`.
const REDIRECT: i32 = 7;

/// The helper of this program answers with the verdict that makes the kernel redirect.
pub(super) fn check(bench: Bench, program: &str) -> Checked {
    match skb::run(bench, program, &packet())?.returned {
        REDIRECT => Ok(()),
        answer => Err(wrong(format!("bpf_{program} answered {answer}"))),
    }
}
