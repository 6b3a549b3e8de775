// SPDX-License-Identifier: Apache-2.0
//! A second decoder of DEFLATE (RFC 1951), for comparison: decodes bit by bit, with the whole input
//! available.

/// The inflated output so far.
pub(crate) struct Inflated {
    pub(crate) out: Vec<u8>,
    pub(crate) is_corrupt: bool,
    /// The distance of the farthest reference.
    pub(crate) farthest: usize,
    /// The input ends at the end of a block.
    pub(crate) is_between_blocks: bool,
    /// The number of blocks marked as the last one.
    pub(crate) final_blocks: usize,
    /// The input ends with such a block.
    pub(crate) is_ended: bool,
}

/// Inflates consecutive streams: after the last block of one, the next starts on a byte boundary
/// and cannot refer back (RFC 7692 section 7.2.3.4).
pub(crate) fn inflate(input: &[u8]) -> Inflated {
    let mut decoder = Decoder {
        input,
        at: 0,
        begin: 0,
        out: Vec::new(),
        farthest: 0,
        final_blocks: 0,
        is_final: false,
    };
    let mut block = 0;
    let stop = loop {
        match decoder.block() {
            Ok(()) => block = decoder.at,
            Err(stop) => break stop,
        }
    };
    Inflated {
        out: decoder.out,
        is_corrupt: matches!(stop, Stop::Corrupt),
        farthest: decoder.farthest,
        is_between_blocks: block == input.len() * 8,
        final_blocks: decoder.final_blocks,
        is_ended: decoder.is_final && block == input.len() * 8,
    }
}

/// Section 3.2.5: the lengths for the codes from 257 on, and their numbers of extra bits.
const LENGTHS: [(usize, u32); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// Section 3.2.7.
const ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

const END_OF_BLOCK: usize = 256;

enum Stop {
    /// More input is needed.
    Cut,
    Corrupt,
}

struct Decoder<'a> {
    input: &'a [u8],
    /// In bits.
    at: usize,
    /// The offset in the output where the current stream started.
    begin: usize,
    out: Vec<u8>,
    farthest: usize,
    final_blocks: usize,
    /// The previous block was the last one of its stream.
    is_final: bool,
}

