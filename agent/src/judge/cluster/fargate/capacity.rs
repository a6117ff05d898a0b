//! The annotation `CapacityProvisioned`: what is billed for a Fargate pod.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use crate::facts::cluster::Pod;

/// What Fargate provides, and bills.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Virtual processors.
    pub vcpu: f64,
    /// Memory in GB as AWS counts it.
    pub memory_gb: f64,
}

impl AddAssign for Capacity {
    fn add_assign(&mut self, other: Self) {
        self.vcpu += other.vcpu;
        self.memory_gb += other.memory_gb;
    }
}

/// What a pod says; `None`: it is not scheduled yet, or says it in a way that is not known.
pub fn of(pod: &Pod) -> Option<Capacity> {
    parse(pod.metadata.annotations.get("CapacityProvisioned")?)
}

/// `0.25vCPU 0.5GB`.
fn parse(text: &str) -> Option<Capacity> {
    let mut words = text.split_whitespace();
    let mut number = |unit| words.next()?.strip_suffix(unit)?.parse::<f64>().ok();
    let capacity = Capacity { vcpu: number("vCPU")?, memory_gb: number("GB")? };
    let sane = |it: f64| it.is_finite() && it >= 0.0;
    (sane(capacity.vcpu) && sane(capacity.memory_gb) && words.next().is_none()).then_some(capacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_of_the_user_guide_are_read() {
        assert_eq!(parse("0.25vCPU 0.5GB"), Some(Capacity { vcpu: 0.25, memory_gb: 0.5 }));
        assert_eq!(parse("16vCPU 120GB"), Some(Capacity { vcpu: 16.0, memory_gb: 120.0 }));
    }

    #[test]
    fn anything_else_is_not_guessed() {
        for text in ["", "0.25vCPU", "0.5GB 0.25vCPU", "1vCPU 2GB 3", "infvCPU 1GB", "-1vCPU 1GB"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
