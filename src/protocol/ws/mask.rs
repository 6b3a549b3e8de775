// SPDX-License-Identifier: Apache-2.0
//! Masking (RFC 6455 section 5.3): byte `i` is combined with byte `i mod 4` of the key.

pub type MaskKey = [u8; 4];

/// Masks, or unmasks, in place. `data` begins at a payload offset that is a multiple of four.
pub fn apply(key: MaskKey, data: &mut [u8]) {
    let wide = widen(key);
    let mut words = data.chunks_exact_mut(8);
    for word in &mut words {
        let masked = load(word) ^ wide;
        word.copy_from_slice(&masked.to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// Appends `data`, masked: one pass over the bytes where copy and mask would be two.
pub fn append(key: MaskKey, mut data: &[u8], out: &mut Vec<u8>) {
    if data.len() >= BLOCK {
        let start = out.len();
        out.resize(start + data.len() / BLOCK * BLOCK, 0);
        let mut place = out.get_mut(start..).unwrap_or_default();
        while let Some((block, rest)) = data.split_first_chunk() {
            place = put_masked(key, *block, place);
            data = rest;
        }
    }
    while let Some((word, rest)) = data.split_first_chunk() {
        let masked = u64::from_ne_bytes(*word) ^ widen(key);
        out.extend_from_slice(&masked.to_ne_bytes());
        data = rest;
    }
    let rest = data.iter().zip(key.iter().cycle());
    out.extend(rest.map(|(byte, key)| byte ^ key));
}

/// Blocks of a size that is known are masked in vector registers.
const BLOCK: usize = 64;

/// Puts the block at the start of `place`; the rest of that.
fn put_masked(key: MaskKey, mut block: [u8; BLOCK], place: &mut [u8]) -> &mut [u8] {
    apply(key, &mut block);
    let (to, rest) = place.split_at_mut_checked(BLOCK).unwrap_or_default();
    to.copy_from_slice(&block);
    rest
}

fn widen([a, b, c, d]: MaskKey) -> u64 {
    u64::from_ne_bytes([a, b, c, d, a, b, c, d])
}

/// Eight bytes at a time; the compiler widens the loop above to the vector registers of the target.
fn load(word: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(word);
    u64::from_ne_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte_by_byte(key: MaskKey, data: &[u8]) -> Vec<u8> {
        data.iter()
            .enumerate()
            .map(|(i, byte)| byte ^ key[i % 4])
            .collect()
    }

    #[test]
    fn every_length_masks_as_the_standard_says() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let data: Vec<u8> = (0..200u8).collect();
        for len in 0..data.len() {
            let expected = byte_by_byte(key, &data[..len]);
            let mut in_place = data[..len].to_vec();
            apply(key, &mut in_place);
            assert_eq!(in_place, expected, "length {len}");
            let mut appended = b"header".to_vec();
            append(key, &data[..len], &mut appended);
            assert_eq!(appended[6..], expected, "length {len}");
        }
    }
}
