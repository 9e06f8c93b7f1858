//! Values to record: latencies in nanoseconds, spread in several ways.

use std::array;

/// How many values a table has.
const VALUES: usize = 4096;

/// Values made beforehand, so that making them costs nobody anything.
pub struct Table<T>(Box<[T; VALUES]>);

impl<T: Copy> Table<T> {
    /// The values of another table, as another type.
    pub fn of<F: Copy>(from: &Table<F>, convert: impl Fn(F) -> T) -> Self {
        let values: Vec<T> = from.0.iter().map(|value| convert(*value)).collect();
        Table(values.try_into().ok().expect("there are as many"))
    }

    /// One after the other, and again from the first.
    #[inline(always)]
    pub fn at(&self, i: u64) -> T {
        self.0[i as usize & (VALUES - 1)]
    }
}

impl Table<u64> {
    fn new(mut value: impl FnMut(&mut Random) -> f64) -> Self {
        let mut random = Random(1);
        let values: Vec<u64> = (0..VALUES).map(|_| value(&mut random) as u64).collect();
        Table(values.try_into().expect("there are as many"))
    }

    /// 10 µs to 10 ms, each octave as likely as the next.
    pub fn wide() -> Self {
        Self::new(|random| 10_000.0 * 1_000_f64.powf(random.unit()))
    }

    /// 1 ms to 1.5 ms.
    pub fn narrow() -> Self {
        Self::new(|random| 1e6 + 5e5 * random.unit())
    }

    /// 1 ms or 2 ms: in the smallest table of a histogram both have the same cell.
    pub fn paired() -> Self {
        Self::new(|random| [1e6, 2e6][random.below(2)])
    }

    /// Around 1 ms, log-normal with a standard deviation of an octave: two thirds lie within two
    /// octaves.
    pub fn latencies() -> Self {
        Self::new(|random| 1e6 * 2_f64.powf(random.normal()))
    }
}

/// Numbers that look random.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0 >> 33
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit
    }

    fn unit(&mut self) -> f64 {
        self.next() as f64 / (1_u64 << 31) as f64
    }

    /// The sum of twelve has the variance 1, and nearly the shape.
    fn normal(&mut self) -> f64 {
        array::from_fn::<_, 12, _>(|_| self.unit()).iter().sum::<f64>() - 6.0
    }
}
