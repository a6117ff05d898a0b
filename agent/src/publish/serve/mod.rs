//! Serving a few fixed paths over HTTP: for Prometheus, for kubelets and for people.
//!
//! Everything that a client can cost is bounded: connections in all and from one address, bytes and
//! time of a request's head, time of an answer, life of a connection. What is served is made
//! elsewhere and only handed out here; the API server is asked for nothing but `access`.

pub mod access;
mod body;
mod connection;
pub mod negotiate;
pub mod route;
pub mod stats;
pub mod tls;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use access::Access;
pub use route::{Answer, Route, Wish};
pub use stats::Stats;
use tls::Tls;

/// What clients may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections in all; one more is closed at once.
    pub connections: usize,
    /// Open connections from one address, so that one client cannot shut out the others.
    pub connections_of_one: usize,
    /// For a request's head to arrive, and for an idle connection to send the next one.
    pub head: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For one answer to be made.
    pub answer: Duration,
    /// After this a connection gets no further request …
    pub life: Duration,
    /// … and after this it is cut, whatever it still reads. Also the time to drain at the end.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            connections_of_one: 24,
            head: Duration::from_secs(10),
            head_bytes: 16 << 10,
            handshake: Duration::from_secs(5),
            answer: Duration::from_secs(10),
            life: Duration::from_secs(120),
            grace: Duration::from_secs(10),
        }
    }
}

/// How long answers in flight may take when the agent ends.
const DRAIN: Duration = Duration::from_millis(1000);

/// Everything that the connections share.
#[derive(Debug)]
pub struct Server {
    /// The paths.
    pub routes: Vec<Route>,
    /// Who may read them.
    pub access: Access,
    /// TLS, when it is wanted.
    pub tls: Option<Tls>,
    /// What clients may cost.
    pub limits: Limits,
    /// What they did.
    pub stats: Arc<Stats>,
}

/// Opens the port. `[::]` serves IPv4 as well; where the kernel has no IPv6, `0.0.0.0` is meant.
///
/// # Errors
///
/// When the address is taken or not this machine's.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if address.ip() == IpAddr::from([0_u16; 8]) && is_no_ipv6(&error) => {
            TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], address.port()))).await
        }
        result => result,
    }
}

fn is_no_ipv6(error: &io::Error) -> bool {
    let errno = error.raw_os_error();
    errno == Some(libc::EAFNOSUPPORT) || errno == Some(libc::EADDRNOTAVAIL)
}

/// Serves until `stop` says so or its sender is gone; then takes no new connection, and answers
/// what was asked already.
pub async fn serve(server: Arc<Server>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let mut tasks = JoinSet::new();
    let peers = Peers::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
            _ = stop.wait_for(|it| *it) => break,
        };
        match accepted {
            Ok((stream, peer)) => match peers.admit(peer.ip(), &server.limits) {
                Ok(guest) => {
                    tasks.spawn(one(Arc::clone(&server), stream, guest, stop.clone()));
                    server.stats.connections(peers.count());
                }
                // Dropping the stream closes it; nothing was read from it.
                Err(reason) => server.stats.refused(reason),
            },
            Err(error) => {
                // No descriptor left, or the client is gone already: neither is a reason to end.
                tracing::warn!(%error, "cannot accept a connection");
                server.stats.refused("accept_failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let drained = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::info!("some clients did not read their answer in time");
    }
}

async fn one(server: Arc<Server>, stream: TcpStream, guest: Guest, stop: watch::Receiver<bool>) {
    // Answers are written whole: waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    match &server.tls {
        None => connection::serve(&server, stream, stop).await,
        Some(tls) => {
            let handshake = tls.acceptor().accept(stream);
            match tokio::time::timeout(server.limits.handshake, handshake).await {
                Ok(Ok(stream)) => connection::serve(&server, stream, stop).await,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "TLS handshake failed");
                    server.stats.refused("tls");
                }
                Err(_) => server.stats.refused("tls_timeout"),
            }
        }
    }
    let peers = guest.peers.clone();
    drop(guest);
    server.stats.connections(peers.count());
}

/// Open connections by address.
#[derive(Debug, Clone, Default)]
struct Peers(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// One open connection; dropping it gives its place back.
#[derive(Debug)]
struct Guest {
    peers: Peers,
    address: IpAddr,
}

impl Peers {
    fn admit(&self, address: IpAddr, limits: &Limits) -> Result<Guest, &'static str> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().sum::<usize>() >= limits.connections {
            return Err("too_many");
        }
        let of_one = open.entry(address).or_default();
        if *of_one >= limits.connections_of_one {
            return Err("too_many_of_one");
        }
        *of_one += 1;
        Ok(Guest { peers: self.clone(), address })
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut open = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_place() {
        let limits = Limits { connections: 3, connections_of_one: 2, ..Limits::default() };
        let [a, b] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
        let peers = Peers::default();
        let first = peers.admit(a, &limits).unwrap();
        let second = peers.admit(a, &limits).unwrap();
        assert_eq!(peers.admit(a, &limits).unwrap_err(), "too_many_of_one");
        let third = peers.admit(b, &limits).unwrap();
        assert_eq!(peers.admit(b, &limits).unwrap_err(), "too_many");
        drop((first, second));
        assert_eq!(peers.count(), 1);
        assert!(peers.admit(a, &limits).is_ok());
        drop(third);
        assert!(peers.0.lock().unwrap().is_empty(), "no address is remembered for nothing");
    }
}
