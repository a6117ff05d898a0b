//! The agent's own memory, time and descriptors, by the names that every client library uses.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::publish::names::agent;
use crate::publish::prometheus::Samples;

/// When the process started.
#[derive(Debug)]
pub(super) struct Process {
    started: f64,
    ticks: f64,
    page: f64,
}

impl Default for Process {
    #[expect(clippy::cast_precision_loss, reason = "a page and a second's ticks are small")]
    fn default() -> Self {
        let started =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |it| it.as_secs_f64());
        Self {
            started,
            ticks: rustix::param::clock_ticks_per_second() as f64,
            page: rustix::param::page_size() as f64,
        }
    }
}

impl Process {
    /// What cannot be read is left out.
    pub(super) fn sample(&self, samples: &mut Samples) {
        if let Some([cpu, pages]) =
            fs::read_to_string("/proc/self/stat").ok().and_then(|it| stat(&it))
        {
            samples.put(agent::PROCESS_MEMORY, &[], pages * self.page);
            samples.put(agent::PROCESS_CPU, &[], cpu / self.ticks);
        }
        if let Ok(directory) = fs::read_dir("/proc/self/fd") {
            #[expect(clippy::cast_precision_loss, reason = "descriptors are few")]
            // One of them is the directory itself.
            let count = directory.count().saturating_sub(1) as f64;
            samples.put(agent::PROCESS_FDS, &[], count);
        }
        samples.put(agent::PROCESS_START, &[], self.started);
    }
}

/// Processor ticks (`utime` and `stime`, fields 14 and 15) and resident pages (`rss`, field 24) of
/// proc_pid_stat(5). The name, field 2, may hold anything.
fn stat(text: &str) -> Option<[f64; 2]> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    Some([field(14)? + field(15)?, field(24)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_the_fields_of_the_man_page() {
        let line = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 140 1500 16 17 18 19 20 21 22 23 2400 25";
        assert_eq!(stat(line), Some([1640.0, 2400.0]));
        assert_eq!(stat("7 (x) S 1"), None);
    }

    #[test]
    fn this_process_has_memory_and_descriptors() {
        let mut samples = Samples::default();
        Process::default().sample(&mut samples);
        assert_eq!(samples.count(), 4);
    }
}
