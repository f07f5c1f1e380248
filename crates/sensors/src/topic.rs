//! Topics of the bus: `walkout/<shop>/…`.

use walkout_model::{CameraIx, FixtureIx, GateIx, Shop};

/// What a topic says its messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// `load/<fixture>`: SenML packs of one fixture's plates.
    Load(FixtureIx),
    /// `track`: what the multi-camera tracker sees.
    Track,
    /// `look`: what the item classifier sees.
    Look,
    /// `camera/<camera>`: what one camera's networks see.
    Camera(CameraIx),
    /// `shelf/<camera>`: what a camera before a shelf sees of the facings there.
    Shelf(CameraIx),
    /// `gate/<gate>`: crossings and codes.
    Gate(GateIx),
    /// `gate/<gate>/answer`: what the shop tells a gate. The shop itself has no use for it.
    GateAnswer(GateIx),
}

/// Why a topic means nothing to this shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// Not one of the shapes above.
    #[error(
        "not a topic of this shop: use load/<fixture>, track, look, camera/<camera>, shelf/<camera> or gate/<gate>"
    )]
    Shape,
    /// `load/` of a fixture that the shop does not have.
    #[error("no such fixture in shop.toml")]
    Fixture,
    /// `camera/` or `shelf/` of a camera that the shop does not have.
    #[error("no such camera in shop.toml")]
    Camera,
    /// `gate/` of a gate that the shop does not have.
    #[error("no such gate in shop.toml")]
    Gate,
}

impl Topic {
    /// The topic's text for a shop.
    pub fn text(self, shop: &Shop) -> String {
        let fixture = |ix: FixtureIx| {
            shop.layout
                .fixtures
                .get(ix.usize())
                .map_or("?", |f| &f.name)
        };
        let gate = |ix: GateIx| shop.layout.gates.get(ix.usize()).map_or("?", |g| &g.name);
        let camera = |ix: CameraIx| shop.layout.cameras.get(ix.usize()).map_or("?", |c| &c.name);
        let name = &shop.name;
        match self {
            Self::Load(ix) => format!("walkout/{name}/load/{}", fixture(ix)),
            Self::Track => format!("walkout/{name}/track"),
            Self::Look => format!("walkout/{name}/look"),
            Self::Camera(ix) => format!("walkout/{name}/camera/{}", camera(ix)),
            Self::Shelf(ix) => format!("walkout/{name}/shelf/{}", camera(ix)),
            Self::Gate(ix) => format!("walkout/{name}/gate/{}", gate(ix)),
            Self::GateAnswer(ix) => format!("walkout/{name}/gate/{}/answer", gate(ix)),
        }
    }

    /// The subscription that covers every topic of a shop.
    pub fn filter(shop: &Shop) -> String {
        format!("walkout/{}/#", shop.name)
    }

    /// Reads a topic.
    pub fn parse(shop: &Shop, text: &str) -> Result<Self, TopicError> {
        let mut parts = text.split('/');
        if parts.next() != Some("walkout") || parts.next() != Some(shop.name.as_str()) {
            return Err(TopicError::Shape);
        }
        let rest: Vec<&str> = parts.take(4).collect();
        let camera = |name: &str| {
            let at = shop.layout.cameras.iter().position(|c| c.name == name);
            at.map(CameraIx::from).ok_or(TopicError::Camera)
        };
        match rest.as_slice() {
            ["load", fixture] => {
                let at = shop.layout.fixtures.iter().position(|f| f.name == *fixture);
                at.map(|i| Self::Load(i.into())).ok_or(TopicError::Fixture)
            }
            ["track"] => Ok(Self::Track),
            ["look"] => Ok(Self::Look),
            ["camera", name] => camera(name).map(Self::Camera),
            ["shelf", name] => camera(name).map(Self::Shelf),
            ["gate", gate, tail @ ..] => {
                let at = shop.layout.gates.iter().position(|g| g.name == *gate);
                let ix = at.map(GateIx::from).ok_or(TopicError::Gate)?;
                match tail {
                    [] => Ok(Self::Gate(ix)),
                    ["answer"] => Ok(Self::GateAnswer(ix)),
                    _ => Err(TopicError::Shape),
                }
            }
            _ => Err(TopicError::Shape),
        }
    }
}
