//! A gallery as text: a line of JSON that says which network made it, then one a look (`docs/reference/gallery.md`).

use super::item::{Calibration, Gallery, Look};
use serde::{Deserialize, Serialize};
use walkout_model::{Catalogue, Gtin};

/// The version that is written, and the only one that is read.
pub const GALLERY_VERSION: u32 = 1;
/// Looks of a file at most.
const LOOKS_MAX: usize = 500_000;
/// Longest vector, numbers.
const NUMBERS_MAX: usize = 8_192;

/// What SKUs look like, as a file keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct GalleryFile {
    network: GalleryNetwork,
    looks: Vec<EnrolledLook>,
}

/// The network whose looks a file keeps: those of another mean nothing beside them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GalleryNetwork {
    /// The file's name, for people.
    pub name: String,
    /// What tells it from others: 16 hexadecimal digits of its bytes (FNV-1a).
    pub id: String,
}

impl GalleryNetwork {
    /// Of a network's file.
    pub fn of(name: &str, bytes: &[u8]) -> Self {
        // FNV-1a, 64 bits (Fowler, Noll, Vo): it tells files apart, and is no protection.
        let id = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
            (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3)
        });
        Self {
            name: name.to_owned(),
            id: format!("{id:016x}"),
        }
    }
}

/// One look of one SKU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolledLook {
    /// Which.
    pub gtin: Gtin,
    /// The picture that it was made of.
    pub source: String,
    /// The network's vector, of length 1.
    pub vector: Vec<f32>,
    /// Square roots of the shares of its colours.
    pub colours: Vec<f32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    walkout_gallery: u32,
    network: GalleryNetwork,
}

/// Why a text is no gallery, or not one for this network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GalleryError {
    /// It does not begin as a gallery does.
    #[error(
        "no gallery: it must begin with {{\"walkout_gallery\":1,…}}, as `walkout enrol` writes it"
    )]
    Head,
    /// It is of another version.
    #[error(
        "a gallery of version {0}, and this walkout reads {GALLERY_VERSION}: enrol the goods anew"
    )]
    Version(u32),
    /// A line is wrong.
    #[error("line {line}: {cause}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong, and what to do.
        cause: String,
    },
    /// Another network made it.
    #[error(
        "it was made with the network {} ({}), and {} ({}) is in use: `walkout enrol --again` looks at the same pictures anew",
        .made.name, .made.id, .used.name, .used.id
    )]
    Network {
        /// Who made it.
        made: GalleryNetwork,
        /// Who is to use it.
        used: GalleryNetwork,
    },
}

