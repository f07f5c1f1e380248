//! Networks and pictures from files, and the runtime that runs the networks.

use crate::items::Items;
use crate::shelves::ShelfEyes;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use walkout_model::{CameraIx, Shop};
use walkout_perception::eyes::{EyeSettings, Finder, ItemEye, PeopleNetworks, ShelfScan};
use walkout_perception::nets::{
    Eyes, NetError, Network, NetworkConfig, NetworksConfig, PersonConfig, PersonNetwork,
    ReachConfig, ReachNetwork, RgbPicture, Role, RtenNetwork, UserNetwork,
};

/// Largest network that is read: far above any that a shop's box could run.
const NETWORK_BYTES_MAX: u64 = 2 << 30;
/// Largest picture file that is read.
const PICTURE_BYTES_MAX: u64 = 256 << 20;

/// Which runtime runs networks.
#[derive(clap::Args, Clone, Debug)]
pub struct RuntimeArgs {
    /// What runs networks: `rten` is built in, `ort` is an ONNX Runtime on this machine
    #[arg(long, value_enum, default_value_t = RuntimeName::Rten)]
    runtime: RuntimeName,
    /// The shared library of ONNX Runtime for `--runtime ort`; the environment's ORT_DYLIB_PATH by default
    #[arg(long, value_name = "FILE")]
    onnxruntime: Option<PathBuf>,
}

/// At which size pictures are looked at.
#[derive(clap::Args, Clone, Debug)]
pub struct SizeArgs {
    /// How tall somebody is in the person network's input, pixels, in views from the side and from straight above: smaller is cheaper
    /// and finds fewer heads and hands
    #[arg(long, value_name = "PX", num_args = 2)]
    person_px: Option<Vec<f64>>,
}

impl SizeArgs {
    /// Settings with the size that was asked for.
    pub fn settings(&self) -> Result<EyeSettings> {
        let mut settings = EyeSettings::default();
        if let Some(&[side, above]) = self.person_px.as_deref() {
            ensure!(
                [side, above].iter().all(|px| (20.0..=1_000.0).contains(px)),
                "--person-px must be 20 to 1000 pixels each, not {side} and {above}"
            );
            settings.person_px = [side, above];
        }
        Ok(settings)
    }
}

/// The runtimes.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeName {
    /// In Rust, in process.
    Rten,
    /// ONNX Runtime.
    Ort,
}

/// A runtime, ready to load networks.
#[derive(Clone)]
pub enum Runtime {
    /// In Rust, in process.
    Rten,
    /// ONNX Runtime.
    #[cfg(feature = "ort")]
    Ort(walkout_perception::nets::OrtRuntime),
}

impl RuntimeArgs {
    /// The runtime that was asked for.
    pub fn open(&self) -> Result<Runtime> {
        match self.runtime {
            RuntimeName::Rten => Ok(Runtime::Rten),
            RuntimeName::Ort => self.open_ort(),
        }
    }

    #[cfg(feature = "ort")]
    fn library(&self) -> Option<PathBuf> {
        let set = || std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        self.onnxruntime.clone().or_else(set)
    }

    /// ONNX Runtime, whatever was asked for.
    #[cfg(feature = "ort")]
    pub fn open_ort(&self) -> Result<Runtime> {
        let path = match self.library() {
            // The library's loader would look beside the program; a path is meant from here.
            Some(path) => std::path::absolute(&path)
                .with_context(|| format!("{}: no path", path.display()))?,
            None => PathBuf::from(libloading_name()),
        };
        Ok(Runtime::Ort(walkout_perception::nets::OrtRuntime::load(
            &path,
        )?))
    }

    /// ONNX Runtime, whatever was asked for.
    #[cfg(not(feature = "ort"))]
    pub fn open_ort(&self) -> Result<Runtime> {
        let library = self
            .onnxruntime
            .as_deref()
            .unwrap_or(Path::new("no library"));
        bail!(
            "this walkout was built without ONNX Runtime ({} was named): build it with `cargo build --release \
             --features ort`, or take `--runtime rten`",
            library.display()
        )
    }
}

