//! Paged lists: each page is trimmed before the next one is asked for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kube::api::ListParams;
use kube::{Client, core::Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::failure::{failure, is_expired, is_passing};
use super::kinds::Selection;
use crate::facts::cluster::text::{Interner, Trim};
use crate::facts::{Cause, Failure, Observed};

/// Longest wait for one answer.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often one request is tried when the server says "later" or breaks off.
const TRIES: u32 = 4;
/// How often a list is begun anew when it became too old on the way.
const BEGINNINGS: u32 = 3;

/// Asks the API server, counts what it asks.
#[expect(missing_debug_implementations, reason = "a client has nothing to show")]
pub struct Reader {
    client: Client,
    requests: AtomicU64,
    /// A request was tried in vain as often as it may be: the next ones are tried once, until one is
    /// answered. A server that dies half-way is not waited for part by part.
    silent: AtomicBool,
}

/// What was asked so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requests(pub u64);

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Page<T> {
    #[serde(default)]
    metadata: PageMeta,
    items: Option<Vec<T>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PageMeta {
    #[serde(rename = "continue")]
    next: Option<String>,
}

impl Reader {
    /// A reader by this client.
    pub fn new(client: Client) -> Self {
        Self { client, requests: AtomicU64::new(0), silent: AtomicBool::new(false) }
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// How many requests were sent.
    pub fn requests(&self) -> Requests {
        Requests(self.requests.load(Ordering::Relaxed))
    }

    /// All selected objects that `wanted` keeps, trimmed.
    pub async fn list<T: DeserializeOwned + Trim>(
        &self,
        selection: &Selection,
        interner: &mut Interner,
        wanted: impl Fn(&T) -> bool,
    ) -> Observed<Vec<T>> {
        for _ in 0..BEGINNINGS {
            match self.pages(selection, interner, &wanted).await {
                Ok(all) => return Observed::Known(all),
                Err(error) if is_expired(&error) => {}
                Err(error) => return Observed::Unknown(failure(&selection.path, &error)),
            }
        }
        let words = format!("{}: became too old while it was read", selection.path);
        Observed::unknown(Cause::Busy, words)
    }

    async fn pages<T: DeserializeOwned + Trim>(
        &self,
        selection: &Selection,
        interner: &mut Interner,
        wanted: &impl Fn(&T) -> bool,
    ) -> kube::Result<Vec<T>> {
        let mut all = Vec::new();
        let mut next = None;
        loop {
            let page: Page<T> = self.page(selection, next.as_deref()).await?;
            for mut object in page.items.into_iter().flatten() {
                if wanted(&object) {
                    object.trim(interner);
                    all.push(object);
                }
            }
            next = page.metadata.next.filter(|it| !it.is_empty());
            if next.is_none() {
                all.shrink_to_fit();
                return Ok(all);
            }
        }
    }

    async fn page<T: DeserializeOwned>(
        &self,
        selection: &Selection,
        next: Option<&str>,
    ) -> kube::Result<Page<T>> {
        let mut params = ListParams::default().limit(selection.page);
        params.continue_token = next.map(str::to_owned);
        if !selection.labels.is_empty() {
            params = params.labels(selection.labels);
        }
        if !selection.fields.is_empty() {
            params = params.fields(selection.fields);
        }
        let request = Request::new(&selection.path);
        let build = || {
            let built = match selection.metadata_only {
                true => request.list_metadata(&params),
                false => request.list(&params),
            };
            built.map_err(kube::Error::BuildRequest)
        };
        self.ask(build).await
    }

    /// One object; `None`: there is none.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Failure> {
        let build = || http::Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError);
        match self.ask(build).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(failure(path, &error)),
        }
    }

    /// Sends a request until it is answered, but not for ever.
    async fn ask<T: DeserializeOwned>(
        &self,
        build: impl Fn() -> kube::Result<http::Request<Vec<u8>>>,
    ) -> kube::Result<T> {
        let tries = if self.silent.load(Ordering::Relaxed) { 1 } else { TRIES };
        let mut wait = Duration::from_millis(250);
        let mut tried = 1;
        loop {
            let answer = self.once(build()?).await;
            let passes = answer.as_ref().err().is_some_and(is_passing);
            if !passes || tried == tries {
                self.silent.store(passes, Ordering::Relaxed);
                return answer;
            }
            if let Err(error) = &answer {
                tracing::debug!(%error, tried, "the API server did not answer; asking again");
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            tried += 1;
        }
    }

    async fn once<T: DeserializeOwned>(&self, request: http::Request<Vec<u8>>) -> kube::Result<T> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let answer = tokio::time::timeout(DEADLINE, self.client.request(request)).await;
        let late = || kube::Error::ReadEvents(std::io::ErrorKind::TimedOut.into());
        answer.unwrap_or_else(|_| Err(late()))
    }

    /// Asks for the version alone: whether the server answers at all.
    ///
    /// # Errors
    ///
    /// What it says instead, or that it says nothing.
    pub async fn knock(&self) -> kube::Result<()> {
        let build =
            || http::Request::get("/version").body(Vec::new()).map_err(kube::Error::HttpError);
        self.ask::<serde::de::IgnoredAny>(build).await.map(drop)
    }
}
