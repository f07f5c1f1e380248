//! The networks that ship, and files that are none.

use walkout_perception::nets::*;

fn shipped(file: &str) -> RtenNetwork {
    let path = walkout_testkit::root().join("models").join(file);
    RtenNetwork::from_bytes(file, std::fs::read(path).unwrap(), 1).unwrap()
}

fn floats(shape: &[usize]) -> Input {
    Input {
        shape: shape.to_vec(),
        numbers: Numbers::F32(vec![0.4; shape.iter().product()]),
    }
}

#[test]
fn the_person_network_loads_and_gives_maps_of_a_quarter_of_the_size() {
    let network = shipped("person.onnx");
    assert!(
        (900_000..1_500_000).contains(&network.parameters()),
        "{}",
        network.parameters()
    );
    for (h, w) in [(64, 96), (256, 320)] {
        let outputs = network.run(&floats(&[1, 3, h, w])).unwrap();
        let [maps] = outputs.as_slice() else {
            panic!("one output")
        };
        assert_eq!(maps.shape, [1, 8, h / 4, w / 4]);
        assert!(maps.data.iter().all(|v| v.is_finite()));
        let heat = &maps.data[..3 * (h / 4) * (w / 4)];
        assert!(heat.iter().all(|p| (0.0..=1.0).contains(p)));
    }
    // An empty grey room has nobody in it.
    let rgb = vec![110; 320 * 240 * 3];
    let picture = RgbPicture::new(320, 240, &rgb).unwrap();
    let person = PersonNetwork::new(network, PersonConfig::default());
    assert!(person.look(&picture).unwrap().heads.is_empty());
}

#[test]
fn the_reach_network_loads_and_gives_two_maps_a_cut() {
    let network = shipped("reach.onnx");
    assert!(
        (250_000..400_000).contains(&network.parameters()),
        "{}",
        network.parameters()
    );
    let outputs = network.run(&floats(&[3, 4, 128, 128])).unwrap();
    assert_eq!(outputs[0].shape, [3, 2, 32, 32]);
    assert!(outputs[0].data.iter().all(|p| (0.0..=1.0).contains(p)));
    let reach = ReachNetwork::new(network, ReachConfig::default());
    reach.check().unwrap();
    // Nobody's hands are in an empty grey room, wherever a head is thought to be.
    let rgb = vec![110; 320 * 240 * 3];
    let picture = RgbPicture::new(320, 240, &rgb).unwrap();
    let spot = |x: f64, y: f64| Spot { x, y, score: 0.5 };
    let mut view = PersonView {
        heads: vec![HeadSpot {
            at: spot(160.0, 80.0),
            radius_px: 6.0,
            foot: spot(160.0, 170.0),
        }],
        ..PersonView::default()
    };
    assert_eq!(reach.reach(&picture, &mut view, 6.0).unwrap(), 1);
    assert!(view.hands.is_empty(), "{view:?}");
    let another = ReachNetwork::new(shipped("person.onnx"), ReachConfig::default());
    let error = another.check().unwrap_err().to_string();
    assert!(error.contains("person.onnx"), "{error}");
}

#[test]
fn the_facing_network_loads_and_gives_three_numbers_a_cut() {
    let network = shipped("facing.onnx");
    assert!(
        (400_000..700_000).contains(&network.parameters()),
        "{}",
        network.parameters()
    );
    let outputs = network.run(&floats(&[2, 20, 48, 48])).unwrap();
    assert_eq!(outputs[0].shape, [2, 3]);
    assert!(outputs[0].data.iter().all(|v| v.is_finite()));
    FacingNetwork::new(network).check().unwrap();
    let another = FacingNetwork::new(shipped("item.onnx"));
    let error = another.check().unwrap_err().to_string();
    assert!(error.contains("item.onnx"), "{error}");
}

#[test]
fn the_item_network_gives_vectors_of_length_one_that_tell_colours_apart() {
    let network = ItemNetwork::new(shipped("item.onnx"));
    let plain = |c: [u8; 3]| c.repeat(48 * 48);
    let look = |rgb: &[u8]| {
        let picture = RgbPicture::new(48, 48, rgb).unwrap();
        network
            .look(&picture, [0.0, 0.0, 48.0, 48.0])
            .unwrap()
            .vector
    };
    let (red, red_again, green) = (
        look(&plain([200, 30, 30])),
        look(&plain([204, 33, 30])),
        look(&plain([30, 180, 40])),
    );
    let cosine = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    assert_eq!(red.len(), 128);
    assert!((cosine(&red, &red) - 1.0).abs() < 1e-4);
    assert!(cosine(&red, &red_again) > cosine(&red, &green) + 0.1);
}

#[test]
fn wrong_files_and_shapes_are_refused_with_the_file_named() {
    let error = RtenNetwork::from_bytes("junk.onnx", b"no network".to_vec(), 1)
        .unwrap_err()
        .to_string();
    assert!(error.contains("junk.onnx"), "{error}");
    let network = shipped("person.onnx");
    let error = network.run(&floats(&[1, 5, 64, 64])).unwrap_err();
    assert!(error.to_string().contains("[1, 5, 64, 64]"), "{error}");
    let mut short = floats(&[1, 3, 64, 64]);
    short.numbers = Numbers::F32(vec![0.0; 7]);
    assert!(network.run(&short).is_err());
}
