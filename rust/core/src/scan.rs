//! Search for bytes of a class, block by block.

/// Bytes of a block: a vector register of every 64-bit platform.
const BLOCK: usize = 16;

/// The place of the first byte for which `is_sought` holds.
///
/// Blocks are tested as a whole and without branches, which compilers make vector instructions of; so the test must be
/// made of comparisons.
#[inline]
pub(crate) fn position(bytes: &[u8], is_sought: impl Fn(u8) -> bool) -> Option<usize> {
    let mut at = 0;
    for block in bytes.chunks_exact(BLOCK) {
        if block.iter().fold(false, |any, byte| any | is_sought(*byte)) {
            break;
        }
        at += BLOCK;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| is_sought(*byte)).map(|place| at + place)
}

/// The place of the last byte for which `is_sought` holds.
#[inline]
pub(crate) fn last_position(bytes: &[u8], is_sought: impl Fn(u8) -> bool) -> Option<usize> {
    let mut end = bytes.len();
    for block in bytes.rchunks_exact(BLOCK) {
        if block.iter().fold(false, |any, byte| any | is_sought(*byte)) {
            break;
        }
        end -= BLOCK;
    }
    bytes.get(..end)?.iter().rposition(|byte| is_sought(*byte))
}

/// How often a byte occurs.
pub(crate) fn count(bytes: &[u8], sought: u8) -> usize {
    // Sums of single bytes are vector instructions; of 255 of them none overflows.
    let of_chunk = |chunk: &[u8]| usize::from(chunk.iter().fold(0_u8, |sum, byte| sum + u8::from(*byte == sought)));
    bytes.chunks(255).map(of_chunk).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn every_byte_counts() {
        let bytes = [b'<'; 1000];
        for length in 0..1000 {
            assert_eq!(count(&bytes[..length], b'<'), length);
            assert_eq!(count(&bytes[..length], b'>'), 0);
        }
    }

    #[test]
    fn every_place_in_every_length() {
        for length in 0..70 {
            let mut bytes = vec![b'x'; length];
            assert_eq!(position(&bytes, |byte| byte == b','), None);
            for place in (0..length).rev() {
                bytes[place] = b',';
                assert_eq!(position(&bytes, |byte| byte == b','), Some(place));
                assert_eq!(last_position(&bytes, |byte| byte == b','), Some(length - 1));
                assert_eq!(last_position(&bytes[..=place], |byte| byte == b','), Some(place));
            }
        }
    }
}
