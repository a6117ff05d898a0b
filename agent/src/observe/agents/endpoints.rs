//! Health and status endpoints, all asked at once.

use std::collections::BTreeMap;
use std::thread;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::facts::agents::{Answer, Endpoint};
use crate::facts::{Cause, Failure, Observed};
use crate::observe::Host;
use crate::observe::beside::Beside;
use crate::observe::local::{self, Address, Reply};

/// Where an endpoint is and what is asked there.
struct Question {
    endpoint: Endpoint,
    /// The next is asked where nobody listens on the one before.
    addresses: &'static [Address],
    /// `None`: connecting is all.
    path: Option<&'static str>,
    /// Most bytes of the body that are kept.
    body: usize,
}

const CILIUM_STATUS: (&[Address], &str) = (
    // `/var/run` is a link to `/run` on a host; in a container it may be mounted as such.
    &[Address::Unix("/run/cilium/cilium.sock"), Address::Unix("/var/run/cilium/cilium.sock")],
    "/v1/healthz",
);

const QUESTIONS: &[Question] = &[
    ask(Endpoint::CiliumHealthz, &[Address::V4(9879), Address::V6(9879)], "/healthz", 0),
    ask(Endpoint::CiliumEnvoy, &[Address::V4(9878), Address::V6(9878)], "/healthz", 0),
    ask(Endpoint::KubeProxyHealthz, &[Address::V4(10256), Address::V6(10256)], "/healthz", 0),
    ask(Endpoint::KubeProxyMode, &[Address::V4(10249), Address::V6(10249)], "/proxyMode", 64),
    ask(Endpoint::FelixLiveness, &[Address::V4(9099), Address::V6(9099)], "/liveness", 0),
    ask(Endpoint::FelixReadiness, &[Address::V4(9099), Address::V6(9099)], "/readiness", 0),
    Question {
        endpoint: Endpoint::AwsIpamdGrpc,
        addresses: &[Address::V4(50051)],
        path: None,
        body: 0,
    },
    ask(Endpoint::AwsIpamdSettings, &[Address::V4(61679)], "/v1/ipamd-env-settings", 8192),
    ask(Endpoint::AwsNetworkSettings, &[Address::V4(61679)], "/v1/networkutils-env-settings", 8192),
    ask(Endpoint::AwsPolicyAgent, &[Address::V4(8163)], "/healthz", 0),
    ask(Endpoint::KubeRouter, &[Address::V4(20244)], "/healthz", 0),
    ask(Endpoint::Weave, &[Address::V4(6784)], "/status", 0),
];

const fn ask(
    endpoint: Endpoint,
    addresses: &'static [Address],
    path: &'static str,
    body: usize,
) -> Question {
    Question { endpoint, addresses, path: Some(path), body }
}

/// What was heard. Cilium's status is kept as it came, so that a recording holds all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Heard {
    pub(super) endpoints: BTreeMap<Endpoint, Observed<Answer>>,
    /// `StatusResponse` of Cilium's API; `Known(None)`: nobody listens.
    pub(super) cilium_status: Observed<Option<Value>>,
}

/// Asks every endpoint, each in a thread of its own.
pub(super) fn hear(host: &Host) -> Heard {
    host.ask("agent_endpoints", || live(host), |failure| unheard(&failure))
}

fn unheard(failure: &Failure) -> Heard {
    let unknown = |it: Endpoint| (it, Observed::Unknown(failure.clone()));
    let all = QUESTIONS.iter().map(|it| it.endpoint).chain([Endpoint::CiliumStatus]);
    Heard {
        endpoints: all.map(unknown).collect(),
        cilium_status: Observed::Unknown(failure.clone()),
    }
}

fn live(host: &Host) -> Heard {
    let of_cilium = || cilium(host);
    let others: Vec<_> =
        QUESTIONS.iter().map(|it| (it.endpoint, move || question(host, it))).collect();
    thread::scope(|scope| {
        let cilium = Beside::start(scope, &of_cilium);
        let threads: Vec<_> =
            others.iter().map(|(it, ask)| (*it, Beside::start(scope, ask))).collect();
        let lost = || Failure::new(Cause::Panicked, "the source panicked; please report this");
        let mut endpoints: BTreeMap<Endpoint, Observed<Answer>> = threads
            .into_iter()
            .map(|(it, thread)| (it, thread.join().unwrap_or_else(|_| Observed::Unknown(lost()))))
            .collect();
        let (answer, cilium_status) = cilium
            .join()
            .unwrap_or_else(|_| (Observed::Unknown(lost()), Observed::Unknown(lost())));
        endpoints.insert(Endpoint::CiliumStatus, answer);
        Heard { endpoints, cilium_status }
    })
}

