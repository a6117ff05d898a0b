//! The agents' own reports, by the addresses of their nodes.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use flate2::bufread::GzDecoder;
use futures::StreamExt as _;
use http_body_util::{BodyExt as _, Collected, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::facts::cluster::Text;
use crate::facts::{Cause, Failure, Observed};

/// Most bytes of one report: one of a large node has less than a megabyte.
const MAX_BYTES: usize = 4 << 20;
/// Most bytes of it as it is sent: packed to a tenth, as agents send it. So many of them are held at
/// once as are asked at once.
const MAX_SENT: usize = 2 << 20;

/// How agents are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// Their port.
    pub port: u16,
    /// How many at once: each holds a report in memory as it was sent, packed to a tenth. Only one at
    /// a time is unpacked.
    pub at_once: usize,
    /// Longest wait for one of them.
    pub patience: Duration,
    /// Longest wait for all of them; who was not asked by then is unknown.
    pub deadline: Duration,
}

impl Default for Asking {
    fn default() -> Self {
        Self {
            port: 9770,
            at_once: 16,
            patience: Duration::from_secs(3),
            deadline: Duration::from_secs(60),
        }
    }
}

/// Asks every agent for its report, and reduces each to `T` before the next one is held.
pub async fn ask<T>(
    nodes: Vec<(Text, Option<IpAddr>)>,
    asking: Asking,
    reduce: impl Fn(&[u8]) -> Result<T, Failure>,
) -> BTreeMap<Text, Observed<T>> {
    let until = tokio::time::Instant::now() + asking.deadline;
    let one = |(name, address): (Text, Option<IpAddr>)| {
        let reduce = &reduce;
        async move {
            let report = in_time(address, asking, until).await;
            (name, Observed::from(report.and_then(|it| reduce(&it.unpacked()?))))
        }
    };
    futures::stream::iter(nodes).map(one).buffer_unordered(asking.at_once.max(1)).collect().await
}

async fn in_time(
    address: Option<IpAddr>,
    asking: Asking,
    until: tokio::time::Instant,
) -> Result<Sent, Failure> {
    let now = tokio::time::Instant::now();
    let Asking { patience, deadline, port, .. } = asking;
    if now >= until {
        let words = format!("not asked: the others took {deadline:?}");
        return Err(Failure::new(Cause::Timeout, words));
    }
    let report = tokio::time::timeout_at(until.min(now + patience), report(address, port)).await;
    report.unwrap_or_else(|_| {
        Err(Failure::new(Cause::Timeout, format!("no report within {patience:?}")))
    })
}

/// Whether an address can be that of a node. Each kubelet writes the address of its own Node, so one
/// that somebody took over may name another machine: not the cloud's own services, which give
/// credentials to whoever asks, nor whole networks.
fn is_a_nodes(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(it) => {
            !(it.is_link_local() || it.is_unspecified() || it.is_multicast() || it.is_broadcast())
        }
        IpAddr::V6(it) => {
            let is_metadata_of_ec2 = it == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
            let never = it.is_unicast_link_local() || it.is_unspecified() || it.is_multicast();
            !(never || is_metadata_of_ec2)
        }
    }
}

/// A report as it was sent.
struct Sent {
    body: Bytes,
    is_gzip: bool,
}

impl Sent {
    fn unpacked(self) -> Result<Bytes, Failure> {
        if !self.is_gzip {
            return Ok(self.body);
        }
        let mut bytes = Vec::new();
        let most = MAX_BYTES as u64 + 1;
        match GzDecoder::new(&self.body[..]).take(most).read_to_end(&mut bytes) {
            Ok(length) if length <= MAX_BYTES => Ok(bytes.into()),
            Ok(_) => Err(too_large()),
            Err(error) => Err(Failure::new(Cause::Malformed, format!("not gzip: {error}"))),
        }
    }
}

fn too_large() -> Failure {
    let words = format!(
        "its report has more than {} MiB, or {} MiB as it is sent",
        MAX_BYTES >> 20,
        MAX_SENT >> 20
    );
    Failure::new(Cause::TooLarge, words)
}

/// `GET /report` of one agent.
async fn report(address: Option<IpAddr>, port: u16) -> Result<Sent, Failure> {
    let Some(address) = address else {
        return Err(Failure::new(Cause::Prerequisite, "its Node has no internal address"));
    };
    if !is_a_nodes(address) {
        let words = format!("{address} is no address of a node, and was not asked");
        return Err(Failure::new(Cause::Malformed, words));
    }
    let stream = TcpStream::connect((address, port)).await.map_err(|it| io(&it))?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(64)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|it| io(&it))?;
    // The connection is driven beside the request and ends with it.
    let request = http::Request::get("/report")
        .header(http::header::HOST, format!("{address}"))
        .header(http::header::ACCEPT, "application/json")
        .header(http::header::ACCEPT_ENCODING, "gzip")
        .body(Empty::<Bytes>::new())
        .map_err(|it| io(&it))?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(|it| broken(&it))?;
        if !response.status().is_success() {
            let cause = match response.status().as_u16() {
                401 | 403 => Cause::PermissionDenied,
                // It has not looked yet, or cannot tell who asks.
                503 => Cause::Busy,
                _ => Cause::NotSupported,
            };
            return Err(Failure::new(cause, format!("it answered {}", response.status())));
        }
        let encoding = response.headers().get(http::header::CONTENT_ENCODING);
        let is_gzip = encoding.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"gzip"));
        let body = Limited::new(response.into_body(), MAX_SENT).collect().await;
        match body.map(Collected::to_bytes) {
            Ok(body) => Ok(Sent { body, is_gzip }),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
            Err(error) => Err(io(&*error)),
        }
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        answer = &mut answer => answer,
        ended = &mut connection => match ended {
            // The server may close as soon as it has answered; what it sent is still to be read.
            Ok(()) => answer.await,
            Err(error) => Err(broken(&error)),
        },
    }
}

