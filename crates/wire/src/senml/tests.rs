use super::*;
use proptest::prelude::*;

const NOW: StoreTime = StoreTime(1_790_000_000_000_000);

fn read(pack: &[u8]) -> Result<Vec<Record>, SenmlError> {
    decode(pack, NOW, &Limits::default())
}

fn json(pack: &str) -> Result<Vec<Record>, SenmlError> {
    read(pack.as_bytes())
}

#[test]
fn bases_are_worked_in_until_others_replace_them() {
    let records = json(
        r#"[{"bn":"G1/S3/","bt":1790000000.25,"bu":"g","bv":1000,"n":"P01","v":1.5},
            {"n":"P02","v":-2,"t":0.016667},
            {"bn":"G2/","bu":"kg","bv":0},
            {"n":"P01","u":"A","v":3,"t":-1,"ut":5}]"#,
    )
    .unwrap();
    let seen: Vec<_> = records
        .iter()
        .map(|r| {
            (
                r.name.as_str(),
                r.unit.as_deref(),
                r.value.clone(),
                r.time.0 - NOW.0,
            )
        })
        .collect();
    let n = |v| Some(Value::Number(v));
    assert_eq!(
        seen,
        [
            ("G1/S3/P01", Some("g"), n(1001.5), 250_000),
            ("G1/S3/P02", Some("g"), n(998.0), 266_667),
            ("G2/P01", Some("A"), n(3.0), -750_000),
        ]
    );
    assert_eq!(records[2].update_s, Some(5.0));
}

