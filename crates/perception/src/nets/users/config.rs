//! A file of networks, as TOML: `docs/reference/networks.md` describes it.

use crate::nets::{Axes, Channels, Fit};
use serde::Deserialize;

/// Longest text that is read, bytes.
const TEXT_MAX: usize = 1 << 20;
/// Most classes of a detector.
const CLASSES_MAX: usize = 10_000;

/// What a network gives, and how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The maps of the network that ships as `person.onnx`.
    PersonMaps,
    /// Boxes: YOLOX without its last step.
    Yolox,
    /// Boxes: decoded columns, as YOLOv8 and its kin are exported.
    Yolov8,
    /// Boxes: NanoDet's distributions.
    Nanodet,
    /// Seventeen points of one person.
    Movenet,
    /// Seventeen points of one person, a distribution along each axis (SimCC).
    Rtmpose,
    /// A vector.
    Vector,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PersonMaps => "person-maps",
            Self::Yolox => "yolox",
            Self::Yolov8 => "yolov8",
            Self::Nanodet => "nanodet",
            Self::Movenet => "movenet",
            Self::Rtmpose => "rtmpose",
            Self::Vector => "vector",
        })
    }
}

/// What a network is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Finds people in a picture.
    People,
    /// Finds a person's points in their box.
    Pose,
    /// The look of a person, for their track and no longer than the session.
    Appearance,
    /// The look of an item.
    Items,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Pose => "pose",
            Self::Appearance => "appearance",
            Self::Items => "items",
        }
    }

    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::People => &[Kind::PersonMaps, Kind::Yolox, Kind::Yolov8, Kind::Nanodet],
            Self::Pose => &[Kind::Movenet, Kind::Rtmpose],
            Self::Appearance | Self::Items => &[Kind::Vector],
        }
    }
}

/// The names of a detector's classes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "\"coco\" or a list of the classes' names, in order"
)]
pub enum Classes {
    /// A list that is known by a name: `coco`.
    Known(KnownClasses),
    /// All of them, in order.
    Listed(Vec<String>),
}

/// Lists of classes that need not be written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KnownClasses {
    /// The 80 of COCO, people first.
    Coco,
}

impl Default for Classes {
    fn default() -> Self {
        Self::Known(KnownClasses::Coco)
    }
}

impl Classes {
    /// How many.
    pub fn count(&self) -> usize {
        match self {
            Self::Known(KnownClasses::Coco) => 80,
            Self::Listed(names) => names.len(),
        }
    }

    /// The index of a name. Of COCO's names only `person` is asked for here.
    pub fn index(&self, name: &str) -> Option<usize> {
        match self {
            Self::Known(KnownClasses::Coco) => (name == "person").then_some(0),
            Self::Listed(names) => names.iter().position(|n| n == name),
        }
    }
}

/// How a network wants its pictures, where that is not what its kind usually wants.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputConfig {
    /// Width and height, pixels; needed where the file leaves them open.
    pub size: Option<[usize; 2]>,
    /// How pictures of another shape are made to fit.
    pub fit: Option<Fit>,
    /// The order of a pixel's numbers.
    pub channels: Option<Channels>,
    /// The order of the axes; needed where the file does not tell.
    pub axes: Option<Axes>,
    /// Taken from values of 0–255.
    pub mean: Option<[f32; 3]>,
    /// What is left is divided by this.
    pub deviation: Option<[f32; 3]>,
    /// What lies outside the picture, 0–255.
    pub pad: Option<f32>,
}

/// One network.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Its ONNX file; a relative path begins at the folder of this configuration.
    pub file: String,
    /// What it gives.
    pub kind: Kind,
    /// A detector's classes.
    #[serde(default)]
    pub classes: Classes,
    /// Which of them are people.
    #[serde(default = "person")]
    pub people: Vec<String>,
    /// Least score of a box or point, 0–1.
    #[serde(default = "score")]
    pub score: f32,
    /// Boxes of a class that overlap a surer one by more than this (intersection over union) are dropped.
    #[serde(default = "overlap")]
    pub overlap: f64,
    /// A person's box is made larger by this factor before its points or look are asked for.
    pub margin: Option<f64>,
    /// Pictures are scaled by this first (`person-maps` only); by default the camera's calibration says.
    pub scale: Option<f64>,
    /// The mean cosine of two different people's looks (`appearance` only): what is nearer than that speaks for one person.
    #[serde(default = "alike")]
    pub alike: f64,
    /// How it wants its pictures.
    #[serde(default)]
    pub input: InputConfig,
}

fn alike() -> f64 {
    0.5
}

fn person() -> Vec<String> {
    vec!["person".to_owned()]
}

fn score() -> f32 {
    0.35
}

fn overlap() -> f64 {
    0.5
}

/// A file of networks.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworksConfig {
    /// Finds people.
    pub people: Option<NetworkConfig>,
    /// Finds a person's points.
    pub pose: Option<NetworkConfig>,
    /// The look of a person.
    pub appearance: Option<NetworkConfig>,
    /// The look of an item.
    pub items: Option<NetworkConfig>,
}

/// Why a text is no file of networks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {cause}")]
pub struct ConfigError {
    file: String,
    cause: String,
}