fn broken(error: &hyper::Error) -> Failure {
    if error.is_parse() {
        return Failure::new(Cause::Malformed, "its answer is not plain HTTP; it may want TLS");
    }
    io(error)
}

fn io(error: &dyn std::error::Error) -> Failure {
    let words: Vec<String> =
        std::iter::successors(Some(error), |it| it.source()).map(ToString::to_string).collect();
    Failure::new(Cause::Io, words.join(": "))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn gzip(text: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap().into()
    }

    fn cause(sent: Sent) -> Option<Cause> {
        sent.unpacked().err().map(|it| it.cause)
    }

    #[test]
    fn what_unpacks_to_more_than_a_report_is_refused_before_it_fills_the_memory() {
        let text = b"{\"verdict\": {}}";
        let sent = Sent { body: gzip(text), is_gzip: true };
        assert_eq!(&sent.unpacked().unwrap()[..], text);
        let bomb = Sent { body: gzip(&vec![b' '; MAX_BYTES + 1]), is_gzip: true };
        assert_eq!(cause(bomb), Some(Cause::TooLarge));
        let sent = Sent { body: Bytes::from_static(b"none"), is_gzip: true };
        assert_eq!(cause(sent), Some(Cause::Malformed));
    }

    #[tokio::test]
    async fn an_address_that_is_no_nodes_is_not_asked() {
        for address in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fd00:ec2::254",
            "fe80::1",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
        ] {
            let failure = report(Some(address.parse().unwrap()), 9770).await.err().unwrap();
            assert!(failure.detail.ends_with("was not asked"), "{failure:?}");
        }
        for address in ["10.0.1.2", "192.168.0.3", "100.64.0.1", "fd00::1", "2001:db8::1"] {
            assert!(is_a_nodes(address.parse().unwrap()), "{address}");
        }
    }

    fn nodes(number: usize) -> Vec<(Text, Option<IpAddr>)> {
        let address = Some(IpAddr::from([127, 0, 0, 1]));
        (0..number).map(|it| (format!("node-{it}").into(), address)).collect()
    }

    /// Answers with the number of requests that are under way, its own included.
    async fn count(listener: TcpListener) {
        let under_way = Arc::new(AtomicUsize::new(0));
        while let Ok((mut stream, _)) = listener.accept().await {
            let under_way = Arc::clone(&under_way);
            tokio::spawn(async move {
                let mut head = [0; 1024];
                let read = stream.read(&mut head).await.unwrap_or(0);
                assert!(head[..read].starts_with(b"GET /report HTTP/1.1"));
                under_way.fetch_add(1, Ordering::SeqCst);
                // Long enough for all who are let in at once to be here.
                tokio::time::sleep(Duration::from_millis(50)).await;
                let most = under_way.fetch_sub(1, Ordering::SeqCst).to_string();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", most.len());
                let _ = stream.write_all((head + &most).as_bytes()).await;
            });
        }
    }

    #[tokio::test]
    async fn no_more_are_asked_at_once_than_allowed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(count(listener));
        let patience = Duration::from_secs(20);
        let asking = Asking { port, at_once: 3, patience, deadline: patience };
        let seen = AtomicUsize::new(0);
        let answers = ask(nodes(10), asking, |it| {
            let under_way = std::str::from_utf8(it).unwrap().parse().unwrap();
            seen.fetch_max(under_way, Ordering::SeqCst);
            Ok(())
        });
        let answers = answers.await;
        assert!(answers.len() == 10 && answers.values().all(|it| it.known().is_some()));
        assert!((1..=3).contains(&seen.load(Ordering::SeqCst)), "{seen:?}");
    }

    #[tokio::test]
    async fn who_hangs_costs_his_own_answer_and_all_of_them_no_more_than_the_deadline() {
        // The kernel takes the connections; nobody ever answers.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asking = Asking {
            port,
            at_once: 2,
            patience: Duration::from_millis(100),
            deadline: Duration::from_millis(150),
        };
        let answers = ask(nodes(20), asking, |_| Ok(())).await;
        let late = |it: &Observed<()>| it.failure().map(|it| it.cause) == Some(Cause::Timeout);
        assert!(answers.len() == 20 && answers.values().all(late), "{answers:?}");
        // Those for whom no time was left were not even connected to.
        let failures = answers.values().filter_map(Observed::failure);
        let asked = failures.filter(|it| !it.detail.starts_with("not asked")).count();
        assert!((2..=4).contains(&asked), "{answers:?}");
    }
}
