//! Bodies of answers: whole, or written while they are read.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;

use super::status::Refusal;

/// What broke a body off.
pub(super) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body of any kind.
pub(super) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body that is there already.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A JSON answer.
pub(super) fn json(code: u16, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(whole(body));
    *response.status_mut() = StatusCode::from_u16(code).expect("a code of ours");
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// A JSON answer of one value.
pub(super) fn value(code: u16, value: &Value) -> Response<Body> {
    json(code, value.to_string())
}

/// A refusal as a `Status`, with `Retry-After` where it has one.
pub(super) fn refusal(refusal: &Refusal) -> Response<Body> {
    let mut response = value(refusal.code, &refusal.body());
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
