//! Who may read: anybody, or those whose token the API server knows and allows.
//!
//! As controller-runtime's secure metrics: a TokenReview says who it is, a SubjectAccessReview
//! whether they may `get` the path as a non-resource URL. Both are remembered for a while, so that
//! scrapes do not wait for the API server.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::AUTHORIZATION;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::sync::Semaphore;

/// Who may read.
#[derive(Debug)]
pub enum Access {
    /// Anybody who reaches the port.
    Open,
    /// Those whom the API server allows.
    Reviewed(Reviewer),
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No token, or none that the API server knows.
    Unauthenticated,
    /// The token's owner may not read this path.
    Forbidden,
    /// The API server gave no answer.
    CannotTell,
}

/// How long an answer holds: those of apiserver's own delegated authorization.
const ALLOWED: Duration = Duration::from_secs(60);
const DENIED: Duration = Duration::from_secs(10);
/// Answers that are remembered; guesses at tokens must not fill the memory.
const MOST_REMEMBERED: usize = 128;
/// Longer tokens are none.
const MOST_TOKEN_BYTES: usize = 8 << 10;
/// Reviews that are asked at once.
const AT_ONCE: usize = 4;
const PATIENCE: Duration = Duration::from_secs(5);

type Digest = [u8; 32];

/// Asks the API server and remembers.
pub struct Reviewer {
    client: Client,
    remembered: Mutex<BTreeMap<(Digest, String), Remembered>>,
    slots: Semaphore,
}

struct Remembered {
    until: Instant,
    answer: Result<(), Refusal>,
}

impl std::fmt::Debug for Reviewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reviewer").finish_non_exhaustive()
    }
}

impl Access {
    /// Whether the bearer of this head may read this path.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn check(&self, headers: &HeaderMap, path: &str) -> Result<(), Refusal> {
        match self {
            Self::Open => Ok(()),
            Self::Reviewed(reviewer) => reviewer.check(headers, path).await,
        }
    }
}

impl Reviewer {
    /// A reviewer that asks through this client.
    pub fn new(client: Client) -> Self {
        Self { client, remembered: Mutex::default(), slots: Semaphore::new(AT_ONCE) }
    }

    async fn check(&self, headers: &HeaderMap, path: &str) -> Result<(), Refusal> {
        let token = bearer(headers).ok_or(Refusal::Unauthenticated)?;
        let key = (digest(token), path.to_owned());
        if let Some(answer) = self.recall(&key) {
            return answer;
        }
        let reviews = async {
            let _slot = self.slots.acquire().await.map_err(|_| Refusal::CannotTell)?;
            // Another connection of the same client may have asked meanwhile.
            match self.recall(&key) {
                Some(answer) => answer,
                None => self.review(token, path).await,
            }
        };
        let asked = tokio::time::timeout(PATIENCE, reviews).await;
        let answer = asked.unwrap_or(Err(Refusal::CannotTell));
        self.remember(key, answer);
        answer
    }

    async fn review(&self, token: &str, path: &str) -> Result<(), Refusal> {
        let user = self.authenticate(token).await?.ok_or(Refusal::Unauthenticated)?;
        if self.authorize(user, path).await? { Ok(()) } else { Err(Refusal::Forbidden) }
    }

    /// Whose token it is; `None`: nobody's.
    async fn authenticate(&self, token: &str) -> Result<Option<UserInfo>, Refusal> {
        let spec = TokenReviewSpec { token: token.to_owned(), ..TokenReviewSpec::default() };
        let review = TokenReview { spec, ..TokenReview::default() };
        let api: Api<TokenReview> = Api::all(self.client.clone());
        let answered =
            api.create(&PostParams::default(), &review).await.map_err(|it| cannot_tell(&it))?;
        let status = answered.status.unwrap_or_default();
        Ok(status.authenticated.unwrap_or(false).then(|| status.user.unwrap_or_default()))
    }

    async fn authorize(&self, user: UserInfo, path: &str) -> Result<bool, Refusal> {
        let attributes =
            NonResourceAttributes { path: Some(path.to_owned()), verb: Some("get".into()) };
        let spec = SubjectAccessReviewSpec {
            extra: user.extra,
            groups: user.groups,
            non_resource_attributes: Some(attributes),
            uid: user.uid,
            user: user.username,
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let api: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answered =
            api.create(&PostParams::default(), &review).await.map_err(|it| cannot_tell(&it))?;
        Ok(answered.status.is_some_and(|it| it.allowed && it.denied != Some(true)))
    }

    fn recall(&self, key: &(Digest, String)) -> Option<Result<(), Refusal>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(key).filter(|it| it.until > Instant::now()).map(|it| it.answer)
    }

    fn remember(&self, key: (Digest, String), answer: Result<(), Refusal>) {
        let holds = match answer {
            Ok(()) => ALLOWED,
            Err(Refusal::Unauthenticated | Refusal::Forbidden) => DENIED,
            // Not an answer; but neither is to be asked for each of a thousand requests.
            Err(Refusal::CannotTell) => Duration::from_secs(1),
        };
        let now = Instant::now();
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.retain(|_, it| it.until > now);
        if remembered.len() >= MOST_REMEMBERED {
            // Guesses go first: a client with a good token is not pushed out by them.
            remembered.retain(|_, it| it.answer.is_ok());
        }
        if remembered.len() < MOST_REMEMBERED {
            remembered.insert(key, Remembered { until: now + holds, answer });
        }
    }
}

/// The token of `Authorization: Bearer TOKEN`; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let is_token = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
    (is_token && token.len() <= MOST_TOKEN_BYTES).then_some(token)
}

/// Tokens themselves are not kept.
fn digest(token: &str) -> Digest {
    let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
    let mut bytes = Digest::default();
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

fn cannot_tell(error: &kube::Error) -> Refusal {
    // Neither the token nor the review is part of the error.
    tracing::warn!(%error, "the API server could not be asked about a client");
    Refusal::CannotTell
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(value: &str) -> HeaderMap {
        [(AUTHORIZATION, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn only_a_bearer_token_is_one() {
        assert_eq!(bearer(&head("Bearer abc")), Some("abc"));
        assert_eq!(bearer(&head("bearer abc")), Some("abc"));
        assert_eq!(bearer(&head("Basic abc")), None);
        assert_eq!(bearer(&head("Bearer ")), None);
        assert_eq!(bearer(&head(&format!("Bearer {}", "x".repeat(9000)))), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    /// FIPS 180-2, B.1.
    #[test]
    fn the_digest_is_sha_256() {
        assert_eq!(digest("abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}