#[cfg(feature = "ort")]
fn libloading_name() -> String {
    let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    format!("{before}onnxruntime{after}")
}

impl Runtime {
    /// Its name in tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rten => "rten",
            #[cfg(feature = "ort")]
            Self::Ort(_) => "ort",
        }
    }

    /// Loads the network of a file; a run of it uses so many threads.
    pub fn load(&self, path: &Path, threads: usize) -> Result<Box<dyn Network>> {
        let name = path.display().to_string();
        let data = read(path, NETWORK_BYTES_MAX)?;
        Ok(match self {
            Self::Rten => Box::new(RtenNetwork::from_bytes(&name, data, threads)?),
            #[cfg(feature = "ort")]
            Self::Ort(runtime) => Box::new(runtime.network(&name, data, threads)?),
        })
    }
}

/// person.onnx and reach.onnx of a folder. A file of another kind is refused now, and not by every camera later.
pub fn shipped(runtime: &Runtime, models: &Path) -> Result<[Box<dyn Network>; 2]> {
    load_shipped(runtime, models).with_context(|| {
        format!(
            "{}: a folder of networks holds person.onnx and reach.onnx: name the one that ships (models), or train them with \
             `cargo xtask train person` and `cargo xtask train reach`",
            models.display()
        )
    })
}

fn load_shipped(runtime: &Runtime, models: &Path) -> Result<[Box<dyn Network>; 2]> {
    let person = runtime.load(&models.join("person.onnx"), 1)?;
    let grey = [115; 64 * 64 * 3];
    let grey = RgbPicture::new(64, 64, &grey)?;
    PersonNetwork::new(person.session()?, PersonConfig::default()).look(&grey)?;
    let reach = runtime.load(&models.join("reach.onnx"), 1)?;
    ReachNetwork::new(reach.session()?, ReachConfig::default()).check()?;
    Ok([person, reach])
}

/// What finds people in pictures: the network that ships, or a user's own.
pub struct Finders {
    found: Found,
    items: Option<Items>,
    shelves: Option<ShelfEyes>,
    runtime: Runtime,
    eye: EyeSettings,
}

enum Found {
    Maps {
        person: Box<dyn Network>,
        reach: Box<dyn Network>,
    },
    Users(Eyes),
}

impl Finders {
    /// Loads and tries them: `networks` is a file of networks, else person.onnx of `models` finds people and reach.onnx their hands.
    pub fn load(runtime: &Runtime, models: &Path, networks: Option<&Path>) -> Result<Self> {
        let Some(file) = networks else {
            let [person, reach] = shipped(runtime, models)?;
            return Ok(Self {
                found: Found::Maps { person, reach },
                items: None,
                shelves: None,
                runtime: runtime.clone(),
                eye: EyeSettings::default(),
            });
        };
        let eyes = Networks::read(file)?.eyes(runtime, 1, 1.0)?;
        let eyes = eyes.with_context(|| {
            format!(
                "{}: it has no [people], which finds people in pictures: add one",
                file.display()
            )
        })?;
        Ok(Self {
            found: Found::Users(eyes),
            items: None,
            shelves: None,
            runtime: runtime.clone(),
            eye: EyeSettings::default(),
        })
    }

    /// Looks into hands as well, where the shop was shown what its goods look like.
    #[must_use]
    pub fn with_items(self, items: Option<Items>) -> Self {
        Self { items, ..self }
    }

    /// Looks at shelves as well, through the cameras that hang before them: these look for nobody.
    #[must_use]
    pub fn with_shelves(self, shelves: Option<ShelfEyes>) -> Self {
        Self { shelves, ..self }
    }

