// The live page: asks for the shop once, then follows the event stream.
import { Cameras } from "./cameras.js";
import { Floor, legend } from "./floor.js";
import * as panels from "./panels.js";
import { count, el, locale, t, time } from "./text.js";

const $ = (id) => document.getElementById(id);
const MOVES_MAX = 60;
let shop, floor, cameras, state = null, moves = [], rate = { at: 0, messages: 0, value: 0 };

const store = (key, value) => { try { localStorage.setItem(key, value); } catch { /* private window */ } };
const stored = (key) => { try { return localStorage.getItem(key); } catch { return null; } };

function setLang(lang) {
  locale.lang = lang;
  document.documentElement.lang = lang;
  store("walkout.lang", lang);
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  $("lang").textContent = lang === "ko" ? "English" : "한국어";
  $("legend").replaceChildren(...legend());
  $("cameras-legend").textContent = t("cameras_legend");
  cameras?.relabel();
  drawn.clear();
  draw();
  drawMoves();
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = theme === "dark" ? "☀" : "☾";
  store("walkout.theme", theme);
}

// A panel is drawn again only if what it shows has changed, so that open details stay open.
const drawn = new Map();
function panel(id, data, nodes) {
  const key = JSON.stringify(data);
  if (drawn.get(id) === key) return;
  drawn.set(id, key);
  const list = $(`${id}-list`);
  const open = new Set([...list.querySelectorAll("details[open]")].map((d) => d.dataset.key));
  list.replaceChildren(...nodes());
  for (const d of list.querySelectorAll("details")) d.open = open.has(d.dataset.key);
}

function draw() {
  if (!state) return;
  const s = state;
  panel("carts", s.sessions, () => panels.carts(s.sessions, shop));
  panel("receipts", s.receipts, () => panels.receipts(s.receipts, shop).map((node, i) => { if (s.receipts[i]) node.dataset.key = s.receipts[i].session; return node; }));
  panel("reviews", [s.reviews, s.questions], () => panels.reviews(s.reviews, s.questions, shop, { answer, answerVisit, answerTogether }));
  const seen = s.shelves.watched > 0;
  for (const node of [$("shelves"), document.querySelector('nav a[href="#shelves"]')]) node.hidden = !seen;
  if (seen) panel("shelves", [s.shelves, s.lanes], () => panels.shelves(s.shelves, s.lanes, shop));
  $("shelves-count").textContent = s.shelves.facings.length + s.shelves.counts.length || "";
  panel("health", s.health, () => panels.health(s.health, shop));
  $("carts-count").textContent = s.sessions.length || "";
  $("reviews-count").textContent = s.totals.reviews_open || "";
  $("receipts-count").textContent = s.totals.receipts || "";
  $("moves-count").textContent = s.totals.movements || "";
  floor.stock(s.lanes, s.shelves.facings);
  const now = performance.now();
  if (now - rate.at > 1500) {
    if (rate.at) rate.value = ((s.health.bus.messages - rate.messages) * 1000) / (now - rate.at);
    rate.at = now;
    rate.messages = s.health.bus.messages;
  }
  const figure = (key, value, alert) => el("span", { class: alert ? "figure alert" : "figure" }, el("b", {}, count(value)), t(key));
  $("figures").replaceChildren(figure("people", s.totals.people), figure("inside", s.sessions.length), figure("moved", s.totals.movements),
    figure("paid", s.totals.receipts), figure("drafts", s.totals.drafts, s.totals.drafts > 0), figure("open", s.totals.reviews_open, s.totals.reviews_open > 0), figure("rate", Math.round(rate.value)));
}

function drawMoves() {
  $("moves-list").replaceChildren(...(moves.length ? moves.map((m) => panels.movement(m, shop)) : [el("div", { class: "empty" }, t("empty_moves"))]));
}

function onMovement(m) {
  moves = [m, ...moves.filter((o) => o.id !== m.id)].slice(0, MOVES_MAX);
  const list = $("moves-list");
  if (moves.length === 1) list.replaceChildren();
  list.prepend(panels.movement(m, shop));
  while (list.children.length > MOVES_MAX) list.lastChild.remove();
  floor.pulse(m.shelf, m.best.who);
}

const of = (id, what) => `reviews/${encodeURIComponent(id)}/${what}`;
const answer = (id, verdict) => settle(of(id, "answer"), { verdict });
const answerVisit = (id, who) => settle(of(id, "visit"), { who });
const answerTogether = (answers) => settle("questions/answer", { answers });

async function settle(path, body) {
  const response = await fetch(`/api/v1/${path}`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ ...body, reviewer: "live page" }),
  });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    alert(`${t("failed")}: ${problem.detail ?? response.status}`);
    drawn.delete("reviews");
    draw();
  }
}

function follow() {
  const source = new EventSource("/api/v1/live");
  const on = (name, handle) => source.addEventListener(name, (e) => handle(JSON.parse(e.data)));
  source.onopen = () => document.body.classList.remove("offline");
  source.onerror = () => document.body.classList.add("offline");
  on("floor", (f) => {
    $("clock").textContent = time(f.t, shop);
    const items = new Map((state?.sessions ?? []).map((s) => [s.id, s.kind === "staff" ? "" : s.items]));
    floor.move(f.people, items);
  });
  on("cameras", (c) => cameras.show(c));
  on("state", (s) => { state = s; draw(); });
  on("movement", onMovement);
}

async function start() {
  const asked = new URLSearchParams(location.search);
  shop = await (await fetch("/api/v1/shop")).json();
  moves = await (await fetch("/api/v1/movements?limit=40")).json();
  $("title").textContent = shop.title;
  document.title = `${shop.title} · Walkout`;
  floor = new Floor($("plan"), $("elevation"), shop);
  cameras = new Cameras($("cameras"), $("cameras-list"), document.querySelector('nav a[href="#cameras"]'));
  setTheme(asked.get("theme") ?? stored("walkout.theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  setLang(asked.get("lang") ?? stored("walkout.lang") ?? (navigator.language.startsWith("ko") ? "ko" : "en"));
  $("lang").onclick = () => setLang(locale.lang === "ko" ? "en" : "ko");
  $("theme").onclick = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  follow();
}

start().catch((error) => { document.body.classList.add("offline"); console.error(error); });
