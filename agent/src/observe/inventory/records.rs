//! From the records of the iterators to facts.

use agent_ebpf::iter::{LinkRecord, MapRecord, NAME_BYTES, ProgramRecord};

use crate::facts::inventory::{Link, Map, Program};

/// A name of the kernel; bytes that are not UTF-8 are replaced.
pub(super) fn name(bytes: &[u8; NAME_BYTES]) -> String {
    let end = bytes.iter().position(|it| *it == 0).unwrap_or(NAME_BYTES);
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// A program's tag as bpftool writes it.
pub(super) fn tag(bytes: [u8; 8]) -> String {
    format!("{:016x}", u64::from_be_bytes(bytes))
}

pub(super) fn program(record: ProgramRecord) -> Program {
    Program {
        id: record.id,
        program_type: record.program_type,
        expected_attach_type: Some(record.expected_attach_type),
        name: name(&record.name),
        tag: tag(record.tag),
        run_time_ns: None,
        run_count: None,
    }
}

pub(super) fn map(record: MapRecord) -> Map {
    let MapRecord { id, map_type, key_bytes, value_bytes, max_entries, padding: _, name: bytes } =
        record;
    Map { id, map_type, name: name(&bytes), key_bytes, value_bytes, max_entries }
}

pub(super) fn link(record: LinkRecord) -> Link {
    let LinkRecord { id, link_type, program_id } = record;
    Link { id, link_type, program_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_at_its_first_zero_or_at_its_limit() {
        assert_eq!(name(b"cil_from_contai\0"), "cil_from_contai");
        assert_eq!(name(b"sd_fw\0egress\0\0\0\0"), "sd_fw");
        assert_eq!(name(b"0123456789abcdef"), "0123456789abcdef");
    }

    /// `bpftool prog` of a systemd host: `cgroup_device  tag 03b4eaae2f14641a`.
    #[test]
    fn a_tag_is_written_byte_by_byte() {
        assert_eq!(tag([0x03, 0xb4, 0xea, 0xae, 0x2f, 0x14, 0x64, 0x1a]), "03b4eaae2f14641a");
    }
}
