//! One connection: HTTP/1.1, as long as it is worth it.

use std::convert::Infallible;
use std::pin::pin;

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    REFERRER_POLICY, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::access::Refusal;
use super::body::{Body, body};
use super::route::{Answer, Wish};
use super::{Server, negotiate};

type Request = http::Request<Incoming>;

/// No more header lines than any client sends.
const MOST_HEADERS: usize = 64;

pub(super) async fn serve<S>(server: &Server, stream: S, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let limits = &server.limits;
    let service =
        service_fn(|request| async move { Ok::<_, Infallible>(answer(server, &request).await) });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
        () = sleep(limits.life) => {}
        _ = stop.wait_for(|it| *it) => {}
    }
    connection.as_mut().graceful_shutdown();
    match timeout(limits.grace, connection).await {
        Ok(ended) => note(ended),
        Err(_) => server.stats.refused("slow"),
    }
}

/// Clients leave in many ways; none is worth more than a line for those who look for it.
fn note(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(server: &Server, request: &Request) -> Response<Body> {
    let path = request.uri().path();
    let known = server.routes.iter().find(|it| it.path == path).map_or("other", |it| it.path);
    let made = timeout(server.limits.answer, respond(server, request)).await;
    let response = made.unwrap_or_else(|_| plain(request, Answer::line(503, "not in time")));
    server.stats.answered(known, response.status().as_u16());
    response
}

async fn respond(server: &Server, request: &Request) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(request, Answer::line(405, "only GET and HEAD"));
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let path = request.uri().path();
    let route = server.routes.iter().find(|it| it.path == path);
    // Without a token it is not even told which paths there are.
    if !route.is_some_and(|it| it.is_open)
        && let Err(refusal) = server.access.check(request.headers(), path).await
    {
        return refused(request, refusal);
    }
    match route {
        Some(route) => plain(request, (route.answer)(&Wish { headers: request.headers() })),
        None => plain(request, Answer::line(404, "no such page")),
    }
}

fn refused(request: &Request, refusal: Refusal) -> Response<Body> {
    let (status, text) = match refusal {
        Refusal::Unauthenticated => (401, "a bearer token is needed"),
        Refusal::Forbidden => (403, "this token may not read this path"),
        Refusal::CannotTell => (503, "the API server could not be asked about this token"),
    };
    let mut response = plain(request, Answer::line(status, text));
    if refusal == Refusal::Unauthenticated {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn plain(request: &Request, answer: Answer) -> Response<Body> {
    let Answer { status, content_type, content } = answer;
    let (body, is_gzip) = body(content, negotiate::takes_gzip(request.headers()));
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let set = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (VARY, "Accept, Accept-Encoding"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // The page is text and its own style: nothing is loaded, nothing runs, nobody frames it.
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}
