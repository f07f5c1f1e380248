//! `walkout explain`.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use walkout_checkout::{Explanation, Language, MovementRecorded};
use walkout_ledger::Ledger;
use walkout_model::files::{load_shop, locate};
use walkout_model::{MovementId, Shop};

mod plot;

/// Entries read from the ledger at once.
const PAGE: usize = 1_000;
/// Ids named where one is asked for that does not exist.
const NAMED_MAX: usize = 20;

/// Arguments of `walkout explain`.
#[derive(clap::Args)]
pub struct Args {
    /// The movement, as m00000000000000ff or ff; those that stand are listed if it is left out
    movement: Option<String>,
    /// The ledger: a path of a SQLite file, sqlite:PATH or postgres://…
    #[arg(long, value_name = "LEDGER")]
    ledger: String,
    /// The shop whose ledger it is: a folder, or the name of one under shops/
    #[arg(long, default_value = "nano", value_name = "SHOP")]
    shop: String,
    /// List what a later answer took the place of, too
    #[arg(long)]
    all: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The language of the sentence
    #[arg(long, value_enum, default_value = "en", value_name = "LANG")]
    lang: Lang,
    /// Draw the weight of the shelf into a file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Lang {
    Ko,
    En,
}

/// Says why a movement was concluded: exit code 1 if there is no such movement.
pub fn run(args: Args) -> Result<ExitCode> {
    let shop = load_shop(&locate(&args.shop)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let recorded = runtime.block_on(read(&args.ledger))?;
    let language = match args.lang {
        Lang::Ko => Language::Korean,
        Lang::En => Language::English,
    };
    let Some(wanted) = &args.movement else {
        let told = recorded.iter().map(|record| explain(record, &shop));
        let told = told.collect::<Result<Vec<_>>>()?;
        let superseded: BTreeSet<&str> = told
            .iter()
            .filter_map(|t| t.supersedes.as_deref())
            .collect();
        for told in &told {
            if args.all || !superseded.contains(told.movement.as_str()) {
                println!("{}  {}", told.movement, told.sentence.in_language(language));
            }
        }
        return Ok(ExitCode::SUCCESS);
    };
    let told = explain(find(&recorded, wanted)?, &shop)?;
    if let Some(path) = &args.svg {
        let drawn = plot::svg(&told.evidence.curve);
        std::fs::write(path, drawn).with_context(|| format!("write {}", path.display()))?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&told)?);
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", plot::braille(&told.evidence.curve));
    println!("{}\n", told.sentence.in_language(language));
    print_claims(&told, language);
    Ok(ExitCode::SUCCESS)
}

/// All movements of a ledger, oldest first.
async fn read(ledger: &str) -> Result<Vec<MovementRecorded>> {
    let url = crate::open::ledger_url(ledger);
    if let Some(path) = url.strip_prefix("sqlite:") {
        // Opening would make a new one.
        anyhow::ensure!(Path::new(path).is_file(), "{path}: there is no such ledger");
    }
    let opened = Ledger::open(&url)
        .await
        .with_context(|| format!("open the ledger {ledger}"))?;
    let mut found = Vec::new();
    let mut from = 1;
    loop {
        let entries = opened.entries(from, PAGE).await?;
        let Some(last) = entries.last() else {
            break;
        };
        from = last.seq + 1;
        for entry in &entries {
            let record = MovementRecorded::of(entry)
                .with_context(|| format!("entry {} of {ledger} cannot be read", entry.seq))?;
            found.extend(record);
        }
    }
    opened.close().await;
    Ok(found)
}

fn find<'a>(recorded: &'a [MovementRecorded], wanted: &str) -> Result<&'a MovementRecorded> {
    let id: Option<MovementId> = wanted.parse().ok();
    if let Some(found) = recorded.iter().find(|r| Some(r.id) == id) {
        return Ok(found);
    }
    if recorded.is_empty() {
        bail!("no movement {wanted}: the ledger records none");
    }
    let named: Vec<String> = recorded
        .iter()
        .take(NAMED_MAX)
        .map(|r| r.id.to_string())
        .collect();
    let more = match recorded.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        n => format!(" and {n} more, which `walkout explain` lists without a movement"),
    };
    bail!("no movement {wanted}: there are {}{more}", named.join(", "));
}

fn explain(record: &MovementRecorded, shop: &Shop) -> Result<Explanation> {
    let knows = shop.layout.shelves.iter().any(|s| s.name == record.shelf)
        || record.shelf.starts_with("unknown");
    anyhow::ensure!(
        knows,
        "{} has no shelf {}: say whose ledger it is with --shop",
        shop.name,
        record.shelf
    );
    Ok(record.explain(shop))
}

fn print_claims(told: &Explanation, language: Language) {
    let factors: Vec<&str> = told.alternatives.first().map_or_else(Vec::new, |claim| {
        claim.against.iter().map(|f| f.name.as_str()).collect()
    });
    let head: String = factors.iter().map(|name| format!("{name:>8}")).collect();
    println!("{:>8}  {head}", "p");
    for claim in std::iter::once(&told.chosen).chain(&told.alternatives) {
        let odds: String = claim
            .against
            .iter()
            .map(|f| format!("{:>+8.1}", f.log_odds))
            .collect();
        let name = match language {
            Language::Korean => claim.name_ko.clone(),
            Language::English => claim.name_en.clone(),
        };
        let name = name.or_else(|| claim.gtin.map(|g| g.to_string()));
        println!(
            "{:>8.4}  {odds:<width$}  {} {:+} × {}",
            claim.probability,
            claim.who.as_deref().unwrap_or("-"),
            claim.quantity,
            name.as_deref().unwrap_or("-"),
            width = 8 * factors.len(),
        );
    }
}
