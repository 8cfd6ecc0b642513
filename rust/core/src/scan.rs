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

/// Bytes of a block of [`places`]: one for each bit of a mask.
const MASK: usize = 64;

/// The places of all bytes for which `is_sought` holds, in order: the test as for [`position`].
///
/// Where there are many, to look for one after the other would test each block again and again.
#[inline]
pub(crate) fn places(bytes: &[u8], is_sought: impl Fn(u8) -> bool) -> impl Iterator<Item = usize> {
    let (mut behind, mut mask) = (0, 0_u64);
    core::iter::from_fn(move || {
        while mask == 0 {
            let rest = bytes.get(behind..)?;
            if let Some(block) = rest.first_chunk() {
                mask = mask_of(block, &is_sought);
                behind += MASK;
            } else if rest.len() < BLOCK {
                let place = behind + rest.iter().position(|byte| is_sought(*byte))?;
                behind = place + 1;
                return Some(place);
            } else {
                let mut block = [0; MASK];
                block.get_mut(..rest.len())?.copy_from_slice(rest);
                mask = mask_of(&block, &is_sought) & (u64::MAX >> (MASK - rest.len()));
                behind += MASK;
            }
        }
        let place = behind - MASK + mask.trailing_zeros() as usize;
        mask &= mask - 1;
        Some(place)
    })
}

/// A bit for each byte, the first byte's the lowest.
#[inline]
fn mask_of(block: &[u8; MASK], is_sought: &impl Fn(u8) -> bool) -> u64 {
    /// Times eight bytes that are 0 or 1, it has them as bits in the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut flags = [0; MASK];
    for (flag, byte) in flags.iter_mut().zip(block) {
        *flag = u8::from(is_sought(*byte));
    }
    let eights = flags.chunks_exact(8).map(|eight| u64::from_le_bytes(eight.try_into().unwrap_or_default()));
    eights.rev().fold(0, |mask, eight| mask << 8 | eight.wrapping_mul(GATHER) >> 56)
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
    use alloc::vec::Vec;

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
        let comma = |byte| byte == b',';
        for length in 0..200 {
            let mut bytes = vec![b'x'; length];
            assert_eq!(position(&bytes, comma), None);
            for place in (0..length).rev() {
                bytes[place] = b',';
                assert_eq!(position(&bytes, comma), Some(place));
                let expected: Vec<_> = (place..length).filter(|at| bytes[*at] == b',').collect();
                assert_eq!(places(&bytes, comma).collect::<Vec<_>>(), expected);
                if (place + length) % 5 > 0 {
                    bytes[place] = b'x';
                }
            }
        }
    }
}
