//! The three shops: where things stand and what they sell.

use super::goods::{self, BRANDS, KINDS, Sku};
use super::shelving::{self, Fixture, PlateKind, Shelf};

/// Everything about a shop. Lengths in millimetres.
pub struct Plan {
    pub name: &'static str,
    pub title: &'static str,
    pub floor_mm: Vec<[i32; 2]>,
    pub walls_mm: Vec<([i32; 2], [i32; 2])>,
    pub gates: Vec<Gate>,
    pub fixtures: Vec<Fixture>,
    pub cameras: Vec<Camera>,
    pub antennas: Vec<Antenna>,
    pub skus: Vec<Sku>,
}

pub struct Gate {
    pub name: &'static str,
    pub kind: &'static str,
    pub a_mm: [i32; 2],
    pub b_mm: [i32; 2],
}

pub struct Camera {
    pub name: String,
    pub position_mm: [i32; 3],
    pub yaw_deg: i32,
    pub pitch_deg: i32,
}

pub struct Antenna {
    pub name: &'static str,
    pub position_mm: [i32; 3],
    pub range_mm: u32,
}

/// A small shop with a niche, a fridge, a table at the window and few cameras.
pub fn corner() -> Plan {
    let plate = PlateKind {
        name: "cell15",
        width_mm: 150,
        depth_mm: 360,
        range_g: 15_000,
        noise_g: 0.8,
        resolution_g: 0.2,
    };
    let case =
        |name: &str, position_mm, yaw_deg, plates: u32, heights: &[u32], height_mm| Fixture {
            name: name.to_owned(),
            position_mm,
            yaw_deg,
            width_mm: plates * 150 + 20,
            depth_mm: 400,
            height_mm,
            plate,
            pitch_mm: 150,
            shelves: shelves(heights, plates),
        };
    let wall = [150, 500, 850, 1_200, 1_550];
    let mut fixtures = vec![
        // West wall, fronts to the east: a shopper facing west has north on the right.
        case("fridge", [450, 1_700], 90, 8, &wall, 2_000),
        // North wall.
        case(
            "bakery",
            [700, 4_550],
            0,
            6,
            &[300, 650, 1_000, 1_350],
            1_800,
        ),
        case("snacks", [1_800, 4_550], 0, 8, &wall, 2_000),
        // A low island, two fronts.
        case("island-n", [3_300, 2_900], 180, 6, &[150, 500, 850], 1_300),
        case("island-s", [2_380, 2_100], 0, 6, &[150, 500, 850], 1_300),
        // A table at the window in the east.
        case("table", [4_530, 3_600], -90, 6, &[800], 850),
    ];
    let skus = choose(&[
        (0, 3),
        (1, 3),
        (2, 2),
        (4, 3),
        (6, 2),
        (7, 3),
        (8, 2),
        (10, 2),
        (11, 3),
        (13, 2),
        (14, 2),
        (17, 3),
        (18, 3),
        (19, 2),
        (22, 2),
        (23, 1),
        (24, 3),
        (25, 2),
        (26, 2),
        (28, 1),
        (29, 2),
        (32, 2),
        (34, 2),
        (36, 2),
        (42, 3),
        (44, 1),
        (47, 1),
        (49, 1),
    ]);
    shelving::lay_freely(&mut fixtures, &skus, &[5, 4, 6, 3, 4]);
    Plan {
        name: "corner",
        title: "모퉁이 가게 / Corner shop",
        floor_mm: vec![
            [0, 0],
            [5_000, 0],
            [5_000, 4_000],
            [4_000, 4_000],
            [4_000, 5_000],
            [0, 5_000],
        ],
        walls_mm: walls(&[
            [400, 0],
            [0, 0],
            [0, 5_000],
            [4_000, 5_000],
            [4_000, 4_000],
            [5_000, 4_000],
            [5_000, 0],
            [1_600, 0],
        ]),
        gates: vec![Gate {
            name: "door",
            kind: "both",
            a_mm: [400, 0],
            b_mm: [1_600, 0],
        }],
        fixtures,
        cameras: vec![
            camera("C01", [300, 300, 2_600], 45, 40),
            camera("C02", [4_700, 300, 2_600], 135, 40),
            camera("C03", [300, 4_700, 2_600], -45, 40),
            camera("C04", [2_500, 2_500, 2_700], 0, 90),
        ],
        antennas: vec![Antenna {
            name: "door",
            position_mm: [1_000, 300, 2_400],
            range_mm: 2_000,
        }],
        skus,
    }
}

