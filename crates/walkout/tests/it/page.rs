//! The live page in a real browser, driven over the WebDriver protocol (W3C Recommendation 2018).

use crate::devices::{Mosquitto, is_there, one_shopper_takes_one};
use crate::program::{Program, TempDir};
use crate::rendered::Shop;
use serde_json::{Value, json};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use walkout_model::files::load_shop;
use walkout_testkit::{free_port, listens, shop_dir, skip};

const DEADLINE: Duration = Duration::from_secs(60);

/// One browser window, for as long as the test needs it.
struct Browser {
    driver: Child,
    session: String,
    agent: ureq::Agent,
    _profile: TempDir,
}

impl Browser {
    fn open(width: u32, height: u32) -> Self {
        let port = free_port().unwrap();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while !listens(port) {
            assert!(begun.elapsed() < DEADLINE, "chromedriver does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        // Two browsers with one profile are one: the second hands its page over to the first and ends.
        let profile = TempDir::new(&format!("browser-{port}"));
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(DEADLINE))
            .build();
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            agent: config.into(),
            _profile: profile,
        };
        let args = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            format!("--window-size={width},{height}"),
        ];
        // On a machine that is short of everything a browser may end while it starts, and leave its profile locked.
        let mut opened = Value::Null;
        for attempt in 0..5 {
            std::thread::sleep(Duration::from_secs(attempt));
            let profile = browser._profile.0.join(attempt.to_string());
            let own = format!("--user-data-dir={}", profile.display());
            let args: Vec<&String> = args.iter().chain([&own]).collect();
            let wanted = json!({"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": {"args": args}}}});
            opened = browser.command("", &wanted);
            if opened["sessionId"].is_string() {
                break;
            }
        }
        let id = opened["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("{opened:#}"));
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    fn command(&self, path: &str, body: &Value) -> Value {
        let request = self.agent.post(format!("{}{path}", self.session));
        let mut response = request.send_json(body).unwrap();
        let answer: Value = response.body_mut().read_json().unwrap();
        answer["value"].clone()
    }

    fn go(&self, url: &str) {
        self.command("/url", &json!({"url": url}));
    }

    /// What a script returns.
    fn script(&self, script: &str) -> Value {
        self.command("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Asks until the script returns true.
    fn until(&self, what: &str, script: &str) {
        let begun = Instant::now();
        while self.script(script) != json!(true) {
            assert!(begun.elapsed() < DEADLINE, "not on the page: {what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

#[test]
fn the_page_shows_who_took_what_at_desk_and_phone_size() {
    const NAME: &str = "the_page_shows_who_took_what_at_desk_and_phone_size";
    for part in ["mosquitto_pub", "chromedriver", "chromium"] {
        if !is_there(part) {
            return skip(NAME, &format!("no {part}"));
        }
    }
    let shop = load_shop(&shop_dir("nano")).unwrap();
    let port = free_port().unwrap();
    let arguments = ["--mqtt-port", &port.to_string(), "--full"];
    let program = Program::serve("page", "nano", &arguments);
    let browser = Browser::open(390, 844);
    browser.go(&format!("{}/?lang=en", program.page));
    let taken = one_shopper_takes_one(&program, &Mosquitto { port, shop: &shop });
    let product = shop.catalogue.find(taken.gtin).unwrap();
    let name = json!(shop.catalogue[product].name_en);
    browser.until(
        "the item in the cart list",
        &format!("return document.querySelector('#carts-list').textContent.includes({name})"),
    );
    browser.until(
        "the movement",
        &format!("return document.querySelector('#moves-list').textContent.includes({name})"),
    );
    browser.until(
        "the shopper on the floor",
        "return document.querySelectorAll('#floor .person').length === 1",
    );
    browser.until(
        "nothing wider than a phone",
        "return document.documentElement.scrollWidth <= window.innerWidth",
    );
}

#[test]
fn the_page_shows_what_cameras_see_and_which_are_down_at_desk_and_phone_size() {
    const NAME: &str = "the_page_shows_what_cameras_see_and_which_are_down_at_desk_and_phone_size";
    for part in ["chromedriver", "chromium"] {
        if !is_there(part) {
            return skip(NAME, &format!("no {part}"));
        }
    }
    let shop = Shop::new("page-camera-shop", 2, 20, &["gone.mp4"]);
    let port = free_port().unwrap().to_string();
    let arguments = ["--mqtt-port", &port, "--eyes"];
    let program = Program::serve("page-cameras", shop.name(), &arguments);
    let view = |name: &str| {
        format!(
            "[...document.querySelectorAll('.camera')].find(c => c.querySelector('b').textContent === '{name}')"
        )
    };
    let gone = view(&shop.others[0]);
    for (width, height) in [(1440, 900), (390, 844)] {
        let browser = Browser::open(width, height);
        browser.go(&format!("{}/?lang=en", program.page));
        browser.until(
            "three cameras",
            "return document.querySelectorAll('.camera').length === 3",
        );
        for name in &shop.cameras {
            let view = view(name);
            // A picture has more than a few colours.
            browser.until(
                "a picture",
                &format!(
                    "const c = {view}.querySelector('canvas');
                     c.scrollIntoView();
                     const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                     return new Set(p.filter((_, i) => i % 4 === 0)).size > 60"
                ),
            );
            browser.until(
                "it is live",
                &format!("return !{view}.classList.contains('down')"),
            );
        }
        browser.until(
            "the camera that is down, and why",
            &format!(
                "const c = {gone};
                 return c.classList.contains('down') && c.textContent.includes('no pictures') && c.textContent.includes('gone.mp4')"
            ),
        );
        browser.until(
            "nothing wider than the window",
            "return document.documentElement.scrollWidth <= window.innerWidth",
        );
        browser.until(
            "views as wide as a finger needs and the window has",
            "return [...document.querySelectorAll('.camera canvas')].every(c => { const r = c.getBoundingClientRect(); return r.width >= 240 && r.right <= window.innerWidth && r.left >= 0; })",
        );
    }
}

#[test]
fn a_shop_without_cameras_shows_no_empty_place_for_them() {
    const NAME: &str = "a_shop_without_cameras_shows_no_empty_place_for_them";
    for part in ["chromedriver", "chromium"] {
        if !is_there(part) {
            return skip(NAME, &format!("no {part}"));
        }
    }
    let port = free_port().unwrap().to_string();
    let program = Program::serve("page-blind", "nano", &["--mqtt-port", &port]);
    let browser = Browser::open(390, 844);
    browser.go(&format!("{}/?lang=en", program.page));
    browser.until(
        "the shop",
        "return document.querySelector('#health-list').children.length > 0",
    );
    browser.until(
        "neither views nor a way to them",
        "return ['#cameras', 'nav a[href=\"#cameras\"]'].every(q => document.querySelector(q).getBoundingClientRect().height === 0)",
    );
}
