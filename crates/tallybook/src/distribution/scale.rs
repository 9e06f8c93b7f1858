//! The bounds of exponential buckets: the bucket with index `i` at scale `s` ends at `2^(i / 2^s)`.
//!
//! A value is taken apart into its octave and its mantissa, 64 bits from the highest one bit on.
//! Where in the octave the mantissa falls is looked up: the highest `s + 1` bits after the first
//! one select a cell, and a cell is so small that at most one bound lies in it, so one comparison
//! decides. No division, no float, no loop.
//!
//! The bounds are powers of a unit: of one for integers, of `10^9` nanoseconds for durations. In
//! either case every octave of whole numbers has the same mantissas among its bounds, so each unit
//! needs a table and nothing else.

/// The finest scale: 256 buckets per octave.
pub(crate) const FINEST: i32 = 8;

/// The coarsest scale that a distribution is lowered to: a bucket covers 16 octaves. It is the
/// coarsest that Prometheus knows.
pub(crate) const COARSEST: i32 = -4;

/// The scale where none is asked for: 8 buckets per octave, an error of at most 4.43 %.
pub(crate) const DEFAULT: u8 = 3;

/// Bounds per octave at the finest scale. Coarser scales use every second one, every fourth, and so
/// on.
const FINE: usize = 1 << FINEST;

/// All cells of all scales. Those of scale `s` begin at `2^(s + 1)`, so the leading one bit of a
/// mantissa, shifted along with the bits that select the cell, leads to the cells of its scale.
const CELLS: usize = 4 * FINE;

/// `2^(1/2)`, `2^(1/4)`, ... `2^(1/256)`, with 127 bits after the point. A test checks all that
/// follows from them.
const ROOTS: [u128; FINEST as usize] = [
    0xb504_f333_f9de_6484_597d_89b3_754a_be9f,
    0x9837_f051_8db8_a96f_46ad_2318_2e42_f6f6,
    0x8b95_c1e3_ea8b_d6e6_fbe4_6287_58a5_3c90,
    0x85aa_c367_cc48_7b14_c5c9_5b8c_2154_c1b2,
    0x82cd_8698_ac2b_a1d7_3e2a_475b_4652_0bff,
    0x8164_d1f3_bc03_0773_7be5_6527_bd14_def4,
    0x80b1_ed4f_d999_ab6c_2533_5719_b6e6_fd20,
    0x8058_d7d2_d5e5_f6b0_94d5_89f6_08ee_4aa2,
];

/// The mantissas of the bounds of an octave at the finest scale: `floor(2^63 * 2^(j / 256))`. The
/// last one, `2^64`, has no place in 64 bits; the largest mantissa stands for it.
static BOUNDS: [u64; FINE + 1] = bounds(1).0;

/// The buckets of mantissas within an octave.
pub struct Cells {
    /// For each cell the first bound that its first mantissa does not exceed: its number, counted
    /// in its scale from the beginning of the octave of the unit.
    first: [u16; CELLS],
    /// The mantissa of that bound. A greater mantissa of the cell belongs under the next bound.
    limit: [u64; CELLS],
}

/// Of integers.
pub(crate) static ONES: Cells = cells(1);

/// Of nanoseconds, in buckets of seconds.
pub(crate) static NANOS: Cells = cells(1_000_000_000);

/// The mantissas of `unit * 2^(j / 256)` for each `j` below 256, rounded down, and the first `j` that
/// lies in another octave than the unit: 256 if none does.
const fn bounds(unit: u64) -> ([u64; FINE + 1], usize) {
    let unit = (unit as u128) << (unit as u128).leading_zeros();
    let (mut bounds, mut wrapped) = ([u64::MAX; FINE + 1], FINE);
    let mut j = 0;
    while j < FINE {
        let mut product: u128 = 1 << 127;
        let mut root = 0;
        while root < ROOTS.len() {
            if j & (FINE >> (root + 1)) != 0 {
                product = times(product, ROOTS[root]) << 1;
            }
            root += 1;
        }
        let product = times(product, unit);
        if product >> 127 == 1 && wrapped == FINE {
            wrapped = j;
        }
        bounds[j] = ((product << product.leading_zeros()) >> 64) as u64;
        j += 1;
    }
    (bounds, wrapped)
}

/// The product of two numbers with 127 bits after the point, with 126 bits after it. What the lower
/// halves give together is too little to count.
const fn times(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let ends = (a >> 64) * (b >> 64);
    let crossed = (((a >> 64) * (b & LOW)) >> 64) + (((a & LOW) * (b >> 64)) >> 64);
    ends + crossed
}

const fn cells(unit: u64) -> Cells {
    let (bounds, wrapped) = bounds(unit);
    // Those before it are in the octave of the unit, and follow on all others in the octave after.
    let lowest = wrapped % FINE;
    let (mut first, mut limit) = ([0; CELLS], [0; CELLS]);
    let mut scale = 0;
    while scale <= FINEST as usize {
        let step = FINE >> scale;
        let mut j = lowest.next_multiple_of(step);
        let mut cell = 2 << scale;
        while cell < 4 << scale {
            while j < lowest + FINE && (cell as u64) << (62 - scale) > bounds[j % FINE] {
                j += step;
            }
            first[cell] = (j / step) as u16;
            limit[cell] = if j < lowest + FINE { bounds[j % FINE] } else { u64::MAX };
            cell += 1;
        }
        scale += 1;
    }
    Cells { first, limit }
}