/// The shape of the CPS-IoT 2020 shop: 5 gondolas, 30 shelves, 306 plates of 10 × 41 cm.
pub fn nano() -> Plan {
    let plate = PlateKind {
        name: "cell10",
        width_mm: 100,
        depth_mm: 410,
        range_g: 10_000,
        noise_g: 0.5,
        resolution_g: 0.1,
    };
    let heights = [150, 480, 810, 1_140, 1_470, 1_800];
    let gondola = |name: &str, position_mm, yaw_deg, plates: u32| Fixture {
        name: name.to_owned(),
        position_mm,
        yaw_deg,
        width_mm: plates * 100 + 20,
        depth_mm: 450,
        height_mm: 2_100,
        plate,
        pitch_mm: 100,
        shelves: shelves(&heights, plates),
    };
    let mut fixtures = vec![
        gondola("G1", [1_300, 4_500], 0, 12),
        gondola("G2", [3_300, 4_500], 0, 12),
        // An island: G3 looks north, G4 south.
        gondola("G3", [3_710, 2_900], 180, 12),
        gondola("G4", [2_640, 2_000], 0, 9),
        // The east wall: a shopper facing east has south on the right.
        gondola("G5", [5_700, 3_200], -90, 6),
    ];
    let skus = choose(&[
        (0, 4),
        (1, 3),
        (2, 2),
        (3, 1),
        (4, 3),
        (5, 2),
        (6, 2),
        (7, 4),
        (8, 3),
        (9, 2),
        (10, 3),
        (11, 2),
        (12, 2),
        (13, 3),
        (14, 2),
        (15, 2),
        (16, 2),
        (17, 2),
        (18, 2),
        (19, 2),
        (20, 2),
        (21, 2),
        (22, 1),
        (23, 2),
        (24, 3),
        (25, 2),
        (26, 2),
        (27, 1),
        (28, 1),
        (29, 1),
        (30, 2),
        (31, 1),
        (32, 2),
        (34, 1),
        (36, 1),
        (38, 1),
        (40, 2),
        (43, 2),
        (44, 2),
        (45, 2),
        (46, 2),
        (47, 1),
        (48, 1),
    ]);
    let lanes = [5, 4, 6, 3, 4, 5, 4, 5, 3, 6, 4, 4];
    shelving::lay_on_plates(&mut fixtures, &skus, &lanes);
    let corners = [[0, 0], [6_200, 0], [6_200, 5_000], [0, 5_000]];
    Plan {
        name: "nano",
        title: "나노 스토어 / Nano store",
        floor_mm: corners.to_vec(),
        walls_mm: [
            walls(&[
                [600, 0],
                [0, 0],
                [0, 5_000],
                [6_200, 5_000],
                [6_200, 0],
                [5_600, 0],
            ]),
            walls(&[[1_600, 0], [4_600, 0]]),
        ]
        .concat(),
        gates: vec![
            Gate {
                name: "entry",
                kind: "entry",
                a_mm: [600, 0],
                b_mm: [1_600, 0],
            },
            Gate {
                name: "exit",
                kind: "exit",
                a_mm: [4_600, 0],
                b_mm: [5_600, 0],
            },
        ],
        fixtures,
        cameras: ceiling([6_200, 5_000], [4, 3], 2_700),
        antennas: Vec::new(),
        skus,
    }
}

