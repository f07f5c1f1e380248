//! `walkout bench accuracy` without the rest of the binary, for quick turns while tuning the
//! inference: `cargo run --release -p walkout-bench --example accuracy -- quick quiet errors`.
#![allow(clippy::print_stdout, reason = "it talks to its terminal")]

use walkout_bench::accuracy::{Options, Size, measure};
use walkout_bench::table::table;
use walkout_simulator::Preset;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options {
        presets: Vec::new(),
        scenarios: Vec::new(),
        shop: None,
        seed: 1,
        seeds: None,
        size: Size::Full,
        errors: false,
    };
    for word in std::env::args().skip(1) {
        match word.as_str() {
            "small" => options.size = Size::Small,
            "quick" => options.size = Size::Quick,
            "errors" => options.errors = true,
            seed if seed.parse::<u64>().is_ok() => options.seed = seed.parse()?,
            path if path.contains('/') => options.scenarios.push(path.into()),
            preset => options.presets.push(preset.parse()?),
        }
    }
    if options.presets.is_empty() && options.scenarios.is_empty() {
        options.presets = Preset::ALL.to_vec();
    }
    let begin = std::time::Instant::now();
    let measured = measure(&options)?;
    let store_s: f64 = measured.iter().map(|m| m.store_s).sum();
    for m in &measured {
        print!("{}", m.listing);
    }
    let rows: Vec<_> = measured.iter().map(|m| m.row.clone()).collect();
    print!("{}", table(&rows));
    for m in &measured {
        println!("{}: {:?}", m.row.preset, m.causes);
    }
    println!(
        "{store_s:.0} s of store time in {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}
