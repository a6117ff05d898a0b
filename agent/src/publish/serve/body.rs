//! Bodies: compressed for those who like that, unpacked piece by piece for those who cannot.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};

use bytes::{Buf as _, Bytes};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use futures::{StreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

use super::route::Content;

/// Any body.
pub(super) type Body = BoxBody<Bytes, Infallible>;

/// Less is not worth compressing.
const LEAST: usize = 1024;
/// Bytes that are unpacked at once.
const PIECE: usize = 16 << 10;

/// The body, and whether it is gzip.
pub(super) fn body(content: Content, takes_gzip: bool) -> (Body, bool) {
    match content {
        Content::Plain(bytes) if takes_gzip && bytes.len() >= LEAST => match packed(&bytes) {
            Some(packed) => (full(packed), true),
            None => (full(bytes), false),
        },
        Content::Plain(bytes) => (full(bytes), false),
        Content::Gzipped(bytes) if takes_gzip => (full(bytes), true),
        Content::Gzipped(bytes) => (unpacked(bytes), false),
    }
}

pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed()
}

/// Text packs to a tenth; level 1 does it in a fraction of a millisecond.
fn packed(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 6), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Holds one piece in memory, however large the whole is.
fn unpacked(bytes: Bytes) -> Body {
    let pieces = stream::unfold(GzDecoder::new(bytes.reader()), |mut decoder| async move {
        let mut piece = vec![0; PIECE];
        let length = decoder.read(&mut piece).ok().filter(|it| *it > 0)?;
        piece.truncate(length);
        Some((Bytes::from(piece), decoder))
    });
    BodyExt::boxed(StreamBody::new(pieces.map(|it| Ok(Frame::data(it)))))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn bytes(body: Body) -> Bytes {
        body.collect().now_or_never().unwrap().unwrap().to_bytes()
    }

    #[test]
    fn what_is_packed_is_unpacked_whole_for_who_cannot() {
        let text = "bpfready ".repeat(20_000);
        let (packed, is_gzip) = body(Content::Plain(text.clone().into()), true);
        assert!(is_gzip);
        let packed = bytes(packed);
        assert!(packed.len() < text.len() / 10);
        let (again, is_gzip) = body(Content::Gzipped(packed.clone()), false);
        assert!(!is_gzip);
        assert_eq!(bytes(again), text);
        let (same, is_gzip) = body(Content::Gzipped(packed.clone()), true);
        assert!(is_gzip && bytes(same) == packed);
    }

    #[test]
    fn little_is_not_packed() {
        let (body, is_gzip) = body(Content::Plain("ok\n".into()), true);
        assert!(!is_gzip && bytes(body) == "ok\n");
    }
}
