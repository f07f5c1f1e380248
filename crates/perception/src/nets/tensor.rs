//! What goes into a network and what comes out.

/// The numbers of an input.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// Bytes, as networks take that have the normalisation in them.
    U8(Vec<u8>),
}

impl Numbers {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::U8(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An input: numbers in rows, the last axis fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Batch first.
    pub shape: Vec<usize>,
    /// `shape`'s product of numbers.
    pub numbers: Numbers,
}

/// An output, whole numbers turned into floats: the last axis fastest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// Batch first.
    pub shape: Vec<usize>,
    /// `shape`'s product of numbers.
    pub data: Vec<f32>,
}

impl Tensor {
    /// The numbers of one picture of a batch; `None` where there are not so many.
    pub fn of_batch(&self, i: usize) -> Option<&[f32]> {
        let batch = *self.shape.first()?;
        if i >= batch {
            return None;
        }
        let each = self.data.len() / batch;
        self.data.get(i * each..(i + 1) * each)
    }
}

/// The kind of number that a network takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floats.
    F32,
    /// Bytes.
    U8,
}

/// An input or output as its file declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its axes; `None` is an axis of any length. Empty if the file does not say.
    pub shape: Vec<Option<usize>>,
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [", self.name)?;
        for (i, axis) in self.shape.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            match axis {
                Some(n) => write!(f, "{comma}{n}")?,
                None => write!(f, "{comma}any")?,
            }
        }
        write!(f, "]")
    }
}

/// What a network takes and gives, as its file declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Its one input.
    pub input: Port,
    /// What numbers the input is made of.
    pub element: Element,
    /// Its outputs, in the file's order.
    pub outputs: Vec<Port>,
}