impl Cells {
    /// The bucket of a mantissa in the lowest octave, counted from the bucket that the octave of
    /// the unit begins with.
    #[inline(always)]
    pub(crate) fn part<const SCALE: u8>(&self, mantissa: u64) -> usize {
        const {
            assert!(
                SCALE as i32 <= FINEST,
                "the scale of a histogram is 0 to 8: choose 3 for errors of at most 4.43 %, 8 for 0.14 %"
            );
        }
        let cell = (mantissa >> (62 - SCALE)) as usize & (CELLS - 1);
        self.first[cell] as usize + usize::from(mantissa > self.limit[cell])
    }
}

/// The bound of an index, taken apart: the exponent of its octave, and its mantissa of 64 bits.
fn parts(index: i32, scale: i32) -> (i32, u64) {
    let scale = scale.clamp(COARSEST, FINEST);
    if scale <= 0 {
        return (index.saturating_mul(1 << -scale), BOUNDS[0]);
    }
    let part = index.rem_euclid(1 << scale) as usize;
    (index >> scale, BOUNDS[part << (FINEST - scale)])
}

/// The upper bound of a bucket. It is finite and above zero for every index; those that no value
/// has are clamped.
pub(crate) fn bound(index: i32, scale: i32) -> f64 {
    let (octave, mantissa) = parts(index, scale);
    let power = f64::from_bits(((octave.clamp(-1022, 1022) + 1023) as u64) << 52);
    mantissa as f64 / BOUNDS[0] as f64 * power
}

/// The largest whole number of units that is not above the bound, where one is `units` units.
pub(crate) fn last_below(index: i32, scale: i32, units: u64) -> u64 {
    let (octave, mantissa) = parts(index, scale);
    let Ok(shift) = u32::try_from(63 - i64::from(octave)) else { return u64::MAX };
    let product = u128::from(mantissa) * u128::from(units);
    u64::try_from(product.checked_shr(shift).unwrap_or(0)).unwrap_or(u64::MAX)
}

/// The index of the bucket that holds the bucket `index`, once the scale is lowered by `by`.
pub(crate) fn downscaled(index: i32, by: u32) -> i32 {
    // Half the index, rounded up, `by` times.
    ((index - 1) >> by.min(31)) + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;

    /// `B <= 2^e * unit * 2^(j / 256) < B + 1`, both sides to the power of 256, where `e` leaves 64
    /// bits.
    #[test]
    fn bounds_are_the_powers_rounded_down() {
        for unit in [1, 1_000_000_000] {
            let (bounds, wrapped) = bounds(unit);
            for (j, bound) in bounds[..FINE].iter().enumerate() {
                let exponent = 63 - unit.ilog2() as usize - usize::from(j >= wrapped);
                let power = BigUint::from(unit).pow(256) << (exponent * FINE + j);
                assert!(BigUint::from(*bound).pow(256) <= power, "{j} of {unit}");
                assert!(BigUint::from(bound + 1).pow(256) > power, "{j} of {unit}");
            }
        }
    }

    /// Or one comparison would not do.
    #[test]
    fn no_cell_holds_two_bounds() {
        for (unit, cells) in [(1, &ONES), (1_000_000_000, &NANOS)] {
            let (bounds, wrapped) = bounds(unit);
            let end = wrapped % FINE + FINE;
            for scale in 0..=FINEST as usize {
                for cell in (2 << scale)..(4_usize << scale) {
                    let after = (usize::from(cells.first[cell]) + 1) << (FINEST as usize - scale);
                    let last = ((cell as u128 + 1) << (62 - scale)) - 1;
                    let is_beyond = after >= end || last <= u128::from(bounds[after % FINE]);
                    assert!(is_beyond, "{scale} {cell} of {unit}");
                }
            }
        }
    }

    #[test]
    fn bounds_as_floats() {
        for octave in -60..64 {
            assert_eq!(bound(octave * 8, 3), 2_f64.powi(octave));
            assert_eq!(bound(octave, -4), 2_f64.powi(octave * 16));
        }
        for index in -30 * 256..=65 * 256 {
            let wanted = (f64::from(index) / 256.0).exp2();
            assert!((bound(index, 8) / wanted - 1.0).abs() < 1e-14, "{index}");
        }
        for index in [i32::MIN, -100_000, 100_000, i32::MAX] {
            for scale in [i32::MIN, COARSEST, 0, FINEST, i32::MAX] {
                assert!(bound(index, scale).is_normal(), "{index} {scale}");
            }
        }
    }

    #[test]
    fn lowering_halves_and_rounds_up() {
        for index in -10_000..10_000 {
            let mut wanted = index;
            for by in 0..12 {
                assert_eq!(downscaled(index, by), wanted);
                wanted = (wanted + 1) >> 1;
            }
        }
    }
}
