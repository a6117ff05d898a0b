//! The agents' own reports, by the addresses of their nodes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use futures::StreamExt as _;
use http_body_util::{BodyExt as _, Collected, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::facts::cluster::Text;
use crate::facts::{Cause, Failure, Observed};

/// Most bytes of one report: one of a large node has less than a megabyte.
const MAX_BYTES: usize = 8 << 20;

/// How agents are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// Their port.
    pub port: u16,
    /// How many at once: each may hold a whole report in memory.
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
            let limit = until.min(tokio::time::Instant::now() + asking.patience);
            let report = tokio::time::timeout_at(limit, report(address, asking.port)).await;
            let late =
                || Failure::new(Cause::Timeout, format!("no report within {:?}", asking.patience));
            let report = report.unwrap_or_else(|_| Err(late()));
            (name, Observed::from(report.and_then(|it| reduce(&it))))
        }
    };
    futures::stream::iter(nodes).map(one).buffer_unordered(asking.at_once.max(1)).collect().await
}

/// `GET /report` of one agent.
async fn report(address: Option<IpAddr>, port: u16) -> Result<Bytes, Failure> {
    let Some(address) = address else {
        return Err(Failure::new(Cause::Prerequisite, "its Node has no internal address"));
    };
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
        .body(Empty::<Bytes>::new())
        .map_err(|it| io(&it))?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(|it| io(&it))?;
        if !response.status().is_success() {
            let words = format!("it answered {}", response.status());
            return Err(Failure::new(Cause::PermissionDenied, words));
        }
        let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
        body.map(Collected::to_bytes).map_err(|it| Failure::new(Cause::TooLarge, it.to_string()))
    };
    tokio::pin!(answer, connection);
    tokio::select! {
        answer = &mut answer => answer,
        ended = &mut connection => match ended {
            // The server may close as soon as it has answered; what it sent is still to be read.
            Ok(()) => answer.await,
            Err(error) => Err(io(&error)),
        },
    }
}

fn io(error: &dyn std::error::Error) -> Failure {
    let words: Vec<String> =
        std::iter::successors(Some(error), |it| it.source()).map(ToString::to_string).collect();
    Failure::new(Cause::Io, words.join(": "))
}
