//! Messages of the conditions: one or two sentences and the first remedy.

use crate::judge::report::{Finding, Outcome, Severity, Verdict};
use crate::publish::words::Words as _;

/// A Node is sent to every watcher of Nodes, so its messages are short.
const MOST_BYTES: usize = 512;

pub(super) fn ebpf(verdict: &Verdict) -> String {
    let ebpf = &verdict.ebpf;
    let mut message = format!(
        "eBPF for packets: {}, for tracing: {}, for LSM: {}.",
        ebpf.datapath.word(),
        ebpf.tracing.word(),
        ebpf.lsm.word()
    );
    add(&mut message, ebpf.datapath_why.evidence.first());
    add(&mut message, remedy(&verdict.findings));
    cut(message)
}

pub(super) fn cilium(verdict: &Verdict) -> String {
    let cilium = &verdict.cilium;
    let mut message = match &cilium.ready_why {
        Some(why) => sentence(why.evidence.first().map_or("", String::as_str)),
        None => "Whether Cilium runs here could not be told.".to_owned(),
    };
    let target = cilium.target;
    add(&mut message, Some(&format!("Cilium {target} can run here: {}", cilium.capable.word())));
    add(&mut message, Some(&cilium.ready_remedy));
    cut(message)
}

/// What to do first: about what blocks, else about what could not be told.
fn remedy(findings: &[Finding]) -> Option<&String> {
    let blocking = |outcome| {
        findings.iter().find(move |it| {
            it.severity == Severity::Blocking && it.outcome == outcome && !it.remedy.is_empty()
        })
    };
    blocking(Outcome::Fail).or_else(|| blocking(Outcome::Undetermined)).map(|it| &it.remedy)
}

fn add(message: &mut String, text: Option<&String>) {
    let text = sentence(text.map_or("", |it| it));
    if text.is_empty() {
        return;
    }
    if !message.is_empty() {
        message.push(' ');
    }
    message.push_str(&text);
}

/// The text as a sentence: a capital at its beginning, a full stop at its end.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return String::new() };
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), characters.as_str())
}

fn cut(message: String) -> String {
    if message.len() <= MOST_BYTES {
        return message;
    }
    let end = (0..MOST_BYTES - 3).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &message[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_a_sentence() {
        assert_eq!(sentence("no agent runs"), "No agent runs.");
        assert_eq!(sentence("Done!"), "Done!");
        assert_eq!(sentence("  "), "");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let cut = cut("é".repeat(600));
        assert!(cut.len() <= MOST_BYTES && cut.ends_with('…'), "{}", cut.len());
    }
}