    /// What looks at shelves through a camera, if it hangs before some.
    pub fn shelf_scan(&self, camera: CameraIx) -> Option<Arc<ShelfScan>> {
        self.shelves.as_ref()?.scan(camera)
    }

    /// Looks at pictures so.
    #[must_use]
    pub fn with_eye(self, eye: EyeSettings) -> Self {
        Self { eye, ..self }
    }

    /// How pictures are looked at.
    pub fn eye(&self) -> &EyeSettings {
        &self.eye
    }

    /// An eye for what hands hold, for the cameras of one thread.
    pub fn items(&self, shop: &Shop) -> Result<Option<Arc<ItemEye>>> {
        let eye = |items: &Items| items.eye(shop, &self.runtime).map(Arc::new);
        self.items.as_ref().map(eye).transpose()
    }

    /// Those of one thread.
    pub fn share(&self) -> Result<Share> {
        Ok(match &self.found {
            Found::Maps { person, reach } => Share::Maps(PeopleNetworks {
                person: Arc::from(person.session()?),
                reach: Some(Arc::from(reach.session()?)),
            }),
            Found::Users(eyes) => Share::Users(eyes.session()?),
        })
    }
}

/// What finds people for the cameras of one thread.
pub enum Share {
    /// The same networks for all of them.
    Maps(PeopleNetworks),
    /// Networks that each camera sets to its own scale.
    Users(Eyes),
}

impl Share {
    /// For one camera.
    pub fn finder(&self) -> Result<Finder> {
        Ok(match self {
            Self::Maps(networks) => Finder::Maps(networks.clone()),
            Self::Users(eyes) => Finder::Users(Box::new(eyes.session()?)),
        })
    }
}

/// A file of networks, and the folder that its paths begin at.
pub struct Networks {
    config: NetworksConfig,
    folder: PathBuf,
}

impl Networks {
    /// Reads a file of networks.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let text = String::from_utf8(read(path, 1 << 20)?)
            .with_context(|| format!("{name}: no UTF-8 text"))?;
        Ok(Self {
            config: NetworksConfig::parse(&name, &text)?,
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
        })
    }

    /// The networks that are there, with their files.
    pub fn each(&self) -> impl Iterator<Item = (Role, &NetworkConfig, PathBuf)> {
        let file = |n: &NetworkConfig| self.folder.join(&n.file);
        self.config.each().map(move |(role, n)| (role, n, file(n)))
    }

    /// Those that look for people, where there are any. `scale` is for networks that take pictures of any size.
    pub fn eyes(&self, runtime: &Runtime, threads: usize, scale: f64) -> Result<Option<Eyes>> {
        if self.config.people.is_none() && self.config.pose.is_none() {
            return Ok(None);
        }
        let load = |_: Role, network: &NetworkConfig| {
            let path = self.folder.join(&network.file);
            runtime.load(&path, threads).map_err(Wrong)
        };
        Eyes::new(&self.config, scale, load)
            .map(Some)
            .map_err(|Wrong(error)| error)
    }

    /// The one for looks of items.
    pub fn items(&self, runtime: &Runtime, threads: usize) -> Result<Option<UserNetwork>> {
        let Some(config) = &self.config.items else {
            return Ok(None);
        };
        let network = runtime.load(&self.folder.join(&config.file), threads)?;
        Ok(Some(UserNetwork::new(network, config)?))
    }
}

/// Either kind of failure on the way to a network.
struct Wrong(anyhow::Error);

impl From<NetError> for Wrong {
    fn from(error: NetError) -> Self {
        Self(error.into())
    }
}

/// Reads a file of a size that can be.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    let name = path.display();
    let bytes = std::fs::metadata(path)
        .with_context(|| format!("{name}: cannot be read"))?
        .len();
    ensure!(
        bytes <= most,
        "{name}: {bytes} bytes, and {most} are read at most"
    );
    std::fs::read(path).with_context(|| format!("{name}: cannot be read"))
}

