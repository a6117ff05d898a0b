//! What the programs say, told by `tracing`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use aya::maps::Map;
use aya::{Ebpf, EbpfLoader};
use aya_log::{EbpfLogger, Level};
use tracing_log::LogTracer;

use super::ring_buffer::OBJECT;

/// aya-log's name for the ring buffer that messages go through.
const MAP: &str = "AYA_LOGS";

/// The messages of programs, while somebody listens at debug level.
///
/// aya-log reads its ring buffer without waiting, so a look after each run is all it takes. It only
/// takes the buffer from an object that aya's own loader made; such an object is made for it when
/// somebody listens, and its buffer given to the programs that speak.
#[derive(Default)]
pub(super) struct Messages(Option<(EbpfLogger<LogTracer>, OwnedFd)>);

impl Messages {
    /// Opens a buffer, or none when nobody listens.
    pub(super) fn open() -> Self {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return Self::default();
        }
        let opened = Self::try_open();
        Self(opened.inspect_err(|error| tracing::debug!(%error, "no messages from eBPF")).ok())
    }

    fn try_open() -> anyhow::Result<(EbpfLogger<LogTracer>, OwnedFd)> {
        let mut object: Ebpf = EbpfLoader::new().btf(None).load(OBJECT)?;
        let Some(Map::RingBuf(map)) = object.map(MAP) else {
            anyhow::bail!("the object has no {MAP}");
        };
        let buffer = map.fd().as_fd().try_clone_to_owned()?;
        Ok((EbpfLogger::init_with_logger(&mut object, LogTracer::new())?, buffer))
    }

    /// The level up to which programs are to speak; 0: not at all, so that it costs nothing.
    pub(super) fn level(&self) -> u8 {
        if self.0.is_some() { Level::Debug as u8 } else { 0 }
    }

    /// The buffer to give to programs, with its name.
    pub(super) fn map(&self) -> Option<(&'static str, BorrowedFd<'_>)> {
        self.0.as_ref().map(|(_, buffer)| (MAP, buffer.as_fd()))
    }

    /// Tells what the programs have said since.
    pub(super) fn flush(&mut self) {
        if let Some((logger, _)) = &mut self.0 {
            logger.flush();
        }
    }
}
