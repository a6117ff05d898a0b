//! A client of the API server that sends the token which is in its file now.
//!
//! kube reads the file again when the wall clock says that a minute has passed. After a clock that
//! was set back by a day, that takes a day, in which the token has long expired. Requests are few
//! here and the file is in memory, so it is read for each of them, and no clock is asked.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use http::header::{AUTHORIZATION, HeaderValue};
use kube::client::ClientBuilder;
use kube::config::AuthInfo;
use kube::{Client, Config};
use tower::util::MapRequestLayer;

/// A client for this configuration.
///
/// # Errors
///
/// When the token file cannot be read, or nothing can be made of the configuration.
pub(super) fn client(mut config: Config) -> anyhow::Result<Client> {
    let unusable = "cannot use the cluster's configuration";
    let Some(file) = file(&mut config.auth_info) else {
        return Client::try_from(config).context(unusable);
    };
    let token = Arc::new(TokenFile::open(file)?);
    let sign = MapRequestLayer::new(move |mut request: http::Request<_>| {
        request.headers_mut().insert(AUTHORIZATION, token.header());
        request
    });
    Ok(ClientBuilder::try_from(config).context(unusable)?.with_layer(&sign).build())
}

/// Takes the token file out, where it is what kube would use.
fn file(auth: &mut AuthInfo) -> Option<PathBuf> {
    let is_second = auth.token.is_some() || auth.username.is_some() || auth.auth_provider.is_some();
    if is_second { None } else { auth.token_file.take().map(PathBuf::from) }
}

/// A file with a token, as kubelets write and rotate it.
struct TokenFile {
    path: PathBuf,
    /// The token that was read last: a file that is gone for a moment costs nothing.
    latest: Mutex<HeaderValue>,
}

impl TokenFile {
    fn open(path: PathBuf) -> anyhow::Result<Self> {
        let header =
            read(&path).with_context(|| format!("cannot use the token in {}", path.display()))?;
        Ok(Self { path, latest: Mutex::new(header) })
    }

    fn header(&self) -> HeaderValue {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match read(&self.path) {
            Ok(header) => *latest = header,
            Err(error) => tracing::debug!(%error, "the token from before is used"),
        }
        latest.clone()
    }
}

fn read(path: &PathBuf) -> anyhow::Result<HeaderValue> {
    let token = fs::read_to_string(path)?;
    let token = token.trim();
    anyhow::ensure!(!token.is_empty(), "the file is empty");
    // Whatever is wrong with it, it is a secret: it is not told.
    let header = HeaderValue::try_from(format!("Bearer {token}"));
    let mut header = header.map_err(|_| anyhow::anyhow!("not a token"))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_has_the_token_that_is_there_then() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_owned();
        assert!(TokenFile::open(path.clone()).is_err(), "an empty file holds no token");
        fs::write(&path, "one\n").unwrap();
        let token = TokenFile::open(path.clone()).unwrap();
        assert_eq!(token.header(), "Bearer one");
        fs::write(&path, "two").unwrap();
        assert_eq!(token.header(), "Bearer two");
        fs::write(&path, "").unwrap();
        assert_eq!(token.header(), "Bearer two", "half a rotation");
        fs::remove_file(&path).unwrap();
        assert_eq!(token.header(), "Bearer two");
        assert!(token.header().is_sensitive());
    }

    #[test]
    fn a_token_that_stands_in_the_configuration_comes_first() {
        let mut auth = AuthInfo { token_file: Some("/a".into()), ..AuthInfo::default() };
        assert_eq!(file(&mut auth.clone()), Some("/a".into()));
        auth.token = Some("t".to_owned().into());
        assert_eq!(file(&mut auth), None);
        assert!(auth.token_file.is_some(), "kube decides");
    }
}