fn question(host: &Host, question: &Question) -> Observed<Answer> {
    let Some(path) = question.path else {
        return local::any_of(question.addresses, |it| local::connect(host, it)).map(
            |it| match it {
                Reply::Said(()) => Answer::Connected,
                Reply::NoSocket | Reply::NobodyListens => Answer::NobodyListens,
            },
        );
    };
    let get = |it| local::get(host, it, path, question.body > 0);
    local::any_of(question.addresses, get).map(|it| match it {
        Reply::Said(response) => {
            Answer::Http { status: response.status, body: text(&response.body, question.body) }
        }
        Reply::NoSocket | Reply::NobodyListens => Answer::NobodyListens,
    })
}

/// Text of at most so many bytes; what is longer or no text is of no use.
fn text(body: &[u8], most: usize) -> String {
    let text = std::str::from_utf8(body).ok().filter(|it| it.len() <= most);
    text.unwrap_or_default().trim().to_owned()
}

fn cilium(host: &Host) -> (Observed<Answer>, Observed<Option<Value>>) {
    let (addresses, path) = CILIUM_STATUS;
    let response = match local::any_of(addresses, |it| local::get(host, it, path, true)) {
        Observed::Known(Reply::Said(response)) => response,
        Observed::Known(Reply::NoSocket | Reply::NobodyListens) => {
            return (Observed::Known(Answer::NobodyListens), Observed::Known(None));
        }
        Observed::Unknown(failure) => {
            return (Observed::Unknown(failure.clone()), Observed::Unknown(failure));
        }
    };
    let status = match response.status {
        200 => serde_json::from_slice(&response.body)
            .map(Some)
            .map_err(|error| Failure::new(Cause::Malformed, format!("Cilium's status: {error}"))),
        status => Err(Failure::new(
            Cause::Inconclusive,
            format!("Cilium's agent answered {status} instead of its status"),
        )),
    };
    let answer = Answer::Http { status: response.status, body: String::new() };
    (Observed::Known(answer), status.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::observe::host::tests::host;

    #[test]
    fn nobody_listens_on_a_host_without_agents() {
        let (_dir, host) = host(|root| std::fs::create_dir_all(root.join("run/cilium")).unwrap());
        let heard = live(&host);
        let answer = &heard.endpoints[&Endpoint::CiliumStatus];
        assert_eq!(answer, &Observed::Known(Answer::NobodyListens));
        assert_eq!(heard.cilium_status, Observed::Known(None));
        assert_eq!(heard.endpoints.len(), QUESTIONS.len() + 1);
    }

    /// As in a pod that has the host's /proc and /sys, and not its /run.
    #[test]
    fn without_the_hosts_run_cilium_may_live_and_ports_still_answer() {
        let (_dir, host) = host(|_| {});
        let heard = live(&host);
        let asked =
            [heard.endpoints[&Endpoint::CiliumStatus].failure(), heard.cilium_status.failure()];
        assert_eq!(asked.map(|it| it.unwrap().cause), [Cause::Prerequisite; 2]);
        assert!(heard.endpoints[&Endpoint::KubeProxyHealthz].known().is_some());
    }

    #[test]
    fn the_status_of_a_cilium_agent_is_heard_through_a_root() {
        let (dir, host) = host(|root| std::fs::create_dir_all(root.join("run/cilium")).unwrap());
        let listener = UnixListener::bind(dir.path().join("run/cilium/cilium.sock")).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            let body = r#"{"cilium":{"state":"Ok"}}"#;
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
                .unwrap();
        });
        let (answer, status) = cilium(&host);
        server.join().unwrap();
        assert_eq!(answer, Observed::Known(Answer::Http { status: 200, body: String::new() }));
        let status = status.known().unwrap().as_ref().unwrap().clone();
        assert_eq!(status["cilium"]["state"], "Ok");
    }
}
