//! Loaded BPF programs as series of their own; only where they were asked for.

use super::meter::Meter;
use crate::facts::Observed;
use crate::facts::inventory::{Inventory, Program};
use crate::observe::bpf::names::program_type_name;
use crate::observe::inventory::RunTime;
use crate::publish::names::agent;
use crate::publish::prometheus::{MAX_SERIES, Samples};

/// More are more than anybody reads.
const MOST: usize = 50;
/// Series that the agent may need for itself: ages of sources, answers by path, writes by result.
const RESERVE: usize = 110;

/// The programs that are told.
#[derive(Debug)]
pub(super) struct Programs {
    told: Vec<Program>,
    /// `None`: the programs could not be listed.
    left_out: Option<usize>,
    meter: Meter,
}

impl Programs {
    /// Those that ran longest; without statistics, those that were loaded first. As many as leave
    /// the node under its number of series, beside those of its report.
    pub(super) fn of(inventory: &Inventory, meter: &Meter, of_report: usize) -> Self {
        let meter = meter.clone();
        let Observed::Known(programs) = &inventory.programs else {
            return Self { told: Vec::new(), left_out: None, meter };
        };
        let mut told = programs.clone();
        let run_time = run_times(&meter);
        told.sort_by_key(|it| (std::cmp::Reverse(run_time(it.id)), it.id));
        let room = MAX_SERIES.saturating_sub(RESERVE + of_report) / meter.series();
        told.truncate(room.min(MOST));
        told.shrink_to_fit();
        Self { left_out: Some(programs.len() - told.len()), told, meter }
    }

    pub(super) fn sample(&self, samples: &mut Samples) {
        self.meter.sample(samples);
        for it in &self.told {
            let id = it.id.to_string();
            let kind = program_type_name(it.program_type);
            samples.put(agent::PROGRAM_INFO, &[&id, &it.name, &kind, &it.tag], 1.0);
        }
        if let Meter::On(statistics) = &self.meter {
            for it in &self.told {
                // What is gone, or is not told, has no run time: not even 0.
                if let Ok(Some(run_time)) = statistics.of(it.id) {
                    ran(samples, it.id, run_time);
                }
            }
        }
        if let Some(left_out) = self.left_out {
            #[expect(clippy::cast_precision_loss, reason = "programs are few")]
            samples.put(agent::PROGRAMS_LEFT_OUT, &[], left_out as f64);
        }
    }
}

/// Nanoseconds of a program by its id; 0 for all while nothing is known, which sorts by id.
fn run_times(meter: &Meter) -> impl Fn(u32) -> u64 + use<> {
    let all = match meter {
        Meter::On(statistics) => statistics.all().unwrap_or_else(|failure| {
            tracing::debug!(detail = failure.detail, "which programs ran longest is not known");
            Default::default()
        }),
        Meter::NotAsked | Meter::Refused(_) => Default::default(),
    };
    move |id| all.get(&id).map_or(0, |it| it.nanoseconds)
}

#[expect(clippy::cast_precision_loss, reason = "a double holds 104 days in nanoseconds exactly")]
fn ran(samples: &mut Samples, id: u32, run_time: RunTime) {
    let id = id.to_string();
    samples.put(agent::PROGRAM_RUN_SECONDS, &[&id], run_time.nanoseconds as f64 / 1e9);
    samples.put(agent::PROGRAM_RUNS, &[&id], run_time.runs as f64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Cause, Failure};
    use crate::observe::inventory::all_unknown;

    fn inventory(count: u32) -> Inventory {
        let program = |id| Program {
            id,
            program_type: 3,
            expected_attach_type: None,
            name: "p".into(),
            tag: "t".into(),
            run_time_ns: None,
            run_count: None,
        };
        let unknown = all_unknown(&Failure::new(Cause::Io, ""));
        Inventory { programs: Observed::Known((1..=count).map(program).collect()), ..unknown }
    }

    fn sampled(inventory: &Inventory, of_report: usize) -> Samples {
        let mut samples = Samples::default();
        Programs::of(inventory, &Meter::NotAsked, of_report).sample(&mut samples);
        samples
    }

    #[test]
    fn a_node_with_many_programs_and_a_long_report_stays_under_its_number_of_series() {
        // One more tells how many are left out.
        for (of_report, told) in [(0, MOST), (300, MOST), (370, 20), (499, 0), (1000, 0)] {
            let count = sampled(&inventory(2000), of_report).count();
            assert_eq!(count, told + 1, "{of_report}");
        }
    }

    #[test]
    fn programs_that_could_not_be_listed_are_not_none() {
        let unknown = all_unknown(&Failure::new(Cause::PermissionDenied, ""));
        assert_eq!(sampled(&unknown, 0).count(), 0);
        assert_eq!(sampled(&inventory(0), 0).count(), 1, "none is left out");
    }
}
