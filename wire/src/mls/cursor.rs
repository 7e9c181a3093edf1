//! Reading bytes that were walked before: without failure, without allocation.

/// A place in bytes whose structure is known to be right. Past the end it reads nothing and zero,
/// which cannot happen for walked bytes and is harmless if it does.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn u8(&mut self) -> u8 {
        u8::from_be_bytes(self.array())
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// The content of the next vector.
    pub(super) fn opaque(&mut self) -> &'a [u8] {
        let first = self.u8();
        let more = match first >> 6 {
            0 => 0,
            1 => 1,
            _ => 3,
        };
        let mut length = usize::from(first & 0x3f);
        for _ in 0..more {
            length = (length << 8) | usize::from(self.u8());
        }
        self.take(length)
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap_or([0; N])
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(count).unwrap_or_default();
        self.0 = rest;
        taken
    }
}
