//! For tests: questions asked with fewer rights than the test has.

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// All a node agent gets by default.
pub(super) const DEFAULT_RUNG: CapabilitySet =
    CapabilitySet::BPF.union(CapabilitySet::PERFMON).union(CapabilitySet::NET_ADMIN);

/// What this test may do; it fails where that is less than the default rung.
#[track_caller]
pub(super) fn permitted() -> CapabilitySet {
    let permitted = capabilities(None).unwrap().permitted;
    let needs = "this test needs root with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN";
    assert!(permitted.contains(DEFAULT_RUNG), "{needs}");
    permitted
}

/// Runs `look` in a thread that has only these capabilities.
#[track_caller]
pub(super) fn with_capabilities<T: Send + 'static>(
    kept: CapabilitySet,
    look: impl FnOnce() -> T + Send + 'static,
) -> T {
    permitted();
    let limited = move || {
        let inheritable = CapabilitySet::empty();
        set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable })
            .unwrap();
        look()
    };
    std::thread::spawn(limited).join().unwrap()
}