impl NetworksConfig {
    /// Reads a text, called `file` in messages.
    ///
    /// # Errors
    /// The first mistake, with its place and what would do.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let fail = |cause: String| ConfigError {
            file: file.to_owned(),
            cause,
        };
        if text.len() > TEXT_MAX {
            return Err(fail(format!("{} bytes, {TEXT_MAX} at most", text.len())));
        }
        let config: Self = toml::from_str(text).map_err(|e| fail(e.to_string()))?;
        let mut any = false;
        for (role, network) in config.each() {
            any = true;
            check(role, network).map_err(|cause| fail(format!("[{}] {cause}", role.name())))?;
        }
        if !any {
            return Err(fail(
                "no network: write at least one of [people], [pose], [appearance], [items]".into(),
            ));
        }
        Ok(config)
    }

    /// The networks that are there.
    pub fn each(&self) -> impl Iterator<Item = (Role, &NetworkConfig)> {
        [
            (Role::People, &self.people),
            (Role::Pose, &self.pose),
            (Role::Appearance, &self.appearance),
            (Role::Items, &self.items),
        ]
        .into_iter()
        .filter_map(|(role, network)| Some((role, network.as_ref()?)))
    }
}

fn check(role: Role, network: &NetworkConfig) -> Result<(), String> {
    let kinds = role.kinds();
    if !kinds.contains(&network.kind) {
        let names: Vec<_> = kinds.iter().map(Kind::to_string).collect();
        return Err(format!(
            "kind = \"{}\": here it must be one of {}",
            network.kind,
            names.join(", ")
        ));
    }
    if network.file.trim().is_empty() {
        return Err("file = \"\": name an ONNX file".to_owned());
    }
    let classes = network.classes.count();
    if !(1..=CLASSES_MAX).contains(&classes) {
        return Err(format!(
            "classes: {classes} names, 1 to {CLASSES_MAX} are taken"
        ));
    }
    if let Some(name) = network
        .people
        .iter()
        .find(|n| network.classes.index(n).is_none())
    {
        return Err(format!("people: \"{name}\" is not among the classes"));
    }
    let share = |key: &str, value: f64| {
        if (0.0..=1.0).contains(&value) {
            Ok(())
        } else {
            Err(format!("{key} = {value}: 0 to 1 is expected"))
        }
    };
    share("score", f64::from(network.score))?;
    share("overlap", network.overlap)?;
    if !(-0.5..=0.95).contains(&network.alike) {
        return Err(format!(
            "alike = {}: a mean cosine of -0.5 to 0.95 is expected",
            network.alike
        ));
    }
    if network.margin.is_some_and(|m| !(0.5..=4.0).contains(&m)) {
        return Err("margin: a factor of 0.5 to 4 is expected".to_owned());
    }
    if network.scale.is_some_and(|s| !(0.05..=4.0).contains(&s)) {
        return Err("scale: a factor of 0.05 to 4 is expected".to_owned());
    }
    let input = &network.input;
    if let Some(size) = input
        .size
        .filter(|s| s.iter().any(|s| !(8..=8192).contains(s)))
    {
        return Err(format!(
            "input.size = {size:?}: each side must have 8 to 8192 pixels"
        ));
    }
    let numbers = [input.mean, input.deviation]
        .into_iter()
        .flatten()
        .flatten();
    if numbers.chain(input.pad).any(|v| !v.is_finite()) {
        return Err(
            "input.mean, input.deviation, input.pad: finite numbers are expected".to_owned(),
        );
    }
    if input.deviation.is_some_and(|d| d.contains(&0.0)) {
        return Err("input.deviation: values are divided by it, 0 will not do".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read() {
        let text = r#"
            [people]
            file = "yolox.onnx"
            kind = "yolox"
            score = 0.4

            [people.input]
            channels = "bgr"
            fit = "letterbox-centred"

            [items]
            file = "look.onnx"
            kind = "vector"
            input = { size = [224, 224], axes = "nhwc" }
        "#;
        let config = NetworksConfig::parse("networks.toml", text).unwrap();
        let people = config.people.as_ref().unwrap();
        assert_eq!((people.kind, people.score), (Kind::Yolox, 0.4));
        assert_eq!(people.input.channels, Some(Channels::Bgr));
        assert_eq!(people.classes.count(), 80);
        let roles: Vec<_> = config.each().map(|(role, _)| role).collect();
        assert_eq!(roles, [Role::People, Role::Items]);
    }

    #[test]
    fn mistakes_are_named() {
        let said = |text: &str| {
            let error = NetworksConfig::parse("networks.toml", text).unwrap_err();
            error.to_string()
        };
        let network = "[people]\nfile = \"a.onnx\"\nkind = \"yolov8\"\n";
        for (line, words) in [
            ("skore = 0.4", ["unknown field `skore`", "score"]),
            ("score = 4", ["score = 4", "0 to 1"]),
            ("classes = [\"cat\"]", ["\"person\"", "classes"]),
            ("classes = \"imagenet\"", ["line 4", "coco"]),
            ("input = { size = [416, 0] }", ["input.size", "8 to 8192"]),
            (
                "input = { colour = 1 }",
                ["unknown field `colour`", "channels"],
            ),
            (
                "input = { channels = \"grb\" }",
                ["unknown variant `grb`", "bgr"],
            ),
            (
                "input = { deviation = [1, 0, 1] }",
                ["input.deviation", "divided"],
            ),
            ("margin = 9.0", ["margin", "0.5 to 4"]),
            ("alike = 1.0", ["alike", "cosine"]),
        ] {
            let error = said(&format!("{network}{line}"));
            assert!(error.starts_with("networks.toml: "), "{error}");
            for word in words {
                assert!(error.contains(word), "{line}: {error}");
            }
        }
        assert!(said("[people]\nkind = \"yolox\"").contains("missing field `file`"));
        assert!(said("[pose]\nfile = \"a\"\nkind = \"yolox\"").contains("movenet, rtmpose"));
        assert!(said("[peopel]\nfile = \"a\"").contains("peopel"));
        assert!(said("").contains("no network"));
        assert!(said("[people").contains("line 1"));
    }
}
