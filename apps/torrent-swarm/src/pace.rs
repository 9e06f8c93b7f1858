//! Keeps librqbit's rate limit from saving up.
//!
//! Its limit is a bucket that holds what may be sent in a second. Whoever sent nothing for a second
//! may then send twice the limit in the next. So the bucket is emptied as far as it is not used:
//! what is left in it is worth a fraction of a second.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use librqbit::{ManagedTorrent, Session};
use tokio::time::timeout;

/// Time between two looks.
const PERIOD: Duration = Duration::from_millis(25);

/// The part of a second that may be saved up.
const SHARE: f64 = 0.1;

/// What is sent at once; less than this in the bucket would let nothing through.
const CHUNK: f64 = 16.0 * 1024.0;

/// What is in the bucket, as far as it can be told from outside.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    level: f64,
}

impl Bucket {
    /// It begins full.
    fn new(rate: NonZeroU32) -> Self {
        let rate = f64::from(rate.get());
        Self { rate, level: rate }
    }

    /// What is to be taken out after so much time, in which so much was sent.
    fn surplus(&mut self, time: Duration, sent: u64) -> Option<NonZeroU32> {
        let filled = self.level + self.rate * time.as_secs_f64();
        // What is being sent is out of the bucket before it is counted.
        self.level = (filled - sent as f64).clamp(0.0, self.rate);
        let most = (self.rate * SHARE).max(CHUNK);
        let surplus = NonZeroU32::new((self.level - most).max(0.0) as u32)?;
        self.level -= f64::from(surplus.get());
        Some(surplus)
    }
}

/// Paces what `session` sends of `torrent`, until the task is aborted.
pub async fn pace(session: Arc<Session>, torrent: Arc<ManagedTorrent>, rate: NonZeroU32) {
    let mut bucket = Bucket::new(rate);
    let sent = || torrent.live().map_or(0, |live| live.stats_snapshot().uploaded_bytes);
    let (mut before, mut at) = (sent(), Instant::now());
    let mut time = Duration::ZERO;
    loop {
        let now = sent();
        if let Some(surplus) = bucket.surplus(time, now.saturating_sub(before)) {
            // Whatever is not there any more was sent meanwhile.
            let _ = timeout(PERIOD, session.ratelimits.prepare_for_upload(surplus)).await;
        }
        before = now;
        tokio::time::sleep(PERIOD).await;
        time = at.elapsed();
        at += time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that is sent in a second, of a bucket of which everything is sent that is in it,
    /// after nothing was for five seconds.
    fn most(rate: u32, is_paced: bool) -> f64 {
        let (mut level, mut sent_before) = (f64::from(rate), 0.0);
        let mut bucket = Bucket::new(NonZeroU32::new(rate).expect("not zero"));
        let mut sends = Vec::new();
        for step in 0..400_u32 {
            if is_paced && let Some(surplus) = bucket.surplus(PERIOD, sent_before as u64) {
                level -= f64::from(surplus.get()).min(level);
            }
            level = (level + f64::from(rate) * PERIOD.as_secs_f64()).min(f64::from(rate));
            let chunks = if step < 200 { 0.0 } else { (level / CHUNK).floor() };
            sent_before = chunks * CHUNK;
            level -= sent_before;
            sends.push(sent_before);
        }
        sends.windows(40).map(|second| second.iter().sum()).fold(0.0, f64::max)
    }

    #[test]
    fn what_was_not_sent_is_not_saved_up() {
        for rate in [1 << 20, 16 << 20, 1 << 30] {
            assert!(most(rate, false) > 1.9 * f64::from(rate), "{rate}: it is librqbit's bucket");
            let paced = most(rate, true);
            assert!(paced < 1.15 * f64::from(rate), "{rate}: {paced}");
            assert!(paced > 0.95 * f64::from(rate), "{rate}: {paced}");
        }
        assert!(most(16 << 10, true) >= f64::from(16 << 10), "a chunk has to fit");
    }
}
