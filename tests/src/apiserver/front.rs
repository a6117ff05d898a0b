//! The door: it listens on loopback, writes down every request, lets faults happen, and hands the
//! rest to what is behind it: the in-process server, or a real one.
//!
//! Faults, log and hooks are therefore the same for both.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::body::{self, Body};
use super::faults::{Fault, Faults};
use super::log::{Log, Record};
use super::real::Real;
use super::request::{self, Meaning, Query};
use super::server::{self, State};
use super::status::{Refusal, qualified};

/// What answers.
pub(super) enum Behind {
    Ours(Arc<State>),
    Real(Arc<Real>),
}

/// A writer that comes between: it runs before the next request that matches is carried out.
pub(super) type Hook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// What the door knows.
pub(super) struct Front {
    pub behind: Behind,
    pub log: Log,
    pub faults: Faults,
    pub hooks: std::sync::Mutex<Vec<(super::faults::Match, Hook)>>,
    /// Counted up to end every connection.
    pub cut: watch::Sender<u64>,
}

/// The connection is to be cut: hyper closes it on an error of the service.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct Cut;

/// Accepts connections for ever.
pub(super) async fn serve(front: Arc<Front>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(connection(Arc::clone(&front), stream));
    }
}

/// Where a listener listens.
pub(super) fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().expect("a bound listener has an address")
}

async fn connection(front: Arc<Front>, stream: TcpStream) {
    // Small answers must not wait for the acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    let mut cut = front.cut.subscribe();
    let service = service_fn(move |request| {
        let front = Arc::clone(&front);
        Box::pin(async move { answer(&front, request).await })
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    let mut connection =
        builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        ended = poll_fn(|context| connection.poll_without_shutdown(context)) => ended,
        _ = cut.changed() => Ok(()),
    };
    if ended.is_err_and(|it| it.is_user()) {
        let stream = connection.into_parts().io.into_inner();
        // Lingering for no time turns the close into a reset.
        let _ = sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
    }
}

async fn answer(front: &Arc<Front>, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return Err(Cut);
    };
    let mut record = record(&parts, &body);
    let hook = take_hook(front, &record);
    if let Some(hook) = hook {
        hook().await;
    }
    let fault = front.faults.meet(&record);
    let answer = with_fault(front, server::Request { parts, body }, fault.clone(), &record).await;
    record.code = answer.as_ref().map_or(0, |it| it.status().as_u16());
    front.log.add(record);
    let answer = answer?;
    Ok(match fault {
        Some(Fault::EndWatch(after)) => ended(answer, after),
        _ => answer,
    })
}

fn take_hook(front: &Front, record: &Record) -> Option<Hook> {
    let mut hooks = front.hooks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let at = hooks.iter().position(|(which, _)| which.meets(record))?;
    Some(hooks.remove(at).1)
}

async fn with_fault(
    front: &Front,
    request: server::Request,
    fault: Option<Fault>,
    record: &Record,
) -> Result<Response<Body>, Cut> {
    let refuse = |code, reason| body::refusal(&Refusal::new(code, reason, "injected by the test"));
    match fault {
        None | Some(Fault::EndWatch(_)) => Ok(forward(front, request).await),
        Some(Fault::Slow(time)) => {
            tokio::time::sleep(time).await;
            Ok(forward(front, request).await)
        }
        Some(Fault::Reset) => Err(Cut),
        Some(Fault::ResetAfter) => {
            forward(front, request).await;
            Err(Cut)
        }
        Some(Fault::TooManyRequests { retry_after }) => {
            let message = "The apiserver is busy, please try again later.";
            let mut refusal = Refusal::new(429, "TooManyRequests", message);
            refusal.retry_after = Some(retry_after);
            Ok(body::refusal(&refusal))
        }
        Some(Fault::Unauthorized) => Ok(body::refusal(&Refusal::unauthorized())),
        Some(Fault::Status(code)) => Ok(refuse(code, reason(code))),
        Some(Fault::Gone) if record.verb == "watch" => {
            let gone = Refusal::expired("too old resource version").body();
            let event = json!({"type": "ERROR", "object": gone});
            Ok(body::json(200, format!("{event}\n")))
        }
        Some(Fault::Gone) => Ok(body::refusal(&Refusal::expired("injected by the test"))),
    }
}

/// The reason that the API server gives with a code.
fn reason(code: u16) -> &'static str {
    match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "",
    }
}

async fn forward(front: &Front, request: server::Request) -> Response<Body> {
    match &front.behind {
        Behind::Ours(state) => server::answer(state, &request),
        Behind::Real(real) => real.forward(request).await,
    }
}

/// The same answer, but its body ends after a while.
fn ended(answer: Response<Body>, after: Duration) -> Response<Body> {
    answer.map(|body| {
        let until = tokio::time::Instant::now() + after;
        let frames = futures::stream::unfold(body, move |mut body| async move {
            let frame = tokio::time::timeout_at(until, body.frame()).await.ok()??;
            Some((frame, body))
        });
        http_body_util::StreamBody::new(frames).boxed_unsync()
    })
}

fn record(parts: &http::request::Parts, body: &Bytes) -> Record {
    let text = |name: &str| request::header(parts, name).to_owned();
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let mut record = Record {
        at: Instant::now(),
        verb: "get",
        resource: path.to_owned(),
        subresource: String::new(),
        namespace: String::new(),
        name: String::new(),
        query: query.to_owned(),
        content_type: text("content-type"),
        accept: text("accept"),
        agent: text("user-agent"),
        body_bytes: body.len(),
        code: 0,
    };
    if let Meaning::Resource(target) = request::meaning(path) {
        record.verb = request::verb(&parts.method, &target, &Query::parse(query));
        record.resource = qualified(&target.group, &target.plural);
        record.subresource = target.subresource.unwrap_or_default();
        record.namespace = target.namespace.unwrap_or_default();
        record.name = target.name.unwrap_or_default();
    }
    record
}
