//! Answers in HTTP/1, see RFC 9112. Total on any bytes.

use httparse::{EMPTY_HEADER, Header, Status, parse_chunk_size};

/// Longest head; what is longer is not one of an agent.
const MOST_HEAD: usize = 16 << 10;

/// Most headers.
const MOST_HEADERS: usize = 64;

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// The body; empty where only the head was waited for.
    pub body: Vec<u8>,
}

/// How far an answer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// Not even its head is there.
    Nothing,
    /// The head is there, the body not yet as a whole.
    Head(Response),
    /// All of it is there.
    Whole(Response),
    /// This is no HTTP answer, in words.
    Malformed(String),
}

/// Reads what has come so far; `ended`: nothing more will come.
pub fn parse(bytes: &[u8], ended: bool) -> Parsed {
    let mut headers = [EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let start = match response.parse(bytes) {
        Ok(Status::Complete(start)) => start,
        Ok(Status::Partial) if bytes.len() > MOST_HEAD => {
            return Parsed::Malformed(format!("a head of more than {MOST_HEAD} bytes"));
        }
        Ok(Status::Partial) => return Parsed::Nothing,
        Err(error) => return Parsed::Malformed(error.to_string()),
    };
    let status = response.code.unwrap_or_default();
    let rest = bytes.get(start..).unwrap_or_default();
    let body = match length(status, response.headers) {
        Ok(Length::Chunked) => chunks(rest),
        Ok(Length::Bytes(length)) => Ok(rest.get(..length).map(<[u8]>::to_vec)),
        Ok(Length::UntilEnd) => Ok(ended.then(|| rest.to_vec())),
        Err(words) => Err(words),
    };
    match body {
        Ok(Some(body)) => Parsed::Whole(Response { status, body }),
        Ok(None) => Parsed::Head(Response { status, body: Vec::new() }),
        Err(words) => Parsed::Malformed(words),
    }
}

/// How the end of a body is told, RFC 9112 § 6.3.
enum Length {
    Chunked,
    Bytes(usize),
    UntilEnd,
}

fn length(status: u16, headers: &[Header<'_>]) -> Result<Length, String> {
    let value = |name: &str| headers.iter().find(|it| it.name.eq_ignore_ascii_case(name));
    if matches!(status, 100..=199 | 204 | 304) {
        return Ok(Length::Bytes(0));
    }
    if let Some(coding) = value("transfer-encoding") {
        let chunked = coding.value.eq_ignore_ascii_case(b"chunked");
        return if chunked { Ok(Length::Chunked) } else { Err("a coding that is unknown".into()) };
    }
    let Some(length) = value("content-length") else { return Ok(Length::UntilEnd) };
    let text = std::str::from_utf8(length.value).ok();
    let length = text.and_then(|it| it.trim().parse().ok());
    length.map(Length::Bytes).ok_or_else(|| "a length that is no number".into())
}

/// The body of chunks; `None`: the last one is not there yet.
fn chunks(mut rest: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut body = Vec::new();
    loop {
        let (start, size) = match parse_chunk_size(rest) {
            Ok(Status::Complete(it)) => it,
            Ok(Status::Partial) => return Ok(None),
            Err(_) => return Err("a chunk without a size".into()),
        };
        if size == 0 {
            return Ok(Some(body));
        }
        let end = usize::try_from(size).ok().and_then(|it| start.checked_add(it));
        let end = end.ok_or("a chunk of impossible size")?;
        let Some(chunk) = rest.get(start..end) else { return Ok(None) };
        body.extend_from_slice(chunk);
        rest = match rest.get(end..) {
            Some([b'\r', b'\n', rest @ ..]) => rest,
            Some([] | [b'\r']) | None => return Ok(None),
            Some(_) => return Err("a chunk that does not end where it says".into()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(status: u16, body: &str) -> Parsed {
        Parsed::Whole(Response { status, body: body.as_bytes().to_vec() })
    }

    #[test]
    fn a_body_ends_by_its_length_by_its_last_chunk_or_with_the_connection() {
        let length = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\niptables";
        assert_eq!(parse(length, false), whole(200, "iptables"));
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nipta\r\n4;x=y\r\nbles\r\n0\r\n\r\n";
        assert_eq!(parse(chunked, false), whole(200, "iptables"));
        let end = b"HTTP/1.0 503 Service Unavailable\r\n\r\nno";
        assert_eq!(parse(end, true), whole(503, "no"));
        assert!(matches!(parse(end, false), Parsed::Head(Response { status: 503, .. })));
    }

    #[test]
    fn a_part_of_an_answer_is_never_a_whole_one() {
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nipta\r\n0\r\n\r\n";
        // The empty line after the last chunk says nothing more.
        for end in 0..answer.len() - 2 {
            assert!(
                matches!(parse(&answer[..end], true), Parsed::Nothing | Parsed::Head(_)),
                "{end}"
            );
        }
    }

    #[test]
    fn what_is_no_http_is_malformed() {
        for bytes in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"\x00\x00\x12\x04\x00\x00\x00\x00\x00",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        ] {
            assert!(matches!(parse(bytes, true), Parsed::Malformed(_)), "{bytes:?}");
        }
    }

    #[test]
    fn a_head_without_end_is_malformed() {
        let mut bytes = b"HTTP/1.1 200 OK\r\nA: ".to_vec();
        bytes.resize(20 << 10, b'a');
        assert!(matches!(parse(&bytes, false), Parsed::Malformed(_)));
    }
}