/// A picture of a file: width, height and bytes of red, green and blue.
pub struct Picture {
    /// Pixels along a row, and rows.
    pub size: [u32; 2],
    /// Three bytes a pixel.
    pub rgb: Vec<u8>,
}

/// Reads a PNG or JPEG.
pub fn read_picture(path: &Path) -> Result<Picture> {
    let name = path.display();
    let data = read(path, PICTURE_BYTES_MAX)?;
    if data.starts_with(b"\x89PNG") {
        return read_png(&data).with_context(|| format!("{name}: a damaged PNG: save it anew"));
    }
    if data.starts_with(b"\xff\xd8") {
        return read_jpeg(&data).with_context(|| format!("{name}: a damaged JPEG: save it anew"));
    }
    if data.is_empty() {
        bail!("{name}: the file is empty: copy it anew");
    }
    bail!("{name}: no picture that is known: give a PNG or a JPEG");
}

fn read_png(data: &[u8]) -> Result<Picture> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(data));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let bytes = reader.output_buffer_size().context("it is too large")?;
    ensure!(bytes as u64 <= PICTURE_BYTES_MAX * 4, "it is too large");
    let mut pixels = vec![0; bytes];
    let info = reader.next_frame(&mut pixels)?;
    let rgb = match info.color_type {
        png::ColorType::Rgb => pixels,
        png::ColorType::Rgba => pixels
            .chunks_exact(4)
            .flat_map(|p| [p[0], p[1], p[2]])
            .collect(),
        png::ColorType::Grayscale => pixels.iter().flat_map(|g| [*g; 3]).collect(),
        png::ColorType::GrayscaleAlpha => pixels.chunks_exact(2).flat_map(|p| [p[0]; 3]).collect(),
        png::ColorType::Indexed => bail!("its palette cannot be read"),
    };
    Ok(Picture {
        size: [info.width, info.height],
        rgb,
    })
}

fn read_jpeg(data: &[u8]) -> Result<Picture> {
    use zune_jpeg::zune_core::colorspace::ColorSpace;
    use zune_jpeg::zune_core::options::DecoderOptions;
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(data, options);
    let rgb = decoder.decode()?;
    let (w, h) = decoder.dimensions().context("it has no size")?;
    Ok(Picture {
        size: [u32::try_from(w)?, u32::try_from(h)?],
        rgb,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_picture_or_network_is_said_with_its_name() {
        let folder = std::env::temp_dir().join(format!("walkout-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, data: &[u8]| {
            let path = folder.join(name);
            std::fs::write(&path, data).unwrap();
            path
        };
        let said = |r: Result<Picture>| format!("{:#}", r.err().unwrap());
        for (name, data, word) in [
            ("empty.png", &b""[..], "empty"),
            ("text.png", b"hello", "PNG or a JPEG"),
            ("cut.png", b"\x89PNG\r\n\x1a\n\0\0\0", "damaged PNG"),
            ("cut.jpg", b"\xff\xd8\xff\xe0\0", "damaged JPEG"),
        ] {
            let error = said(read_picture(&write(name, data)));
            assert!(error.contains(name) && error.contains(word), "{error}");
        }
        let error = said(read_picture(&folder.join("absent.png")));
        assert!(error.contains("absent.png"), "{error}");
        let load = |path: &Path| format!("{:#}", Runtime::Rten.load(path, 1).err().unwrap());
        let error = load(&write("net.onnx", b"<html>not found</html>"));
        assert!(
            error.contains("net.onnx") && error.contains("web page"),
            "{error}"
        );
        assert!(load(&folder.join("no.onnx")).contains("no.onnx"));
        let path = write("networks.toml", b"[people]\nfile = \"a\"\nkind = \"yolo\"");
        let error = format!("{:#}", Networks::read(&path).err().unwrap());
        assert!(
            error.contains("networks.toml") && error.contains("yolox"),
            "{error}"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
