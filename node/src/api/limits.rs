//! How much one client may ask for: a bucket of tokens for each address, which fills at a steady rate.
//!
//! Of IPv6, a client is its /64, since one household has a whole one. Memory is bounded: when there are too many buckets,
//! those that are full again are dropped, and if that does not help, all are. Who has so many addresses could ask for as
//! much anyhow, and nobody else is ever refused for it.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, MonotonicClock},
    middleware::NoOpMiddleware,
    state::keyed::DashMapStateStore,
};

/// Buckets that are kept, give or take [`LOOK_EVERY`].
const BUCKETS_MAX: usize = 65_536;
/// After how many requests the buckets are counted.
const LOOK_EVERY: usize = 1_024;

/// What an answer costs, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cost {
    /// A read or two.
    Cheap,
    /// A contract runs, a proof is made, or many entries are read.
    Dear,
}

impl Cost {
    fn tokens(self) -> NonZeroU32 {
        match self {
            Self::Cheap => NonZeroU32::MIN,
            Self::Dear => NonZeroU32::MIN.saturating_add(BURST_MIN - 1),
        }
    }
}

/// What a bucket must hold at least, so that what is dear can be asked for at all.
pub(crate) const BURST_MIN: u32 = 10;

/// How much one client may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tokens a second; 0 for no limit.
    pub requests_per_second: u32,
    /// Tokens at once.
    pub burst: u32,
    /// Whether clients on this machine are limited too.
    pub limit_loopback: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Client {
    V4(Ipv4Addr),
    /// The first 64 bits.
    V6(u64),
}

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            // The shift leaves 64 bits.
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

type Buckets = RateLimiter<Client, DashMapStateStore<Client>, MonotonicClock, NoOpMiddleware<Instant>>;

/// The buckets of all clients.
pub(super) struct Limiter {
    quota: Quota,
    buckets: RwLock<Buckets>,
    asked: AtomicUsize,
    buckets_max: usize,
}

impl Limiter {
    /// None where nothing is limited.
    pub(super) fn new(limits: &Limits) -> Option<Self> {
        let rate = NonZeroU32::new(limits.requests_per_second)?;
        let burst = NonZeroU32::new(limits.burst.max(BURST_MIN))?;
        let quota = Quota::per_second(rate).allow_burst(burst);
        let (buckets, asked) = (RwLock::new(empty(quota)), AtomicUsize::new(0));
        Some(Self { quota, buckets, asked, buckets_max: BUCKETS_MAX })
    }

    /// Takes what an answer costs from the client's bucket; otherwise how long until there is enough in it.
    pub(super) fn take(&self, address: IpAddr, cost: Cost) -> Result<(), Duration> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % LOOK_EVERY == LOOK_EVERY - 1 {
            self.bound();
        }
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        match buckets.check_key_n(&address.into(), cost.tokens()) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(later)) => Err(later.wait_time_from(MonotonicClock.now())),
            // A bucket holds what is dear, so this is for a change of these numbers that nobody thought through.
            Err(_) => Err(self.quota.burst_size_replenished_in()),
        }
    }

    fn bound(&self) {
        {
            let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
            if buckets.len() <= self.buckets_max {
                return;
            }
            buckets.retain_recent();
            if buckets.len() <= self.buckets_max {
                return;
            }
        }
        *self.buckets.write().unwrap_or_else(PoisonError::into_inner) = empty(self.quota);
    }
}

fn empty(quota: Quota) -> Buckets {
    RateLimiter::new(quota, DashMapStateStore::default(), MonotonicClock)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(rate: u32, burst: u32) -> Limiter {
        Limiter::new(&Limits { requests_per_second: rate, burst, limit_loopback: false }).expect("a limit")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn each_client_has_a_bucket_of_its_own_and_what_is_dear_takes_more() {
        let limiter = limiter(1, 20);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        assert!(limiter.take(one, Cost::Dear).is_ok() && limiter.take(one, Cost::Dear).is_ok());
        let wait = limiter.take(one, Cost::Dear).expect_err("twice ten tokens were all");
        assert!(wait > Duration::from_secs(8) && wait <= Duration::from_secs(10), "{wait:?}");
        assert!((0..20).all(|_| limiter.take(other, Cost::Cheap).is_ok()));
        assert!(limiter.take(other, Cost::Cheap).is_err());
        let mapped = address("::ffff:192.0.2.1");
        assert!(limiter.take(mapped, Cost::Dear).is_err(), "an IPv4 client is the same over IPv6");
    }

    #[test]
    fn a_household_of_ipv6_is_one_client() {
        let limiter = limiter(1, 10);
        assert!(limiter.take(address("2001:db8:1:2::1"), Cost::Dear).is_ok());
        assert!(limiter.take(address("2001:db8:1:2:ffff::9"), Cost::Cheap).is_err());
        assert!(limiter.take(address("2001:db8:1:3::1"), Cost::Dear).is_ok());
    }

    #[test]
    fn buckets_are_bounded_and_newcomers_are_served_beyond_the_bound() {
        let limiter = Limiter { buckets_max: 100, ..limiter(1, 10) };
        for number in 0..10_000u32 {
            let newcomer = IpAddr::from(Ipv4Addr::from_bits(number));
            assert!(limiter.take(newcomer, Cost::Dear).is_ok(), "{newcomer}");
        }
        let kept = limiter.buckets.read().expect("not poisoned").len();
        assert!(kept <= 100 + LOOK_EVERY, "{kept}");
    }

    #[test]
    fn a_rate_of_nothing_is_no_limit() {
        assert!(Limiter::new(&Limits { requests_per_second: 0, burst: 0, limit_loopback: true }).is_none());
    }
}
