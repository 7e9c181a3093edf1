//! The configuration in force, which a reload replaces as a whole.
//!
//! `App::config` is what the server was started with; whoever needs a key that a reload applies
//! (`deploy/grove.example.toml` says which) asks here, each time anew.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::Config;

/// The configuration in force.
#[derive(Debug)]
pub(crate) struct Live(watch::Sender<Arc<Config>>);

impl Live {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        Self(watch::Sender::new(config))
    }

    /// As it is now.
    pub(crate) fn now(&self) -> Arc<Config> {
        Arc::clone(&self.0.borrow())
    }

    /// Replaces it.
    pub(crate) fn replace(&self, config: Config) {
        let _before = self.0.send_replace(Arc::new(config));
    }
}
