//! A running `walkout`, ended when the test ends.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub const DEADLINE: Duration = Duration::from_secs(60);

pub struct Program {
    child: Child,
    /// `http://127.0.0.1:…`
    pub page: String,
    agent: ureq::Agent,
    /// Keeps a temporary folder for as long as the program may write there.
    _data: Option<TempDir>,
}

/// A folder that goes with the test.
pub struct TempDir(pub std::path::PathBuf);

impl TempDir {
    pub fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("walkout-test-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn walkout() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_walkout"));
    command.current_dir(walkout_testkit::root());
    command
}

/// What `walkout` prints, or its complaint.
pub fn said(args: &[&str]) -> Result<String, String> {
    let done = walkout().args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match done.status.success() {
        true => Ok(text(&done.stdout)),
        false => Err(text(&done.stderr)),
    }
}

impl Program {
    /// Starts `walkout serve SHOP` with these further arguments.
    pub fn serve(test: &str, shop: &str, arguments: &[&str]) -> Self {
        let data = TempDir::new(test);
        let mut program = Self::serve_in(&data.0, shop, arguments);
        program._data = Some(data);
        program
    }

    /// The same with a folder of data that may have been used before.
    pub fn serve_in(data: &std::path::Path, shop: &str, arguments: &[&str]) -> Self {
        let mut command = walkout();
        command.args(["serve", shop, "--http", "127.0.0.1:0", "--data"]);
        command.arg(data).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut page = None;
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 {
            if let Some(url) = line.trim().strip_prefix("page ") {
                page = Some(url.trim().trim_end_matches('/').to_owned());
            }
            if line.contains("Ctrl-C") {
                break;
            }
            line.clear();
        }
        // What it says later must go somewhere, or it would stop at a full pipe.
        std::thread::spawn(move || lines.read_to_end(&mut Vec::new()));
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            .build();
        Self {
            child,
            page: page.expect("the program said where its page is"),
            agent: config.into(),
            _data: None,
        }
    }

    pub fn get(&self, path: &str) -> Value {
        let mut response = self
            .agent
            .get(format!("{}{path}", self.page))
            .call()
            .unwrap();
        response.body_mut().read_json().unwrap()
    }

    pub fn text(&self, path: &str) -> String {
        let url = format!("{}{path}", self.page);
        let mut response = self.agent.get(url).call().unwrap();
        response.body_mut().read_to_string().unwrap()
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.agent.post(format!("{}{path}", self.page));
        let mut response = request.send_json(body).unwrap();
        response.body_mut().read_json().unwrap()
    }

    /// Sends bytes and gives the answer's status.
    pub fn put(&self, path: &str, body: &[u8]) -> u16 {
        let request = self.agent.put(format!("{}{path}", self.page));
        request.send(body).unwrap().status().as_u16()
    }

    /// The same with the time at which a picture was taken, seconds.
    pub fn put_at(&self, path: &str, body: &[u8], t: f64) -> u16 {
        let request = self.agent.put(format!("{}{path}", self.page));
        let request = request.header("x-captured-at", format!("{t:.6}"));
        request.send(body).unwrap().status().as_u16()
    }

    /// The answer's status and bytes.
    pub fn bytes(&self, path: &str) -> (u16, Vec<u8>) {
        let mut response = self
            .agent
            .get(format!("{}{path}", self.page))
            .call()
            .unwrap();
        let status = response.status().as_u16();
        (status, response.body_mut().read_to_vec().unwrap())
    }

    /// Asks until the answer is as wanted.
    pub fn until(&self, path: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let answer = self.get(path);
            if wanted(&answer) {
                return answer;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "not within {DEADLINE:?}: {what}: {answer:#}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks it to end, as Ctrl-C does.
    pub fn interrupt(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < DEADLINE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
