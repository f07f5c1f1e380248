//! Networks that give one vector a picture: looks of people (re-identification) and of items.

use crate::nets::Tensor;

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
