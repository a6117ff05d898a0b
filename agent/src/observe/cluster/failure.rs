//! What an error of the API server means.

use crate::facts::{Cause, Failure};

/// Why a look at `what` failed. Never "there is none": a 403 proves nothing.
pub fn failure(what: &str, error: &kube::Error) -> Failure {
    let cause = match error {
        kube::Error::Api(status) => match status.code {
            401 | 403 => Cause::PermissionDenied,
            404..=406 => Cause::NotSupported,
            408 | 504 => Cause::Timeout,
            429 | 503 => Cause::Busy,
            _ => Cause::Io,
        },
        kube::Error::ReadEvents(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            Cause::Timeout
        }
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Cause::Malformed,
        _ => Cause::Io,
    };
    Failure::new(cause, format!("{what}: {}", words(error)))
}

/// The server's own sentence, else the error and its causes.
fn words(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error
        && !status.message.is_empty()
    {
        return status.message.clone();
    }
    let first: &dyn std::error::Error = error;
    let mut words: Vec<String> =
        std::iter::successors(Some(first), |it| it.source()).map(ToString::to_string).collect();
    // Layers between that say nothing.
    words.retain(|it| it != "ServiceError" && it != "client error (Connect)");
    // Some errors say their cause themselves.
    words.dedup_by(|cause, error| error.contains(cause.as_str()));
    words.join(": ")
}

/// Whether the same request may succeed a moment later.
pub(super) fn is_passing(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => matches!(status.code, 408 | 429 | 500..=599),
        kube::Error::Service(_) | kube::Error::HyperError(_) => true,
        kube::Error::ReadEvents(error) => error.kind() == std::io::ErrorKind::TimedOut,
        _ => false,
    }
}

/// Whether the page that was asked for is too old to go on from.
pub(super) fn is_expired(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 410)
}
