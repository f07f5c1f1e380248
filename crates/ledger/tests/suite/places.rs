//! Where the suite runs: a fresh SQLite file, SQLite in memory, a fresh PostgreSQL schema.

use sqlx::{Connection as _, Executor as _};
use std::sync::atomic::{AtomicU32, Ordering};
use walkout_testkit::{listens, skip};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A fresh place for a ledger. SQLite files go when it is dropped.
pub struct Place {
    pub url: String,
    folder: Option<std::path::PathBuf>,
    /// PostgreSQL's URL and the schema in it.
    schema: Option<(String, String)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
        if let Some((base, schema)) = self.schema.take() {
            // A runtime cannot wait inside another; a thread of its own can. A schema that cannot be
            // dropped, because a failed test still reads it, is left.
            let dropping = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.enable_all().build().ok()?;
                runtime.block_on(async {
                    let mut connection = sqlx::AnyConnection::connect(&base).await.ok()?;
                    connection.execute("SET lock_timeout = '2s'").await.ok()?;
                    let sql = format!("DROP SCHEMA {schema} CASCADE");
                    connection.execute(sqlx::AssertSqlSafe(sql)).await.ok()
                })
            });
            let _ = dropping.join();
        }
    }
}

impl Place {
    /// The SQLite file.
    pub fn file(&self) -> std::path::PathBuf {
        self.folder.as_ref().unwrap().join("ledger.db")
    }

    /// A connection past the ledger, with which to do what it never would.
    pub async fn connect(&self) -> sqlx::AnyConnection {
        sqlx::any::install_default_drivers();
        let mut connection = sqlx::AnyConnection::connect(&self.url).await.unwrap();
        if self.url.starts_with("sqlite:") {
            for setting in [
                "PRAGMA foreign_keys = OFF",
                "PRAGMA synchronous = OFF",
                // A table renamed stays under its old name in triggers.
                "PRAGMA legacy_alter_table = ON",
            ] {
                connection.execute(setting).await.unwrap();
            }
        }
        connection
    }

    /// Runs statements past the ledger.
    pub async fn spoil(&self, sql: &'static str) {
        let mut connection = self.connect().await;
        for statement in sql.split("; ") {
            connection.execute(statement).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    /// A SQLite file in a fresh folder.
    pub fn sqlite() -> Self {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("walkout-ledger-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let url = format!("sqlite:{}", folder.join("ledger.db").display());
        Self {
            url,
            folder: Some(folder),
            schema: None,
        }
    }

    /// SQLite in memory.
    pub fn memory() -> Self {
        Self {
            url: "sqlite::memory:".into(),
            folder: None,
            schema: None,
        }
    }

    /// A fresh schema in the PostgreSQL of `WALKOUT_TEST_POSTGRES`, or of this machine; `None` where
    /// there is none, said by the test's name.
    pub async fn postgres(test: &str) -> Option<Self> {
        let base = match std::env::var("WALKOUT_TEST_POSTGRES") {
            Ok(url) => url,
            Err(_) if listens(5432) => "postgres://root@127.0.0.1:5432/test".into(),
            Err(_) => {
                skip(
                    test,
                    "no PostgreSQL at 127.0.0.1:5432; set WALKOUT_TEST_POSTGRES to its URL",
                );
                return None;
            }
        };
        sqlx::any::install_default_drivers();
        let mut connection = match sqlx::AnyConnection::connect(&base).await {
            Ok(connection) => connection,
            Err(error) => {
                skip(test, &format!("PostgreSQL refuses {base}: {error}"));
                return None;
            }
        };
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let schema = format!("walkout_test_{}_{n}", std::process::id());
        for sql in [
            format!("DROP SCHEMA IF EXISTS {schema} CASCADE"),
            format!("CREATE SCHEMA {schema}"),
        ] {
            connection.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
        }
        connection.close().await.unwrap();
        let join = if base.contains('?') { '&' } else { '?' };
        Some(Self {
            url: format!("{base}{join}options=-c%20search_path%3D{schema}"),
            folder: None,
            schema: Some((base, schema)),
        })
    }

    /// The places that outlive a process: a file, and PostgreSQL where there is one.
    pub async fn lasting(test: &str) -> Vec<Self> {
        let mut places = vec![Self::sqlite()];
        places.extend(Self::postgres(test).await);
        places
    }

    /// Every kind of place.
    pub async fn all(test: &str) -> Vec<Self> {
        let mut places = vec![Self::memory()];
        places.extend(Self::lasting(test).await);
        places
    }
}
