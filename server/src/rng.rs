//! Randomness: the only file that asks the operating system for it.

/// The operating system's random number generator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rng(());

impl Rng {
    pub(crate) const fn system() -> Self {
        Self(())
    }

    /// `N` random bytes.
    ///
    /// # Errors
    /// When the operating system gives none, which a working machine never does.
    #[expect(
        clippy::unused_self,
        reason = "randomness is passed in: whoever wants some must hold this"
    )]
    pub(crate) fn bytes<const N: usize>(self) -> Result<[u8; N], RandomError> {
        let mut bytes = [0; N];
        getrandom::fill(&mut bytes).map_err(RandomError)?;
        Ok(bytes)
    }
}

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no randomness: {0}")]
pub(crate) struct RandomError(getrandom::Error);
