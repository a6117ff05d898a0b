//! The page of metrics.

use super::values::{Values, of};
use super::{MADE, code};
use crate::judge::cluster::Compute;
use crate::judge::cluster::startup::Stage;
use crate::publish::names::{Kind, Metric, agent, cluster, metrics};
use crate::publish::prometheus::MAX_SERIES;

const HEAD: &str = "\
Agent and controller serve these on `/metrics` (port 9770), as OpenMetrics or classic text, whichever `Accept` prefers. \
`bpfready check -o prometheus` prints those of one report.

- **A `state` is one series for every state**: the one that holds is 1, the others 0. `unknown` is a state of its \
own: what could not be told is never a 0 and never a \"no\". Ask `bpfready_cilium_capable{state=\"no\"} == 1` and \
`{state=\"unknown\"} == 1` apart.
- **No series** says what *none* says below, and nothing else.
- Ages and durations come from the monotonic clock; only `*_timestamp_seconds` and `process_start_time_seconds` \
are wall clock.
";

/// All of it, as Markdown.
pub fn page() -> String {
    let mut page = format!("# Metrics\n\n{MADE}{HEAD}");
    page += &format!("- A node has fewer than {MAX_SERIES} series in all.\n\n");
    page += "## Of the node\n\nA function of the latest report: nothing outlives what it said.\n\n";
    page.extend(metrics::ALL.iter().map(section));
    page += "## Of the agent\n\nOf the running process, as it is when it is asked.\n\n";
    page.extend(agent::ALL.iter().map(section));
    page += "## Of the cluster\n\nFrom the controller; what is known of the cluster comes from the replica that leads.\n\n";
    page.extend(cluster::ALL.iter().map(section));
    page += &startup();
    // One empty line less than the sections leave.
    page.pop();
    page
}

fn section(metric: &Metric) -> String {
    let Metric { kind, name, help, labels, absence } = metric;
    let kind = match kind {
        Kind::Gauge => "Gauge",
        Kind::Counter => "Counter",
    };
    let mut section = format!("### `{name}`\n\n{kind}. {help}.\n\n");
    for label in *labels {
        section += &format!("- `{label}`: {}\n", told(&of(metric, label)));
    }
    section + &format!("- none: {absence}\n\n")
}

/// The one histogram.
fn startup() -> String {
    let stages: Vec<&str> = Stage::ALL.iter().map(|it| it.as_str()).collect();
    let kinds: Vec<&str> = Compute::ALL.iter().map(|it| it.as_str()).collect();
    format!(
        "### `{}`\n\nHistogram. {}.\n\n- `compute`: {}\n- `stage`: {}\n- none: {}\n\n",
        cluster::STARTUP,
        cluster::STARTUP_HELP,
        code(kinds),
        code(stages),
        cluster::STARTUP_ABSENCE
    )
}

fn told(values: &Values) -> String {
    match values {
        Values::Closed(words) => code(words.iter().copied()),
        Values::Open(what) => (*what).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_section_and_says_what_its_absence_means() {
        let page = page();
        for metric in metrics::ALL.iter().chain(agent::ALL).chain(cluster::ALL) {
            let title = format!("### `{}`\n", metric.name);
            // Of a process there is one each: the agent and the controller.
            let wanted = if metric.name == cluster::MEMORY.name { 2 } else { 1 };
            assert_eq!(page.matches(&title).count(), wanted, "{title}");
        }
        // One more is the histogram.
        let sections = metrics::ALL.len() + agent::ALL.len() + cluster::ALL.len() + 1;
        assert_eq!(page.matches("\n- none: ").count(), sections);
    }
}
