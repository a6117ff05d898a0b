//! Reading a sysctl for a rule: its value, or the answer that its absence or failure is.

use super::{Answer, Case};
use crate::facts::Observed;
use crate::judge::reason::Reason;
use crate::judge::report::Severity;

/// The trimmed value; `Ok(None)`: this kernel has no such sysctl.
pub(super) fn read<'a>(
    case: &Case<'a>,
    name: &str,
    severity: Severity,
) -> Result<Option<&'a str>, Answer> {
    match case.facts.security.sysctls.get(name) {
        Some(Observed::Known(value)) => Ok(value.as_deref().map(str::trim)),
        Some(Observed::Unknown(failure)) => Err(Answer::failed_look(severity, name, failure)),
        None => {
            let message = format!("{name} was not read");
            Err(Answer::undetermined(severity, Reason::NotProbed, message))
        }
    }
}

/// An answer about a value that is not what the kernel documents.
pub(super) fn malformed(name: &str, expected: &str, found: &str, severity: Severity) -> Answer {
    let message = format!("{name}: expected {expected}, found {found:?}");
    Answer::undetermined(severity, Reason::Malformed, message)
}