/// The shape of Carrefour Flash: 250 shelves of 8 plates, 60 cameras, 900 SKUs on 55 m².
pub fn flash() -> Plan {
    let plate = PlateKind {
        name: "cell30kg",
        width_mm: 96,
        depth_mm: 380,
        range_g: 30_000,
        noise_g: 3.0,
        resolution_g: 1.0,
    };
    let section = |name: String, position_mm, yaw_deg, heights: &[u32], height_mm| Fixture {
        name,
        position_mm,
        yaw_deg,
        width_mm: 800,
        depth_mm: 400,
        height_mm,
        plate,
        pitch_mm: 100,
        shelves: shelves(heights, 8),
    };
    let six = [100, 440, 720, 980, 1_240, 1_500];
    let seven = [100, 440, 720, 980, 1_240, 1_500, 1_760];
    let mut fixtures = Vec::new();
    for i in 0..12 {
        // 10 × 7 + 30 × 6 shelves are 250.
        let heights: &[u32] = if i < 10 { &seven } else { &six };
        let name = format!("N{:02}", i + 1);
        fixtures.push(section(name, [200 + 800 * i, 5_050], 0, heights, 2_100));
    }
    for (row, south) in [("A", 2_950), ("B", 950)] {
        for i in 0..7 {
            let x = 2_200 + 800 * i;
            let name = format!("{row}{:02}", i + 1);
            fixtures.push(section(name, [x, south], 0, &six, 1_850));
            let name = format!("{row}{:02}", i + 8);
            fixtures.push(section(name, [x + 800, south + 800], 180, &six, 1_850));
        }
    }
    let all = |brand: usize| (0..5).flat_map(move |f| (0..KINDS.len()).map(move |k| (k, brand, f)));
    let mut chosen: Vec<_> = (0..BRANDS.len()).flat_map(all).take(900).collect();
    // Kinds together, and in a kind the brands.
    chosen.sort_unstable();
    let skus: Vec<Sku> = chosen
        .iter()
        .map(|&(k, b, f)| goods::sku(k, b, f))
        .collect();
    shelving::lay_on_plates(&mut fixtures, &skus, &[4, 4, 5, 4, 3, 6, 4, 4, 4, 2, 5, 4]);
    let corners = [[0, 0], [10_000, 0], [10_000, 5_500], [0, 5_500]];
    Plan {
        name: "flash",
        title: "플래시 / Flash",
        floor_mm: corners.to_vec(),
        walls_mm: [
            walls(&[
                [500, 0],
                [0, 0],
                [0, 5_500],
                [10_000, 5_500],
                [10_000, 0],
                [9_500, 0],
            ]),
            walls(&[[1_700, 0], [8_300, 0]]),
        ]
        .concat(),
        gates: vec![
            Gate {
                name: "entry",
                kind: "entry",
                a_mm: [500, 0],
                b_mm: [1_700, 0],
            },
            Gate {
                name: "exit",
                kind: "exit",
                a_mm: [8_300, 0],
                b_mm: [9_500, 0],
            },
        ],
        fixtures,
        cameras: ceiling([10_000, 5_500], [10, 6], 2_800),
        antennas: Vec::new(),
        skus,
    }
}

fn shelves(heights: &[u32], plates: u32) -> Vec<Shelf> {
    let shelf = |&height_mm| Shelf {
        height_mm,
        plates,
        lanes: Vec::new(),
    };
    heights.iter().map(shelf).collect()
}

/// Walls along a line of points.
fn walls(points: &[[i32; 2]]) -> Vec<([i32; 2], [i32; 2])> {
    points.windows(2).map(|w| (w[0], w[1])).collect()
}

/// The first brand's first `n` flavours of each kind.
fn choose(kinds: &[(usize, usize)]) -> Vec<Sku> {
    let of = |&(kind, n): &(usize, usize)| (0..n).map(move |f| goods::sku(kind, f % 2, f));
    kinds.iter().flat_map(of).collect()
}

fn camera(name: &str, position_mm: [i32; 3], yaw_deg: i32, pitch_deg: i32) -> Camera {
    Camera {
        name: name.to_owned(),
        position_mm,
        yaw_deg,
        pitch_deg,
    }
}

/// Cameras in a grid under the ceiling: every other one straight down, the rest along the aisles.
fn ceiling(floor_mm: [i32; 2], grid: [i32; 2], height_mm: i32) -> Vec<Camera> {
    let [columns, rows] = grid;
    let cell = [floor_mm[0] / columns, floor_mm[1] / rows];
    (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .map(|(row, column)| {
            let name = format!("C{:02}", row * columns + column + 1);
            let x = column * cell[0] + cell[0] / 2;
            let y = row * cell[1] + cell[1] / 2;
            let straight = (row + column) % 2 == 0;
            let yaw = if column < columns / 2 { 0 } else { 180 };
            camera(
                &name,
                [x, y, height_mm],
                yaw,
                if straight { 90 } else { 55 },
            )
        })
        .collect()
}
