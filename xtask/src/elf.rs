//! Whether a file is a program that can be alone in an image. Layouts: elf(5).

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// `EM_X86_64` and `EM_AARCH64`, by the names that images have for them.
const MACHINES: [(&str, u16); 2] = [("amd64", 62), ("arm64", 183)];
/// Asks for a dynamic linker, which an image of one file does not have.
const PT_INTERP: u32 = 3;

/// Says why not, if this is no static program of that architecture.
pub(crate) fn expect_static(path: &Path, arch: &str) -> Result<()> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    check(&bytes, arch).with_context(|| path.display().to_string())
}

fn check(bytes: &[u8], arch: &str) -> Result<()> {
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        bail!("not a 64-bit little-endian ELF file");
    }
    let machine = number(bytes, 18, 2)?;
    if !MACHINES.iter().any(|it| it.0 == arch && u64::from(it.1) == machine) {
        bail!("built for machine {machine}, not for {arch}");
    }
    let (table, size, count) =
        (number(bytes, 32, 8)?, number(bytes, 54, 2)?, number(bytes, 56, 2)?);
    for nth in 0..count {
        let at = usize::try_from(table.saturating_add(nth * size))?;
        if number(bytes, at, 4)? == u64::from(PT_INTERP) {
            bail!("linked dynamically: there is no other file in the image");
        }
    }
    Ok(())
}

fn number(bytes: &[u8], at: usize, size: usize) -> Result<u64> {
    let field = bytes.get(at..).and_then(|it| it.get(..size)).context("cut short")?;
    Ok(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF header with one program header behind it.
    fn elf(machine: u16, header: u32) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(64, 0);
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        bytes.extend(header.to_le_bytes());
        bytes.resize(64 + 56, 0);
        bytes
    }

    #[test]
    fn only_a_static_program_of_the_architecture_goes_into_its_image() {
        let why = |bytes: &[u8], arch| check(bytes, arch).unwrap_err().to_string();
        assert!(check(&elf(62, 1), "amd64").is_ok());
        assert!(check(&elf(183, 1), "arm64").is_ok());
        assert!(why(&elf(62, 1), "arm64").contains("machine 62"));
        assert!(why(&elf(62, PT_INTERP), "amd64").contains("dynamically"));
        assert!(why(b"#!/bin/sh", "amd64").contains("not a 64-bit"));
        assert!(why(&elf(62, 1)[..66], "amd64").contains("cut short"));
    }

    /// The compiler that runs this test links its tests dynamically.
    #[test]
    fn a_real_program_with_a_linker_is_refused() {
        let this = std::env::current_exe().unwrap();
        let why =
            expect_static(&this, if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" });
        assert!(format!("{:#}", why.unwrap_err()).contains("dynamically"));
    }
}
