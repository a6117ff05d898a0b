//! Loaded BPF programs as series of their own; only where they were asked for.

use crate::facts::Observed;
use crate::facts::inventory::{Inventory, Program};
use crate::observe::bpf::names::program_type_name;
use crate::publish::names::agent;
use crate::publish::prometheus::Samples;

/// More would be more series than a node may have.
const MOST: usize = 50;

/// The programs that are told.
#[derive(Debug)]
pub(super) struct Programs {
    told: Vec<Program>,
    left_out: usize,
}

impl Programs {
    /// Those that ran longest; without statistics, those that were loaded first.
    pub(super) fn of(inventory: &Inventory) -> Self {
        let Observed::Known(programs) = &inventory.programs else {
            return Self { told: Vec::new(), left_out: 0 };
        };
        let mut told = programs.clone();
        told.sort_by_key(|it| (std::cmp::Reverse(it.run_time_ns), it.id));
        told.truncate(MOST);
        told.shrink_to_fit();
        Self { left_out: programs.len() - told.len(), told }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a double holds 104 days in nanoseconds exactly"
    )]
    pub(super) fn sample(&self, samples: &mut Samples) {
        for it in &self.told {
            let id = it.id.to_string();
            let kind = program_type_name(it.program_type);
            samples.put(agent::PROGRAM_INFO, &[&id, &it.name, &kind, &it.tag], 1.0);
        }
        for it in &self.told {
            if let (Some(time), Some(runs)) = (it.run_time_ns, it.run_count) {
                let id = it.id.to_string();
                samples.put(agent::PROGRAM_RUN_SECONDS, &[&id], time as f64 / 1e9);
                samples.put(agent::PROGRAM_RUNS, &[&id], runs as f64);
            }
        }
        samples.put(agent::PROGRAMS_LEFT_OUT, &[], self.left_out as f64);
    }
}
