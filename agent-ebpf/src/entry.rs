//! What every object needs beside its programs.

/// What the kernel's verifier checks before it hands out GPL-only helpers; one of the strings of
/// `license_is_gpl_compatible()`, <https://github.com/torvalds/linux/blob/v6.12/include/linux/license.h>.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 7] = *b"GPL v2\0";

/// No program panics: the verifier would refuse a reachable endless loop.
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
