//! What is served at which path.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;

use super::negotiate;
use crate::publish::prometheus::Form;

/// One path.
pub struct Route {
    /// The whole path, such as `/metrics`.
    pub path: &'static str,
    /// Anybody may read it, also where the others need a token: for kubelets.
    pub is_open: bool,
    /// Makes the answer. It must neither wait nor work for long.
    pub answer: Box<dyn Fn(&Wish<'_>) -> Answer + Send + Sync>,
}

impl Route {
    /// A path that needs a token where tokens are asked for.
    pub fn new(
        path: &'static str,
        answer: impl Fn(&Wish<'_>) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self { path, is_open: false, answer: Box::new(answer) }
    }

    /// The same, readable for anybody.
    #[must_use]
    pub fn open(self) -> Self {
        Self { is_open: true, ..self }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("path", &self.path).field("is_open", &self.is_open).finish()
    }
}

/// What a client would like.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The head of its request.
    pub headers: &'a HeaderMap,
}

impl Wish<'_> {
    /// Which form of metrics it wants.
    pub fn form(&self) -> Form {
        negotiate::form(self.headers)
    }
}

/// An answer before it is encoded.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// What is said.
    pub content: Content,
}

/// The content of an answer.
#[derive(Debug, Clone)]
pub enum Content {
    /// As it is; compressed for clients that like that.
    Plain(Bytes),
    /// gzip already; unpacked piece by piece for clients that cannot.
    Gzipped(Bytes),
}

impl Answer {
    /// 200 with this.
    pub fn ok(content_type: &'static str, content: Content) -> Self {
        Self { status: 200, content_type, content }
    }

    /// One line of text.
    pub fn line(status: u16, text: &str) -> Self {
        let content = Content::Plain(Bytes::from(format!("{text}\n")));
        Self { status, content_type: "text/plain; charset=utf-8", content }
    }
}
