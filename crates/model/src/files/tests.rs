use super::*;

#[test]
fn an_empty_folder_says_what_belongs_in_it() {
    let error = parse_shop("empty", &Sources::default()).unwrap_err();
    let files: Vec<_> = error.iter().map(|m| m.file).collect();
    for file in ["shop.toml", "catalogue.csv", "planogram.csv"] {
        assert!(files.contains(&file), "{file}");
    }
}
