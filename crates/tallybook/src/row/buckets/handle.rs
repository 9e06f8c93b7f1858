//! [`Handle`]: where a string of bytes is.

/// How many bytes a handle has room for.
pub(super) const INLINE: usize = 7;

/// Where a string is. The empty one is zero, so that rows of handles begin with empty strings.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Handle(pub(super) u64);

/// In the lowest byte of a handle: what it is.
const IN_HANDLE: u64 = 1;
const IN_CHAIN: u64 = 2;

impl Handle {
    pub(super) const EMPTY: Self = Handle(0);

    pub(super) fn inline(bytes: &[u8]) -> Self {
        let of = |(at, byte): (usize, &u8)| u64::from(*byte) << (8 * (at + 1));
        Handle(bytes.iter().enumerate().map(of).sum::<u64>() | IN_HANDLE)
    }

    pub(super) fn chain(first: u32) -> Self {
        Handle(u64::from(first) << 32 | IN_CHAIN)
    }

    /// The first node, if it has any.
    pub(super) fn first(self) -> Option<u32> {
        (self.0 & 0xff == IN_CHAIN).then_some((self.0 >> 32) as u32)
    }
}
