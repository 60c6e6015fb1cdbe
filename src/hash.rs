//! Hashes as text.

use std::fmt::Write as _;

/// The first `bytes` of a hash, two lower-case hex digits each.
pub(crate) fn hex(hash: &[u8], bytes: usize) -> String {
    hash.iter()
        .take(bytes)
        .fold(String::with_capacity(2 * bytes), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_byte_is_two_digits() {
        assert_eq!(super::hex(&[0, 10, 255, 7], 3), "000aff");
        assert_eq!(super::hex(&[1], 3), "01");
    }
}
