//! Networks that give one vector a picture: looks of people (re-identification) and of items.

use crate::nets::Tensor;

/// Axes of an appearance: few enough that looks stay a tie-breaker, whatever the network's vector is.
const AXES: usize = 16;

/// A look of length 1 as the tracker takes it: [`AXES`] numbers by which different people differ by about 1 along each axis,
/// where `alike` is the mean cosine of two people. The axes are sums and differences of the vector's numbers with signs drawn
/// once and for all, which keep distances on average (Achlioptas, *Database-friendly random projections*, 2003, theorem 2).
pub(super) fn appearance(look: &[f32], alike: f64) -> Vec<f32> {
    // Two people's vectors are a squared distance of 2 (1 − alike) apart, and so is each axis on average; it should be 2.
    let scale = (1.0 / (1.0 - alike).max(0.05)).sqrt() as f32;
    let axis = |k: usize| {
        let signed = look.iter().enumerate();
        scale
            * signed
                .map(|(i, v)| if sign(k, i) { *v } else { -*v })
                .sum::<f32>()
    };
    (0..AXES).map(axis).collect()
}

/// A fair coin for each place of the projection, always the same (SplitMix64).
fn sign(axis: usize, number: usize) -> bool {
    let mut z = ((axis as u64) << 32 | number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) & 1 == 1
}

/// The vector of one picture, scaled to length 1.
///
/// # Errors
/// What was expected, where the outputs are something else.
pub(super) fn vector(outputs: &[Tensor], index: usize) -> Result<Vec<f32>, String> {
    let expected = || "one array [batch, numbers] of a vector a picture".to_owned();
    let [output] = outputs else {
        return Err(expected());
    };
    let long = output.shape.iter().skip(1).filter(|n| **n > 1).count();
    let Some(data) = output.of_batch(index).filter(|d| long == 1 && d.len() > 1) else {
        return Err(expected());
    };
    let length = data.iter().map(|v| v * v).sum::<f32>().sqrt();
    if !length.is_finite() || length < 1e-12 {
        return Err("a vector with a length".to_owned());
    }
    Ok(data.iter().map(|v| v / length).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look drawn, −1 to 1.
    fn drawn(n: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_mul(6_364_136_223_846_793_005) | 1;
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..n).map(|_| draw()).collect()
    }

    fn unit(v: Vec<f32>) -> Vec<f32> {
        let length = v.iter().map(|x| x * x).sum::<f32>().sqrt();
        v.into_iter().map(|x| x / length).collect()
    }

    #[test]
    fn people_differ_by_one_along_each_axis_and_looks_of_one_by_less() {
        let per_axis = |a: &[f32], b: &[f32]| {
            let d2: f32 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
            d2 / a.len() as f32
        };
        let (mut others, mut same, mut pairs) = (0.0, 0.0, 0.0);
        for seed in 0..40 {
            // Everybody has something in common with everybody: a mean cosine of 0.3.
            let common = unit(drawn(256, 99));
            let person = |s: u64| {
                let own = unit(drawn(256, s));
                let mixed = own.iter().zip(&common).map(|(o, c)| 0.837 * o + 0.548 * c);
                unit(mixed.collect())
            };
            let again = |v: &[f32], s: u64| {
                let noise = unit(drawn(256, s));
                unit(
                    v.iter()
                        .zip(noise)
                        .map(|(v, n)| 0.9 * v + 0.436 * n)
                        .collect(),
                )
            };
            let (a, b) = (person(2 * seed + 1), person(2 * seed + 1_000));
            let (a2, a) = (appearance(&again(&a, seed + 7), 0.3), appearance(&a, 0.3));
            assert_eq!(a.len(), AXES);
            others += per_axis(&a, &appearance(&b, 0.3));
            same += per_axis(&a, &a2);
            pairs += 1.0;
        }
        let (others, same) = (others / pairs, same / pairs);
        assert!((1.6..2.4).contains(&others), "{others}");
        assert!(same < 0.5 * others, "{same} {others}");
    }

    #[test]
    fn vectors_have_length_one() {
        let t = |shape: &[usize], data: &[f32]| Tensor {
            shape: shape.to_vec(),
            data: data.to_vec(),
        };
        let two = t(&[2, 2, 1, 1], &[3.0, 4.0, 0.0, 2.0]);
        assert_eq!(vector(std::slice::from_ref(&two), 0).unwrap(), [0.6, 0.8]);
        assert_eq!(vector(std::slice::from_ref(&two), 1).unwrap(), [0.0, 1.0]);
        assert!(vector(&[two], 2).is_err());
        assert!(vector(&[t(&[1, 2], &[0.0, 0.0])], 0).is_err());
        assert!(vector(&[t(&[1, 2], &[f32::NAN, 0.0])], 0).is_err());
        assert!(vector(&[t(&[1, 2, 2], &[1.0; 4])], 0).is_err());
    }
}
