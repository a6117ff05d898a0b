//! What bpf(2) answers, question by question.

use std::collections::BTreeMap;

use super::Host;
use crate::facts::bpf::{BpfFacts, Support};
use crate::facts::btf::BtfFacts;
use crate::facts::privilege::Privilege;
use crate::facts::{Cause, Observed};

/// Asks bpf(2) everything there is to ask.
pub fn bpf(_host: &Host, _rights: &Observed<Privilege>, _btf: &Observed<BtfFacts>) -> BpfFacts {
    BpfFacts {
        syscall: Support::unknown(Cause::NotSupported, "being written"),
        programs: BTreeMap::new(),
        maps: BTreeMap::new(),
        map_flags: BTreeMap::new(),
        helpers: Observed::unknown(Cause::NotSupported, "being written"),
        attach_types: BTreeMap::new(),
        link_types: BTreeMap::new(),
        features: BTreeMap::new(),
    }
}
