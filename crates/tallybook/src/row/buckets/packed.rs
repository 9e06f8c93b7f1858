//! Counts as bytes: most buckets are empty, and most others have small counts.
//!
//! A bucket with a count is a first byte, which has the lowest six bits of the count and says
//! whether more bits and a gap follow; the rest of the count; and the number of empty buckets before
//! it. So a count below 64 whose neighbour has one, too, takes one byte. No first byte is zero, so
//! zeros behind the last bucket change nothing.

/// More bits of the count follow, seven to a byte, of which the highest bit says the same.
const MORE: u8 = 1 << 7;
/// A gap follows, as bytes of seven bits.
const GAP: u8 = 1 << 6;
/// Bits of the count in the first byte.
const FIRST: u32 = 6;

/// Appends buckets in ascending order.
pub(super) struct Packer<'a> {
    bytes: &'a mut Vec<u8>,
    /// The bucket that would need no gap.
    next: usize,
    /// The last bucket and its count so far, not yet written.
    last: (usize, u64),
}

impl<'a> Packer<'a> {
    /// Into `bytes`, in the place of what they hold.
    pub(super) fn new(bytes: &'a mut Vec<u8>) -> Self {
        bytes.clear();
        Packer { bytes, next: 0, last: (0, 0) }
    }

    /// Adds to a bucket that no other is above. A count wraps around at `u64::MAX`.
    #[inline]
    pub(super) fn add(&mut self, bucket: usize, n: u64) {
        if bucket != self.last.0 {
            self.flush();
            self.last = (bucket, 0);
        }
        self.last.1 = self.last.1.wrapping_add(n);
    }

    /// Writes the last bucket.
    pub(super) fn finish(mut self) {
        self.flush();
    }

    #[inline]
    fn flush(&mut self) {
        let (bucket, n) = self.last;
        if n == 0 {
            return;
        }
        let gap = bucket - self.next;
        self.next = bucket + 1;
        if gap == 0 && n >> FIRST == 0 {
            return self.bytes.push(n as u8);
        }
        self.flush_long(n, gap);
    }

    fn flush_long(&mut self, n: u64, gap: usize) {
        let mut first = n as u8 & (GAP - 1);
        first |= if n >> FIRST == 0 { 0 } else { MORE };
        first |= if gap == 0 { 0 } else { GAP };
        self.bytes.push(first);
        self.number(n >> FIRST);
        self.number(gap as u64);
    }

    /// Nothing for a zero.
    fn number(&mut self, mut n: u64) {
        while n != 0 {
            let rest = n >> 7;
            self.bytes.push(n as u8 & !MORE | if rest == 0 { 0 } else { MORE });
            n = rest;
        }
    }
}

/// The buckets of packed bytes, in order, with their counts.
pub(super) struct Unpacker<B> {
    bytes: B,
    next: usize,
}

impl<B: Iterator<Item = u8>> Unpacker<B> {
    pub(super) fn new(bytes: B) -> Self {
        Unpacker { bytes, next: 0 }
    }

    fn number(&mut self) -> u64 {
        let (mut n, mut shift) = (0, 0);
        for byte in self.bytes.by_ref() {
            n |= u64::from(byte & !MORE) << shift;
            shift += 7;
            if byte & MORE == 0 {
                break;
            }
        }
        n
    }
}

impl<B: Iterator<Item = u8>> Iterator for Unpacker<B> {
    type Item = (usize, u64);

    #[inline]
    fn next(&mut self) -> Option<(usize, u64)> {
        let first = self.bytes.next().filter(|first| *first != 0)?;
        let mut n = u64::from(first & (GAP - 1));
        if first & MORE != 0 {
            n |= self.number() << FIRST;
        }
        if first & GAP != 0 {
            self.next += self.number() as usize;
        }
        self.next += 1;
        Some((self.next - 1, n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn packed(counts: &[(usize, u64)]) -> Vec<u8> {
        let mut bytes = vec![1, 2, 3];
        let mut packer = Packer::new(&mut bytes);
        counts.iter().for_each(|(bucket, n)| packer.add(*bucket, *n));
        packer.finish();
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]
        #[test]
        fn any_counts_come_back(
            counts in prop::collection::vec((0..2000_usize, any::<u64>(), 0..64_u32), 0..100),
            zeros in 0..8_usize,
        ) {
            let mut counts: Vec<_> =
                counts.into_iter().map(|(bucket, n, shift)| (bucket, n >> shift)).collect();
            counts.sort_by_key(|(bucket, _)| *bucket);
            let mut model = BTreeMap::<usize, u64>::new();
            for (bucket, n) in &counts {
                let sum = model.entry(*bucket).or_default();
                *sum = sum.wrapping_add(*n);
            }
            model.retain(|_, n| *n != 0);
            let mut bytes = packed(&counts);
            bytes.resize(bytes.len() + zeros, 0);
            let found: Vec<_> = Unpacker::new(bytes.into_iter()).collect();
            prop_assert_eq!(found, model.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn small_counts_side_by_side_take_a_byte_each() {
        let counts: Vec<_> = (160..200).map(|bucket| (bucket, 63)).collect();
        // The first has a gap of two bytes before it.
        assert_eq!(packed(&counts).len(), 42);
        assert_eq!(packed(&[(0, u64::MAX), (1, 64)]).len(), 12);
        assert!(packed(&[(5, 1), (5, u64::MAX)]).is_empty());
    }
}