impl GalleryFile {
    /// An empty one for a network's looks.
    pub fn new(network: GalleryNetwork) -> Self {
        Self {
            network,
            looks: Vec::new(),
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, GalleryError> {
        let mut lines = text.lines().enumerate();
        let head = lines.next().map_or("", |(_, l)| l);
        let head: serde_json::Value = serde_json::from_str(head).map_err(|_| GalleryError::Head)?;
        match head
            .get("walkout_gallery")
            .and_then(serde_json::Value::as_u64)
        {
            Some(v) if v == u64::from(GALLERY_VERSION) => {}
            Some(v) => return Err(GalleryError::Version(u32::try_from(v).unwrap_or(u32::MAX))),
            None => return Err(GalleryError::Head),
        }
        let head: Head = serde_json::from_value(head).map_err(|_| GalleryError::Head)?;
        let mut file = Self::new(head.network);
        for (i, line) in lines.filter(|(_, l)| !l.trim().is_empty()) {
            let wrong = |cause: String| GalleryError::Line { line: i + 1, cause };
            let look: EnrolledLook = serde_json::from_str(line).map_err(|e| {
                wrong(format!(
                    "no look: {e}: remove the line, or enrol the goods anew"
                ))
            })?;
            if let Some(cause) = file.refusal(&look) {
                return Err(wrong(cause));
            }
            file.looks.push(look);
        }
        Ok(file)
    }

    /// Why a look does not belong here.
    fn refusal(&self, look: &EnrolledLook) -> Option<String> {
        if self.looks.len() >= LOOKS_MAX {
            return Some(format!("more than {LOOKS_MAX} looks"));
        }
        let sizes = [look.vector.len(), look.colours.len()];
        let expected = self
            .looks
            .first()
            .map_or(sizes, |l| [l.vector.len(), l.colours.len()]);
        let all = look.vector.iter().chain(&look.colours);
        let length = look.vector.iter().map(|v| v * v).sum::<f32>().sqrt();
        match () {
            () if sizes != expected => Some(format!(
                "{} and {} numbers, and the first look has {} and {}: another network made it",
                sizes[0], sizes[1], expected[0], expected[1]
            )),
            () if !(2..=NUMBERS_MAX).contains(&sizes[0]) || sizes[1] > NUMBERS_MAX => {
                Some(format!("a vector must have 2 to {NUMBERS_MAX} numbers"))
            }
            () if !all.clone().all(|v| v.is_finite()) || !(0.9..1.1).contains(&length) => {
                Some(format!("the vector's length is {length:.3} and not 1"))
            }
            () => None,
        }
    }

    /// The same as text. Numbers are rounded to four decimals.
    pub fn text(&self) -> String {
        let head = Head {
            walkout_gallery: GALLERY_VERSION,
            network: self.network.clone(),
        };
        let mut out = serde_json::to_string(&head).unwrap_or_default();
        out.push('\n');
        for look in &self.looks {
            let numbers = |v: &[f32]| v.iter().map(|v| short(*v)).collect::<Vec<_>>().join(",");
            let quoted = |s: &str| serde_json::to_string(s).unwrap_or_default();
            out += &format!(
                "{{\"gtin\":\"{}\",\"source\":{},\"vector\":[{}],\"colours\":[{}]}}\n",
                look.gtin,
                quoted(&look.source),
                numbers(&look.vector),
                numbers(&look.colours)
            );
        }
        out
    }

    /// Adds what a picture taught. What does not fit the rest is refused with the reason.
    ///
    /// # Errors
    /// The look is of another size, or not finite.
    pub fn add(&mut self, look: EnrolledLook) -> Result<(), GalleryError> {
        match self.refusal(&look) {
            Some(cause) => Err(GalleryError::Line {
                line: self.looks.len() + 2,
                cause,
            }),
            None => {
                self.looks.push(look);
                Ok(())
            }
        }
    }

    /// Forgets the looks of a SKU, and says how many there were.
    pub fn forget(&mut self, gtin: Gtin) -> usize {
        let before = self.looks.len();
        self.looks.retain(|l| l.gtin != gtin);
        before - self.looks.len()
    }

    /// All looks, in order.
    pub fn looks(&self) -> &[EnrolledLook] {
        &self.looks
    }

    /// Who made the looks.
    pub fn network(&self) -> &GalleryNetwork {
        &self.network
    }

    /// The gallery for a network, and the looks whose product the catalogue does not have.
    ///
    /// # Errors
    /// Another network made it.
    pub fn gallery(
        &self,
        network: &GalleryNetwork,
        catalogue: &Catalogue,
    ) -> Result<(Gallery, usize), GalleryError> {
        if self.network.id != network.id {
            return Err(GalleryError::Network {
                made: self.network.clone(),
                used: network.clone(),
            });
        }
        let (mut gallery, mut unknown) = (Gallery::new(Calibration::default()), 0);
        for look in &self.looks {
            match catalogue.find(look.gtin) {
                Some(sku) => {
                    let (vector, colours) = (look.vector.clone(), look.colours.clone());
                    gallery.enrol(sku, Look { vector, colours });
                }
                None => unknown += 1,
            }
        }
        Ok((gallery, unknown))
    }
}

/// Four decimals, and no more digits than needed.
fn short(v: f32) -> String {
    let text = format!("{v:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "" | "-0" | "-" => "0".to_owned(),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_model::{Mass, Money, Product, SkuIx, TaxClass};

    fn network(byte: u8) -> GalleryNetwork {
        GalleryNetwork::of("item.onnx", &[byte; 40])
    }

    fn gtin(text: &str) -> Gtin {
        text.parse().unwrap()
    }

    fn look(gtin_text: &str, angle: f32) -> EnrolledLook {
        EnrolledLook {
            gtin: gtin(gtin_text),
            source: "photos/a \"b\".jpg".to_owned(),
            vector: vec![angle.cos(), angle.sin()],
            colours: vec![1.0, 0.0, 0.0],
        }
    }

    fn file() -> GalleryFile {
        let mut file = GalleryFile::new(network(1));
        file.add(look("2000000011011", 0.3)).unwrap();
        file.add(look("2000000012025", 1.2)).unwrap();
        file
    }

    fn catalogue() -> Catalogue {
        let won = "KRW".parse().unwrap();
        Catalogue::new(vec![Product {
            gtin: gtin("2000000012025"),
            name_ko: "가".to_owned(),
            name_en: "A".to_owned(),
            price: Money::new(1_000, won),
            tax: TaxClass {
                name: "standard".to_owned(),
                rate_bp: 1_000,
            },
            unit_mass: Mass::from_grams(100.0).unwrap(),
            unit_mass_sd: Mass::from_grams(1.0).unwrap(),
            size_mm: [50, 50, 50],
            case_pack: 10,
            age_limit: None,
        }])
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (file, text) = (file(), file().text());
        let read = GalleryFile::parse(&text).unwrap();
        assert_eq!(read.text(), text, "{text}");
        for (a, b) in read.looks().iter().zip(file.looks()) {
            assert_eq!((a.gtin, &a.source), (b.gtin, &b.source));
            let off = a.vector.iter().zip(&b.vector).map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f32::max) < 1e-4);
        }
    }

    #[test]
    fn a_product_that_is_not_sold_is_left_out_and_another_network_refused() {
        let (gallery, unknown) = file().gallery(&network(1), &catalogue()).unwrap();
        assert_eq!(unknown, 1);
        assert_eq!(gallery.skus().collect::<Vec<_>>(), [SkuIx(0)]);
        let error = file().gallery(&network(2), &catalogue()).unwrap_err();
        assert!(error.to_string().contains("--again"), "{error}");
        let mut file = file();
        assert_eq!(file.forget(gtin("2000000011011")), 1);
        assert_eq!(file.looks().len(), 1);
    }

    #[test]
    fn what_is_no_gallery_is_said_with_its_line() {
        let text = file().text();
        let said = |text: &str| GalleryFile::parse(text).unwrap_err().to_string();
        assert!(said("").contains("begin"));
        assert!(said("{\"walkout_gallery\":9}").contains("version 9"));
        assert!(said(&text.replace("vector", "vektor")).starts_with("line 2"));
        assert!(said(&text.replace("2000000012025", "2000000012026")).contains("line 3"));
        assert!(said(&text.replacen("[1,0,0]", "[1,0]", 1)).contains("line 3: 2 and 3 numbers"));
        let cut = &text[..text.len() - 9];
        assert!(said(cut).starts_with("line 3"), "{}", said(cut));
        let long = text.replacen("\"vector\":[0.9553", "\"vector\":[7.9553", 1);
        assert!(said(&long).contains("length"), "{}", said(&long));
    }

    #[test]
    fn looks_of_another_size_are_refused() {
        let mut file = file();
        let mut other = look("2000000011011", 0.1);
        other.vector.push(0.0);
        assert!(file.add(other).is_err());
        assert_eq!(file.looks().len(), 2);
    }
}
