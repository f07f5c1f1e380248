//! Boxes in a picture.

use serde::{Deserialize, Serialize};

/// An upright box, pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Left side.
    pub left: f64,
    /// Upper side.
    pub top: f64,
    /// Width, not negative.
    pub width: f64,
    /// Height, not negative.
    pub height: f64,
}

impl Bounds {
    /// Area, square pixels.
    #[inline]
    pub fn area(&self) -> f64 {
        self.width * self.height
    }

    /// The middle.
    #[inline]
    pub fn centre(&self) -> (f64, f64) {
        (self.left + 0.5 * self.width, self.top + 0.5 * self.height)
    }

    /// Whether the boxes could not touch even if `other` were half as large again on each side.
    #[inline]
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let (w, h) = (0.5 * other.width, 0.5 * other.height);
        other.left - w > self.left + self.width
            || other.left + other.width + w < self.left
            || other.top - h > self.top + self.height
            || other.top + other.height + h < self.top
    }

    /// Area that both cover.
    #[inline]
    pub fn intersection(&self, other: &Self) -> f64 {
        let w = (self.left + self.width).min(other.left + other.width) - self.left.max(other.left);
        let h = (self.top + self.height).min(other.top + other.height) - self.top.max(other.top);
        w.max(0.0) * h.max(0.0)
    }

    /// Intersection over union, 0–1; 0 for empty boxes.
    #[inline]
    pub fn iou(&self, other: &Self) -> f64 {
        let both = self.intersection(other);
        let either = self.area() + other.area() - both;
        if both > 0.0 { both / either } else { 0.0 }
    }

    /// Share of this box that the other covers.
    #[inline]
    pub fn covered_by(&self, other: &Self) -> f64 {
        let area = self.area();
        if area > 0.0 {
            self.intersection(other) / area
        } else {
            0.0
        }
    }

    /// The box with its sides moved out by a share of width and height.
    #[inline]
    pub fn grown(&self, by: f64) -> Self {
        Self {
            left: self.left - by * self.width,
            top: self.top - by * self.height,
            width: self.width * (1.0 + 2.0 * by),
            height: self.height * (1.0 + 2.0 * by),
        }
    }

    /// Whether all numbers are finite and the box has an area.
    pub fn is_sound(&self) -> bool {
        [self.left, self.top, self.width, self.height]
            .iter()
            .all(|x| x.is_finite() && x.abs() < 1e7)
            && self.width > 0.0
            && self.height > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_shares() {
        let a = Bounds {
            left: 0.0,
            top: 0.0,
            width: 2.0,
            height: 2.0,
        };
        let b = Bounds {
            left: 1.0,
            top: 0.0,
            width: 2.0,
            height: 4.0,
        };
        assert_eq!(a.intersection(&b), 2.0);
        assert_eq!(a.iou(&b), 0.2);
        assert_eq!(a.covered_by(&b), 0.5);
        assert_eq!(a.iou(&Bounds::default()), 0.0);
        assert_eq!(a.grown(0.5).iou(&a), 0.25);
        assert!(
            !Bounds {
                width: f64::NAN,
                ..a
            }
            .is_sound()
        );
    }
}
