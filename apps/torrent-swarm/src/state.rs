//! How a member stands.

use std::time::Duration;

/// What a member is busy with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i64)]
pub enum State {
    /// It checks the hashes of what is there.
    #[default]
    Checking,
    /// It looks for a peer.
    Connecting,
    /// It has lost its peer, and waits before it tries again.
    Retrying,
    /// It fetches.
    Fetching,
    /// It has all there is.
    Seeding,
}

impl State {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Checking, Self::Connecting, Self::Retrying, Self::Fetching, Self::Seeding];

    /// That of a number.
    pub fn of(number: i64) -> Self {
        Self::ALL.into_iter().find(|state| *state as i64 == number).unwrap_or_default()
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checking => "checking",
            Self::Connecting => "connecting",
            Self::Retrying => "retrying",
            Self::Fetching => "fetching",
            Self::Seeding => "seeding",
        }
    }

    /// Its name at `now`, and when it will try again.
    pub fn told(self, now: Duration, retry_at: Option<Duration>) -> String {
        match retry_at.map(|at| at.saturating_sub(now)) {
            // What is left of a second counts as one.
            Some(left) => format!("retry in {} s", left.as_millis().div_ceil(1000)),
            None => self.name().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_a_number_and_a_name() {
        for state in State::ALL {
            assert_eq!(State::of(state as i64), state);
        }
        assert_eq!(State::of(99), State::Checking);
        let seconds = Duration::from_secs;
        assert_eq!(State::Fetching.told(seconds(3), None), "fetching");
        let retrying = |now| State::Retrying.told(now, Some(seconds(12)));
        assert_eq!(retrying(seconds(3)), "retry in 9 s");
        assert_eq!(retrying(Duration::from_millis(11_001)), "retry in 1 s");
        assert_eq!(retrying(seconds(13)), "retry in 0 s");
    }
}
