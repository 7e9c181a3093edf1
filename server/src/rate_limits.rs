//! Rate limits: who asks for too much is told when to come again.
//!
//! Each limit counts per key: an address, a device, a user. It goes by the steady time, so that a
//! clock that is set neither opens nor closes anything. It must not know HTTP: what a request asks
//! for is said by `http::rate_limit`.
//!
//! The surprise: the number of keys is bounded. When a limit knows no more of them, new ones pass,
//! where the limit only protects the machine; where it protects people, they are refused, and those
//! it knows go on as before.

mod cells;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use self::cells::{Limiter, WhenFull};
use crate::app::App;
use crate::clock::Clock;
use crate::config::RateLimitsConfig;
use crate::sessions::ClientAuth;

/// How often keys are forgotten that nobody used for long.
const TIDY_EVERY: Duration = Duration::from_mins(1);
/// Bits of an IPv6 address that tell one network from another: everybody has as many addresses
/// below them as they like.
const IPV6_NETWORK: u128 = !0 << 64;

/// What somebody without a session wants, at the cost of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knock {
    /// To go on with a link.
    Link,
    /// An account, or an old one back.
    Registration,
    /// A session, or the way to one.
    SignIn,
}

/// What a device with a session wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To change something.
    Change,
    /// Other people's KeyPackages, or a GroupInfo.
    Claim,
    /// To say something.
    Message,
    /// To look.
    Read,
}

/// Too much was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit {limit} is reached")]
pub(crate) struct Limited {
    /// The key of the configuration, without its section.
    pub(crate) limit: &'static str,
    /// After how long the same would pass.
    pub(crate) wait: Duration,
}

/// All limits in force.
#[derive(Debug)]
pub(crate) struct RateLimits {
    clock: Clock,
    set: RwLock<Arc<Set>>,
}

#[derive(Debug)]
struct Set {
    config: RateLimitsConfig,
    links: Limiter<IpAddr>,
    registrations: Limiter<IpAddr>,
    sign_in: Limiter<IpAddr>,
    changes: PerDevice,
    claims: PerDevice,
    messages: PerDevice,
    reads: PerDevice,
}

/// A limit for each device, and one for all devices of a user together.
#[derive(Debug)]
struct PerDevice {
    device: Limiter<i64>,
    user: Limiter<i64>,
}

impl RateLimits {
    /// Limits nobody has touched yet.
    pub(crate) fn new(config: &RateLimitsConfig, clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            set: RwLock::new(Arc::new(Set::new(config, clock))),
        }
    }

    /// Puts other limits in force. If they differ at all, everybody begins anew.
    pub(crate) fn adopt(&self, config: &RateLimitsConfig) {
        if self.set().config != *config {
            let fresh = Arc::new(Set::new(config, &self.clock));
            *self.set.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }

    /// Counts what somebody at this address wants.
    ///
    /// # Errors
    /// [`Limited`]: they wanted too much.
    pub(crate) fn knock(&self, address: IpAddr, knock: Knock) -> Result<(), Limited> {
        let set = self.set();
        let limiter = match knock {
            Knock::Link => &set.links,
            Knock::Registration => &set.registrations,
            Knock::SignIn => &set.sign_in,
        };
        limiter.check(&network(address))
    }

    /// Counts what a device wants.
    ///
    /// # Errors
    /// [`Limited`]: it wanted too much, or its user did.
    pub(crate) fn ask(&self, who: &ClientAuth, ask: Ask) -> Result<(), Limited> {
        let set = self.set();
        let limiters = match ask {
            Ask::Change => &set.changes,
            Ask::Claim => &set.claims,
            Ask::Message => &set.messages,
            Ask::Read => &set.reads,
        };
        // What the device is refused does not count for its user.
        limiters.device.check(&who.device_id)?;
        limiters.user.check(&who.user_id)
    }

    fn set(&self) -> Arc<Set> {
        Arc::clone(&self.set.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Set {
    fn new(config: &RateLimitsConfig, clock: &Clock) -> Self {
        let address = |name, rate| Limiter::new(name, rate, WhenFull::Refuse, clock);
        let each = |name, rate, full| Limiter::new(name, rate, full, clock);
        Self {
            config: config.clone(),
            links: address("address_links", config.address_links),
            registrations: address("address_registrations", config.address_registrations),
            sign_in: address("address_sign_in", config.address_sign_in),
            changes: PerDevice {
                device: each("device_changes", config.device_changes, WhenFull::Admit),
                user: each("user_changes", config.user_changes, WhenFull::Admit),
            },
            claims: PerDevice {
                device: each("device_claims", config.device_claims, WhenFull::Refuse),
                user: each("user_claims", config.user_claims, WhenFull::Refuse),
            },
            messages: PerDevice {
                device: each("device_messages", config.device_messages, WhenFull::Admit),
                user: each("user_messages", config.user_messages, WhenFull::Admit),
            },
            reads: PerDevice {
                device: each("device_reads", config.device_reads, WhenFull::Admit),
                user: each("user_reads", config.user_reads, WhenFull::Admit),
            },
        }
    }

    fn tidy(&self) {
        self.links.tidy();
        self.registrations.tidy();
        self.sign_in.tidy();
        for one in [&self.changes, &self.claims, &self.messages, &self.reads] {
            one.device.tidy();
            one.user.tidy();
        }
    }
}

/// Starts the task that forgets keys nobody used for long.
pub(crate) fn keep(app: &Arc<App>) {
    let tidying = Arc::clone(app);
    let mut interval = app.tasks.interval(&app.clock, TIDY_EVERY);
    app.tasks.spawn("rate limits", async move {
        while interval.tick().await {
            tidying.rate_limits.set().tidy();
        }
    });
}

/// What counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & IPV6_NETWORK)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_is_a_whole_network() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::9"));
        assert_ne!(of("2001:db8:1:2::9"), of("2001:db8:1:3::9"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
        assert_ne!(of("192.0.2.7"), of("192.0.2.8"));
    }
}
