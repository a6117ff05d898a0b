//! Whether kprobe, uprobe and tracepoint programs have something to be attached to.
//!
//! They load on every kernel. Attaching goes through a perf event, and whether the kernel has the
//! event sources is to be seen without opening one.

use std::collections::BTreeMap;

use crate::facts::bpf::{Because, Feature, Support};
use crate::facts::{Cause, Failure};
use crate::observe::Host;

const SOURCES: &str = "/sys/bus/event_source/devices";

/// Event sources of perf_event_open(2), by the feature that needs them.
const NEEDED: [(Feature, &str, &str); 3] = [
    (Feature::KprobeEvents, "kprobe", "CONFIG_KPROBE_EVENTS"),
    (Feature::UprobeEvents, "uprobe", "CONFIG_UPROBE_EVENTS"),
    (Feature::TracepointEvents, "tracepoint", "CONFIG_EVENT_TRACING"),
];

/// Looks which event sources there are.
pub(crate) fn ask(host: &Host) -> BTreeMap<Feature, Support> {
    let sources = host.list(SOURCES);
    let answer = |(feature, source, option): (Feature, &str, &str)| {
        let support = match &sources {
            Ok(Some(names)) if names.iter().any(|it| it == source) => Support::Supported,
            Ok(Some(names)) if !names.is_empty() => Support::unsupported(
                Because::NotInKernel,
                format!("{SOURCES} has no {source} ({option})"),
            ),
            Ok(_) => Support::unknown(Cause::Prerequisite, format!("{SOURCES} is not there")),
            Err(error) => Support::Unknown(Failure::new(Cause::Io, error.to_string())),
        };
        (feature, support)
    };
    NEEDED.into_iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(sources: &[&str]) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        for source in sources {
            let path = dir.path().join(&SOURCES[1..]).join(source);
            std::fs::create_dir_all(path).unwrap();
        }
        let host = Host::mounted(dir.path()).unwrap();
        (dir, host)
    }

    #[test]
    fn the_three_ends() {
        let (_dir, with) = host(&["software", "kprobe"]);
        let answers = ask(&with);
        assert_eq!(answers[&Feature::KprobeEvents], Support::Supported);
        assert_eq!(answers[&Feature::UprobeEvents].as_str(), "unsupported");
        let (_dir, without_sysfs) = host(&[]);
        assert_eq!(ask(&without_sysfs)[&Feature::KprobeEvents].as_str(), "unknown");
    }
}
