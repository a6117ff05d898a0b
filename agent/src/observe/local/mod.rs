//! Questions to processes of this machine: a Unix socket or the loopback, with a deadline, without
//! trust in the answer.
//!
//! A client library would bring a runtime of its own and a pool; what is needed is one GET with a
//! bound on time and bytes. The parsing is `httparse`'s.

pub mod http;
mod socket;

use std::time::{Duration, Instant};

use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;
use http::{Parsed, Response};
use socket::{Connect, Stream};

/// How long one question may take in all. Agents answer from memory in a few milliseconds.
pub(super) const LIMIT: Duration = Duration::from_millis(300);

/// Most bytes of an answer whose body is wanted: Cilium's status has a few hundred bytes for each
/// pod.
const MOST_BYTES: usize = 2 << 20;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address {
    /// A TCP port of 127.0.0.1.
    V4(u16),
    /// A TCP port of `[::1]`.
    V6(u16),
    /// A Unix socket of the host.
    Unix(&'static str),
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply<T> {
    /// No such socket file.
    NoSocket,
    /// Refused: nobody listens.
    NobodyListens,
    /// The answer.
    Said(T),
}

/// Asks an endpoint that may be at any of these addresses, until one answers or fails.
///
/// Where none answers, an address that could be looked at counts more than one that could not: a
/// socket has a path in `/run` and the same one in `/var/run`, and a container may have one of them.
pub(super) fn any_of<T>(
    addresses: &[Address],
    ask: impl Fn(Address) -> Observed<Reply<T>>,
) -> Observed<Reply<T>> {
    let mut open: Option<Failure> = None;
    let mut nobody: Option<Reply<T>> = None;
    for address in addresses {
        match ask(*address) {
            Observed::Known(Reply::NoSocket) => nobody = nobody.or(Some(Reply::NoSocket)),
            Observed::Known(Reply::NobodyListens) => nobody = Some(Reply::NobodyListens),
            Observed::Unknown(it) if it.cause == Cause::Prerequisite => open = open.or(Some(it)),
            answer => return answer,
        }
    }
    match (nobody, open) {
        (None, Some(failure)) => Observed::Unknown(failure),
        (nobody, _) => Observed::Known(nobody.unwrap_or(Reply::NoSocket)),
    }
}

/// Connects and says nothing.
pub(super) fn connect(host: &Host, address: Address) -> Observed<Reply<()>> {
    let deadline = Instant::now() + LIMIT;
    match socket::connect(host, address, deadline) {
        Connect::Stream(_) => Observed::Known(Reply::Said(())),
        Connect::NoSocket => Observed::Known(Reply::NoSocket),
        Connect::NobodyListens => Observed::Known(Reply::NobodyListens),
        Connect::Failed(failure) => Observed::Unknown(failure),
    }
}

/// Sends `GET path` and reads the answer; without `want_body` only until its head is there.
pub(super) fn get(
    host: &Host,
    address: Address,
    path: &str,
    want_body: bool,
) -> Observed<Reply<Response>> {
    let deadline = Instant::now() + LIMIT;
    let mut stream = match socket::connect(host, address, deadline) {
        Connect::Stream(stream) => stream,
        Connect::NoSocket => return Observed::Known(Reply::NoSocket),
        Connect::NobodyListens => return Observed::Known(Reply::NobodyListens),
        Connect::Failed(failure) => return Observed::Unknown(failure),
    };
    exchange(&mut stream, path, want_body)
        .map_err(|it| Failure::new(it.cause, format!("{address:?} {path}: {}", it.detail)))
        .map(Reply::Said)
        .into()
}

fn exchange(stream: &mut Stream, path: &str, want_body: bool) -> Result<Response, Failure> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bpfready\r\nConnection: close\r\n\r\n"
    );
    stream.send(request.as_bytes())?;
    let mut bytes = Vec::new();
    loop {
        let ended = stream.receive(&mut bytes)? == 0;
        match http::parse(&bytes, ended) {
            Parsed::Whole(response) => return Ok(response),
            Parsed::Head(response) if !want_body => return Ok(response),
            Parsed::Head(_) | Parsed::Nothing if ended => {
                return Err(Failure::new(Cause::Malformed, "the answer was cut short"));
            }
            Parsed::Head(_) | Parsed::Nothing => {}
            Parsed::Malformed(words) => {
                return Err(Failure::new(Cause::Malformed, format!("no HTTP answer: {words}")));
            }
        }
        if bytes.len() > MOST_BYTES {
            let detail = format!("the answer has more than {MOST_BYTES} bytes");
            return Err(Failure::new(Cause::TooLarge, detail));
        }
    }
}

#[cfg(test)]
mod tests;
