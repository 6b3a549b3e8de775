// SPDX-License-Identifier: Apache-2.0
//! Masking (RFC 6455 section 5.3): byte `i` is XORed with byte `i mod 4` of the key.

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

/// Appends `data`, masked, in one pass over the bytes.
#[inline(always)]
pub fn append(key: MaskKey, mut data: &[u8], out: &mut Vec<u8>) {
    if data.len() >= BLOCK {
        data = append_blocks(key, data, out);
    }
    while let Some((words, rest)) = data.split_first_chunk::<16>() {
        out.extend_from_slice(&masked(key, *words));
        data = rest;
    }
    if let Some((word, rest)) = data.split_first_chunk::<8>() {
        out.extend_from_slice(&masked(key, *word));
        data = rest;
    }
    if !data.is_empty() {
        let rest = data.iter().zip(key.iter().cycle());
        out.extend(rest.map(|(byte, key)| byte ^ key));
    }
}

/// Blocks of a constant size are masked in vector registers.
const BLOCK: usize = 128;

/// Appends whole blocks and returns the rest. A separate function, because inside a larger one the
/// compiler runs out of registers.
#[inline(never)]
fn append_blocks<'a>(key: MaskKey, mut data: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    while let Some((block, rest)) = data.split_first_chunk::<BLOCK>() {
        out.extend_from_slice(&masked(key, *block));
        data = rest;
    }
    data
}

fn masked<const N: usize>(key: MaskKey, mut block: [u8; N]) -> [u8; N] {
    apply(key, &mut block);
    block
}

/// The key, repeated twice.
fn widen(key: MaskKey) -> u64 {
    let key = u64::from(u32::from_ne_bytes(key));
    key << 32 | key
}

/// Loads eight bytes; the compiler vectorizes the loop in [`apply`].
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
    fn every_length_is_masked_as_the_rfc_says() {
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
