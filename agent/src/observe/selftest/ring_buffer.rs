//! A record through a RINGBUF.

use agent_ebpf::selftest::{PAYLOAD, Record};
use aya::maps::{MapData, RingBuf};
use zerocopy::FromBytes;

use super::Checked;
use super::bench::{Bench, wrong};
use super::messages::Messages;
use super::packet::packet;
use super::refusal::refused;
use crate::observe::object::{Object, embedded};

pub(super) static OBJECT: &[u8] = embedded!("ring_buffer");

/// The record that the program sends arrives, once, with what the packet had in it.
///
/// This program also logs, by aya-log and a ring buffer of its own: where one is not to be had,
/// neither is the other.
pub(super) fn check(bench: Bench) -> Checked {
    let mut messages = Messages::open();
    let level = [messages.level()];
    let globals = [(aya_log::LEVEL, level.as_slice())];
    let object = Object::create(OBJECT, &globals, messages.map())
        .map_err(|error| refused(bench.rights, &error))?;
    let mut records: RingBuf<MapData> = bench.map(&object, "RECORDS")?;
    let packet = packet();
    let program = bench.load(&object, "ring_buffer")?;
    let returned = bench.run(&program, &packet)?.returned;
    messages.flush();
    let mut payload = [0; 8];
    payload.copy_from_slice(&packet[PAYLOAD..PAYLOAD + 8]);
    let wanted = Record { payload, length: packet.len() as u32, padding: 0 };
    let arrived = records.next().map(|it| Record::read_from_bytes(&it).ok());
    if returned != 0 || arrived != Some(Some(wanted)) || records.next().is_some() {
        return Err(wrong(format!("sent {wanted:?}, returned {returned}, arrived {arrived:?}")));
    }
    Ok(())
}
