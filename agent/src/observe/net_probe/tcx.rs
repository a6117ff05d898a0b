//! tcx: a sched_cls program on an interface without a qdisc.

use rustix::io::Errno;

use super::link::LOOPBACK;
use super::{Answer, program, verdict};

/// `BPF_TCX_INGRESS` of `enum bpf_attach_type`.
const TCX_INGRESS: u32 = 46;

/// Attaches to the namespace's loopback by a link. The kernel answers EINVAL for an attach type
/// that it does not know (before Linux 6.6) or was built without (CONFIG_NET_XGRESS).
///
/// The link is held until the answer is told, since taking it off waits for a grace period again.
pub(super) fn tcx() -> Answer {
    let program = match program::load(program::SCHED_CLS) {
        Ok(program) => program,
        // Whether sched_cls loads is another question than whether tcx is there.
        Err(errno) => {
            let support = verdict::of_bpf("loading a sched_cls program", Err(errno), &[]);
            return Answer { support, held: None };
        }
    };
    let (held, done) = match program::attach(&program, LOOPBACK, TCX_INGRESS) {
        Ok(link) => (Some(link), Ok(())),
        Err(errno) => (None, Err(errno)),
    };
    Answer { support: verdict::of_bpf("tcx link on lo", done, &[Errno::INVAL]), held }
}
