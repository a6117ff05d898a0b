//! `--cilium-values`: Helm values or the ConfigMap `cilium-config`, and their verdict on a node of
//! which nothing is known.
#![no_main]

use std::fs;
use std::sync::OnceLock;

use bpfready::facts::Facts;
use bpfready::judge::{Policy, judge, values};
use bpfready::observe::recording::Recording;
use bpfready::observe::{Host, snapshot};
use libfuzzer_sys::fuzz_target;

/// A recording that holds nothing but this.
const HEADER: &str = r#"{"schema": 1, "origin": "recorded", "taken_at_seconds": 0,
    "kernel_release": "6.12.0", "agent_version": "0.1.0"}"#;

fuzz_target!(|text: &str| {
    let Ok(values) = values::parse(text) else { return };
    judge(facts().clone(), &Policy { target: None, values: Some(values) });
});

fn facts() -> &'static Facts {
    static FACTS: OnceLock<Facts> = OnceLock::new();
    FACTS.get_or_init(|| {
        let dir = std::env::temp_dir().join(format!("bpfready-fuzz-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("the folder is new");
        fs::write(dir.join("host.json"), HEADER).expect("the folder is ours");
        snapshot(&Host::recorded(Recording::open(&dir).expect("HEADER is a whole recording")))
    })
}