#[test]
fn times_below_two_to_the_28_are_relative_to_now() {
    let t = |pack| json(pack).unwrap()[0].time.0 - NOW.0;
    assert_eq!(t(r#"[{"n":"a","v":1}]"#), 0);
    assert_eq!(t(r#"[{"n":"a","v":1,"t":-5}]"#), -5_000_000);
    assert_eq!(t(r#"[{"bt":-5,"n":"a","v":1,"t":7}]"#), 2_000_000);
    let edge = json(r#"[{"n":"a","v":1,"t":268435456}]"#).unwrap();
    assert_eq!(edge[0].time, StoreTime(268_435_456_000_000));
}

#[test]
fn a_time_far_from_the_base_time_keeps_its_microsecond() {
    let times = [1_790_000_000_006_287, 2_597_386_776_556_864].map(StoreTime);
    let records = times.map(|t| Record::number("a", "g", 1.0, t));
    let back = read(&encode(&records, Format::Json).unwrap()).unwrap();
    assert_eq!(back, records);
}

#[test]
fn all_kinds_of_values_are_read() {
    let records = json(
        r#"[{"n":"a","vs":"\u00e9t\u00e9"},{"n":"a","vb":true},{"n":"a","vd":"aGk"},{"n":"a","s":2,"bs":3}]"#,
    )
    .unwrap();
    assert_eq!(records[0].value, Some(Value::Text("été".into())));
    assert_eq!(records[1].value, Some(Value::Bool(true)));
    assert_eq!(records[2].value, Some(Value::Data(b"hi".to_vec())));
    assert_eq!(
        (records[3].value.clone(), records[3].sum),
        (None, Some(5.0))
    );
}

#[test]
fn cbor_is_read_as_the_rfc_writes_it() {
    // RFC 8428, section 6: the example "Multiple Measurements" begins so; cut to two records.
    let pack = [
        0x82, 0xa5, 0x21, 0x67, b'u', b'r', b'n', b':', b'd', b'e', b'v', 0x22, 0xfb, 0x41, 0xd3,
        0x03, 0xa1, 0x5b, 0x00, 0x10, 0x62, 0x23, 0x61, 0x41, 0x20, 0x0a, 0x02, 0x18, 0x78, 0xa2,
        0x00, 0x61, b'c', 0x02, 0xf9, 0x3e, 0x00,
    ];
    let records = read(&pack).unwrap();
    assert_eq!(records[0].name, "urn:dev");
    assert_eq!(records[0].unit.as_deref(), Some("A"));
    assert_eq!(records[0].value, Some(Value::Number(120.0)));
    assert_eq!(records[0].time, StoreTime(1_276_020_076_001_000));
    assert_eq!(records[1].name, "urn:devc");
    assert_eq!(records[1].value, Some(Value::Number(1.5)), "half precision");
    // Arrays and maps of unknown length, behind the tag for CBOR, with a decimal fraction 27315e-2.
    let pack = [
        0xd9, 0xd9, 0xf7, 0x9f, 0xbf, 0x00, 0x61, b'a', 0x02, 0xc4, 0x82, 0x21, 0x19, 0x6a, 0xb3,
        0xff, 0xff,
    ];
    assert_eq!(read(&pack).unwrap()[0].value, Some(Value::Number(273.15)));
}

#[test]
fn each_mistake_has_its_error() {
    use SenmlError as E;
    let refused = |pack: &str| json(pack).unwrap_err();
    assert_eq!(read(b""), Err(E::NotAPack { first: 0 }));
    assert_eq!(refused("{}"), E::NotAPack { first: b'{' });
    assert_eq!(refused(r#"[{"v":1}]"#), E::NoName { record: 0 });
    assert_eq!(refused(r#"[{"n":"a"}]"#), E::NoValue { record: 0 });
    assert_eq!(refused(r#"[{"n":"a","v":1},{}]"#), E::NoValue { record: 1 });
    assert_eq!(
        refused(r#"[{"n":"a","v":1,"vb":true}]"#),
        E::ManyValues { record: 0 }
    );
    assert_eq!(
        refused(r#"[{"n":"a","v":1,"v":2}]"#),
        E::Repeated {
            record: 0,
            label: "v"
        }
    );
    assert_eq!(
        refused(r#"[{"n":"a","v":1},{"n":"a","v":1,"x_":{"deep":[1]}}]"#),
        E::Mandatory {
            record: 1,
            label: "x_".into()
        }
    );
    assert_eq!(
        refused(r#"[{"bver":11,"n":"a","v":1}]"#),
        E::Version {
            record: 0,
            version: 11.0
        }
    );
    for name in ["", "_a", "/a", "a b", "a\\u00e9", "a+b", "a#"] {
        let error = refused(&format!(r#"[{{"bn":"","n":"{name}","v":1}}]"#));
        assert!(
            matches!(error, E::Name { .. } | E::NoName { .. }),
            "{name}: {error}"
        );
    }
    assert!(matches!(
        refused(&format!(r#"[{{"n":"{}","v":1}}]"#, "a".repeat(129))),
        E::Name { .. }
    ));
    assert!(matches!(
        refused(r#"[{"n":"a","u":"","v":1}]"#),
        E::Unit { record: 0 }
    ));
    assert!(matches!(
        refused(r#"[{"n":"a","v":1,"t":1e12}]"#),
        E::Time { .. }
    ));
    assert!(matches!(
        refused(r#"[{"n":"a","v":1,"t":-1e12}]"#),
        E::Time { .. }
    ));
    assert!(matches!(
        refused(r#"[{"n":"a","v":1,"ut":-1}]"#),
        E::Time { .. }
    ));
    assert_eq!(
        refused(r#"[{"bv":1.7e308,"n":"a","v":1.7e308}]"#),
        E::NotFinite {
            record: 0,
            label: "v"
        }
    );
    let malformed = [
        r#"[{"n":"a","v":1}"#,
        r#"[{"n":"a","v":"#,
        r#"[{"n":"a","v":"1"}]"#,
        r#"[{"n":1,"v":1}]"#,
        r#"[{"n":"a","v":NaN}]"#,
        r#"[{"n":"a","v":1e999}]"#,
        r#"[{"n":"a","vd":"%"}]"#,
        r#"[1]"#,
        r#"[[]]"#,
        r#"[{"n":"a","v":1}] x"#,
        r#"[{"n":"a","v":null}]"#,
    ];
    for pack in malformed {
        assert!(
            matches!(refused(pack), E::Malformed { .. }),
            "{pack}: {}",
            refused(pack)
        );
    }
}

#[test]
fn mistakes_that_only_cbor_can_hold() {
    use SenmlError as E;
    let nan = [0x81, 0xa2, 0x00, 0x61, b'a', 0x02, 0xf9, 0x7e, 0x00];
    assert_eq!(
        read(&nan),
        Err(E::NotFinite {
            record: 0,
            label: "v"
        })
    );
    let infinite_time = [
        0x81, 0xa3, 0x00, 0x61, b'a', 0x02, 0x01, 0x06, 0xf9, 0x7c, 0x00,
    ];
    assert!(matches!(read(&infinite_time), Err(E::Time { .. })));
    let text_label = [0x81, 0xa1, 0x61, b'n', 0x61, b'a'];
    assert_eq!(
        read(&text_label),
        Err(E::TextLabel {
            record: 0,
            label: "n"
        })
    );
    let mandatory = [
        0x81, 0xa3, 0x00, 0x61, b'a', 0x02, 0x01, 0x62, b'x', b'_', 0x80,
    ];
    assert_eq!(
        read(&mandatory),
        Err(E::Mandatory {
            record: 0,
            label: "x_".into()
        })
    );
    // 2⁶⁴−1 records are claimed: nothing may be set aside for them.
    let huge = [0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xa0];
    assert_eq!(read(&huge), Err(E::NoValue { record: 0 }));
    let after = [0x80, 0x00];
    assert!(matches!(read(&after), Err(E::Malformed { .. })));
}

#[test]
fn a_pack_beyond_the_limits_is_refused() {
    let limits = Limits {
        bytes_max: 60,
        records_max: 2,
        name_bytes_max: 4,
    };
    let read = |pack: &str| decode(pack.as_bytes(), NOW, &limits);
    assert!(read(r#"[{"n":"a","v":1},{"n":"a","v":1}]"#).is_ok());
    assert_eq!(
        read(r#"[{"n":"a","v":1},{"n":"a","v":1},{"n":"a","v":1}]"#),
        Err(SenmlError::TooManyRecords { max: 2 })
    );
    assert!(matches!(
        read(&" ".repeat(61)),
        Err(SenmlError::TooLarge { bytes: 61, max: 60 })
    ));
    assert!(matches!(
        read(r#"[{"bn":"aaa","n":"bb","v":1}]"#),
        Err(SenmlError::Name { .. })
    ));
}

#[test]
fn a_pack_of_one_fixture_is_written_short() {
    let at = |us| NOW + walkout_model::TimeDelta(us);
    let records = [
        Record::number("G1/S3/P01", "g", 120.5, at(0)),
        Record::number("G1/S3/P02", "g", 7.0, at(0)),
        Record::number("G1/S4/P01", "g", -0.25, at(16_667)),
    ];
    let pack = encode(&records, Format::Json).unwrap();
    assert_eq!(
        String::from_utf8(pack).unwrap(),
        r#"[{"bn":"G1/","bt":1790000000.0,"bu":"g","n":"S3/P01","v":120.5},{"n":"S3/P02","v":7.0},{"n":"S4/P01","v":-0.25,"t":0.016667}]"#
    );
    assert_eq!(encode(&records, Format::Cbor).unwrap().len(), 66);
    assert_eq!(encode(&[], Format::Json).unwrap(), b"[]");
    assert_eq!(read(b"[]"), Ok(vec![]));
}

#[test]
fn what_cannot_be_read_back_is_not_written() {
    for format in [Format::Json, Format::Cbor] {
        let bad = [
            Record::number("", "g", 1.0, NOW),
            Record::number("a b", "g", 1.0, NOW),
            Record::number("a", "", 1.0, NOW),
            Record::number("a", "g", f64::NAN, NOW),
            Record::number("a", "g", 1.0, StoreTime(0)),
            Record {
                value: None,
                ..Record::number("a", "g", 1.0, NOW)
            },
        ];
        for record in bad {
            assert!(
                encode(std::slice::from_ref(&record), format).is_err(),
                "{record:?}"
            );
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => proptest::num::f64::NORMAL.prop_map(Value::Number),
        4 => (-2_000_000_i32..2_000_000).prop_map(|mg| Value::Number(f64::from(mg) / 1_000.0)),
        1 => proptest::num::f64::ANY.prop_filter("finite", |x| x.is_finite()).prop_map(Value::Number),
        1 => "\\PC{0,12}".prop_map(Value::Text),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => proptest::collection::vec(any::<u8>(), 0..12).prop_map(Value::Data),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    let name = prop_oneof![
        "G[1-3]/S[1-5]/P[0-1][0-9]",
        "[A-Za-z0-9][A-Za-z0-9:./_-]{0,20}"
    ];
    let unit = proptest::option::of(prop_oneof![Just("g".to_owned()), "[!-~]{1,8}"]);
    let sum = proptest::option::of(-1e9..1e9);
    let time = 300_000_000_000_000_i64..4_000_000_000_000_000;
    let near = -2_000_000_i64..2_000_000;
    let time = prop_oneof![3 => near.prop_map(|d| NOW.0 + d), 1 => time];
    let update = proptest::option::of(0.0..1e6);
    (
        name,
        unit,
        proptest::option::weighted(0.9, value()),
        sum,
        time,
        update,
    )
        .prop_map(|(name, unit, value, sum, time, update_s)| {
            // A record needs a value or a sum.
            let sum = if value.is_none() {
                sum.or(Some(1.0))
            } else {
                sum
            };
            Record {
                name,
                unit,
                value,
                sum,
                time: StoreTime(time),
                update_s,
            }
        })
}

fn format() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Json), Just(Format::Cbor)]
}

/// Equality that also tells −0 from 0.
fn bits(records: &[Record]) -> String {
    format!("{records:?}")
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(records in proptest::collection::vec(record(), 0..20), format in format()) {
        let pack = encode(&records, format).unwrap();
        let back = read(&pack).unwrap();
        prop_assert_eq!(bits(&back), bits(&records));
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    #[test]
    fn any_bytes_behind_an_array_are_refused_or_read(
        first in prop_oneof![Just(b'['), 0x80_u8..0xa0, Just(0xd9)],
        rest in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = vec![first];
        bytes.extend(rest);
        let _ = read(&bytes);
    }

    #[test]
    fn a_damaged_pack_is_refused_or_read(
        records in proptest::collection::vec(record(), 1..8),
        format in format(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        cut_it in any::<bool>(),
    ) {
        let mut pack = encode(&records, format).unwrap();
        for (at, byte) in damage {
            let at = at.index(pack.len());
            pack[at] = byte;
        }
        if cut_it {
            pack.truncate(cut.index(pack.len()));
        }
        // What is still read can be written again, unless its time fell into the seventies.
        if let Ok(records) = read(&pack)
            && let Ok(again) = encode(&records, format)
        {
            prop_assert_eq!(bits(&read(&again).unwrap()), bits(&records));
        }
    }
}
