//! Servers that do what servers should not.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use super::*;
use crate::observe::host::tests::host;

const SOCKET: &str = "/run/agent.sock";

/// A server on the socket that answers its first client by `serve`.
fn asked(
    serve: impl FnOnce(&mut std::os::unix::net::UnixStream) + Send + 'static,
) -> (Observed<Reply<Response>>, Duration) {
    let (dir, host) = host(|root| std::fs::create_dir(root.join("run")).unwrap());
    let listener = UnixListener::bind(dir.path().join("run/agent.sock")).unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        serve(&mut stream);
    });
    let start = Instant::now();
    let answer = get(&host, Address::Unix(SOCKET), "/v1/healthz", true);
    let took = start.elapsed();
    drop(host);
    // A server that never ends its word goes with the test.
    drop(server);
    (answer, took)
}

#[track_caller]
fn expect_failure(asked: (Observed<Reply<Response>>, Duration), cause: Cause) {
    let (answer, took) = asked;
    assert_eq!(answer.failure().map(|it| it.cause), Some(cause), "{answer:?}");
    assert!(took < LIMIT + Duration::from_millis(200), "{took:?}");
}

#[test]
fn an_answer_is_read() {
    let (answer, _) = asked(|stream| {
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        assert!(request[..length].starts_with(b"GET /v1/healthz HTTP/1.1\r\nHost: localhost\r\n"));
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    });
    let response = Response { status: 200, body: b"{}".to_vec() };
    assert_eq!(answer, Observed::Known(Reply::Said(response)));
}

#[test]
fn a_server_that_accepts_and_never_answers_is_a_timeout() {
    expect_failure(asked(|_| thread::sleep(Duration::from_secs(2))), Cause::Timeout);
}

#[test]
fn a_server_that_answers_byte_by_byte_is_a_timeout() {
    let slow = |stream: &mut std::os::unix::net::UnixStream| {
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n".iter().cycle() {
            thread::sleep(Duration::from_millis(20));
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
        }
    };
    expect_failure(asked(slow), Cause::Timeout);
}

#[test]
fn a_body_without_end_is_too_large_or_too_slow() {
    let (answer, took) = asked(|stream| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut chunk = b"10000\r\n".to_vec();
        chunk.resize(7 + 0x10000, b'x');
        chunk.extend(b"\r\n");
        if stream.write_all(head).is_ok() {
            while stream.write_all(&chunk).is_ok() {}
        }
    });
    let cause = answer.failure().map(|it| it.cause);
    assert!(matches!(cause, Some(Cause::TooLarge | Cause::Timeout)), "{cause:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_server_that_hangs_up_is_malformed() {
    let cut = |stream: &mut std::os::unix::net::UnixStream| {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
    };
    expect_failure(asked(cut), Cause::Malformed);
}

#[test]
fn a_socket_that_its_maker_left_has_nobody_listening_and_an_absent_one_is_none() {
    let (dir, host) = host(|root| std::fs::create_dir(root.join("run")).unwrap());
    let ask = || connect(&host, Address::Unix(SOCKET));
    assert_eq!(ask(), Observed::Known(Reply::NoSocket));
    drop(UnixListener::bind(dir.path().join("run/agent.sock")).unwrap());
    assert_eq!(ask(), Observed::Known(Reply::NobodyListens));
}

/// unix(7): connecting to a socket whose backlog is full blocks, or is EAGAIN.
#[test]
fn a_server_that_never_accepts_is_a_timeout() {
    let (dir, host) = host(|root| std::fs::create_dir(root.join("run")).unwrap());
    let _listener = UnixListener::bind(dir.path().join("run/agent.sock")).unwrap();
    let path = dir.path().join("run/agent.sock");
    // std listens with a backlog of 128 or more; clients that nobody accepts fill it.
    let clients: Vec<_> = (0..5_000)
        .map_while(|_| {
            socket::connect(&host, Address::Unix(SOCKET), Instant::now() + LIMIT).stream()
        })
        .collect();
    assert!(clients.len() < 5_000, "the backlog of {} has no end", path.display());
    let answer = get(&host, Address::Unix(SOCKET), "/", false);
    assert_eq!(answer.failure().map(|it| it.cause), Some(Cause::Timeout));
}

#[test]
fn a_port_that_nobody_listens_on_is_no_failure() {
    let (_dir, host) = host(|_| {});
    // Bound and not listened on, so that nobody else takes it.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(connect(&host, Address::V4(port)), Observed::Known(Reply::NobodyListens));
}