impl Decoder<'_> {
    /// Section 3.2.3.
    fn block(&mut self) -> Result<(), Stop> {
        let head = self.bits(3)?;
        match head >> 1 {
            0 => self.stored()?,
            1 => {
                let lens = [vec![8; 144], vec![9; 112], vec![7; 24], vec![8; 8]].concat();
                self.symbols(&Code::new(&lens, true)?, &Code::new(&[5; 32], true)?)?;
            }
            2 => {
                let (symbols, distances) = self.codes()?;
                self.symbols(&symbols, &distances)?;
            }
            _ => return Err(Stop::Corrupt),
        }
        self.is_final = head & 1 == 1;
        if self.is_final {
            self.skip_to_byte();
            self.begin = self.out.len();
            self.final_blocks += 1;
        }
        Ok(())
    }

    /// Section 3.2.4.
    fn stored(&mut self) -> Result<(), Stop> {
        self.skip_to_byte();
        let lens = self.bits(32)?;
        let len = lens & 0xffff;
        if lens >> 16 != len ^ 0xffff {
            return Err(Stop::Corrupt);
        }
        let there = &self.input[self.at / 8..];
        let there = &there[..len.min(there.len())];
        self.out.extend(there);
        self.at += there.len() * 8;
        if there.len() < len {
            return Err(Stop::Cut);
        }
        Ok(())
    }

    /// Section 3.2.7.
    fn codes(&mut self) -> Result<(Code, Code), Stop> {
        let counts = self.bits(14)?;
        let symbols = 257 + (counts & 31);
        let distances = 1 + (counts >> 5 & 31);
        if symbols > 286 || distances > 30 {
            return Err(Stop::Corrupt);
        }
        let mut lens = [0; 19];
        for place in &ORDER[..4 + (counts >> 10)] {
            lens[*place] = self.bits(3)?;
        }
        let code = Code::new(&lens, false)?;
        let mut lens = Vec::new();
        while lens.len() < symbols + distances {
            match self.symbol(&code)? {
                len @ 0..16 => lens.push(len),
                16 => {
                    let count = 3 + self.bits(2)?;
                    let len = *lens.last().ok_or(Stop::Corrupt)?;
                    lens.extend(vec![len; count]);
                }
                17 => lens.extend(vec![0; 3 + self.bits(3)?]),
                _ => lens.extend(vec![0; 11 + self.bits(7)?]),
            }
        }
        if lens.len() > symbols + distances || lens[END_OF_BLOCK] == 0 {
            return Err(Stop::Corrupt);
        }
        let (symbols, distances) = lens.split_at(symbols);
        Ok((Code::new(symbols, true)?, Code::new(distances, true)?))
    }

    /// Section 3.2.3, the second half of the algorithm.
    fn symbols(&mut self, symbols: &Code, distances: &Code) -> Result<(), Stop> {
        loop {
            let symbol = self.symbol(symbols)?;
            if symbol < END_OF_BLOCK {
                self.out.push(symbol as u8);
                continue;
            }
            if symbol == END_OF_BLOCK {
                return Ok(());
            }
            let (base, more) = *LENGTHS
                .get(symbol - END_OF_BLOCK - 1)
                .ok_or(Stop::Corrupt)?;
            let len = base + self.bits(more)?;
            let distance = match self.symbol(distances)? {
                symbol @ 0..4 => 1 + symbol,
                symbol @ 4..30 => {
                    let more = symbol as u32 / 2 - 1;
                    1 + ((2 + symbol % 2) << more) + self.bits(more)?
                }
                _ => return Err(Stop::Corrupt),
            };
            if distance > self.out.len() - self.begin {
                return Err(Stop::Corrupt);
            }
            self.farthest = self.farthest.max(distance);
            // The copied range may overlap the copy.
            let (from, mut left) = (self.out.len() - distance, len);
            while left > 0 {
                let count = left.min(self.out.len() - from);
                self.out.extend_from_within(from..from + count);
                left -= count;
            }
        }
    }

    fn symbol(&mut self, code: &Code) -> Result<usize, Stop> {
        let (mut bits, mut first, mut index) = (0, 0, 0);
        for count in &code.counts {
            bits = bits << 1 | self.bits(1)?;
            first <<= 1;
            if bits < first + count {
                return Ok(code.symbols[index + bits - first]);
            }
            first += count;
            index += count;
        }
        if code.symbols.is_empty() && !code.may_be_incomplete {
            return Ok(0);
        }
        Err(Stop::Corrupt)
    }

    /// The first bit is the least significant (section 3.1.1).
    fn bits(&mut self, count: u32) -> Result<usize, Stop> {
        let mut value = 0;
        for place in 0..count {
            let byte = self.input.get(self.at / 8).ok_or(Stop::Cut)?;
            value |= usize::from(byte >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Ok(value)
    }

    fn skip_to_byte(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }
}

/// A Huffman code, section 3.2.2.
struct Code {
    /// The number of symbols with 1, 2, … bits, up to the maximum.
    counts: Vec<usize>,
    /// In the order of their codes.
    symbols: Vec<usize>,
    may_be_incomplete: bool,
}

impl Code {
    /// `lens` has the code length of each symbol. As in zlib, an incomplete code is corrupt unless
    /// it has a single symbol; an empty code is corrupt only when a symbol is read.
    fn new(lens: &[usize], may_be_incomplete: bool) -> Result<Self, Stop> {
        let most = lens.iter().copied().max().unwrap_or(0).max(1);
        let with = |len| move |symbol: &usize| lens[*symbol] == len;
        let counts: Vec<usize> = (1..=most)
            .map(|len| (0..lens.len()).filter(with(len)).count())
            .collect();
        let symbols: Vec<usize> = (1..=most)
            .flat_map(|len| (0..lens.len()).filter(with(len)))
            .collect();
        let mut left = 1;
        for count in &counts {
            left = left * 2 - *count as isize;
            if left < 0 {
                return Err(Stop::Corrupt);
            }
        }
        let is_allowed = may_be_incomplete && most == 1;
        if left > 0 && !symbols.is_empty() && !is_allowed {
            return Err(Stop::Corrupt);
        }
        Ok(Self {
            counts,
            symbols,
            may_be_incomplete,
        })
    }
}
