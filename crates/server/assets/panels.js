// The lists beside the floor: carts, movements, receipts, reviews, health.
import { colourOf, count, el, grams, locale, money, nameOf, percent, svg, t, time } from "./text.js";

const badge = (session, kind) => el("span", { class: "dot", style: `background:${colourOf(session)}` }, session ? (kind === "staff" ? t("staff") : session) : "?");
const why = (session, gtin) => el("button", { class: "why", onclick: async (e) => {
  const cell = e.target.parentNode;
  const path = `/api/v1/sessions/${encodeURIComponent(session)}/lines/${encodeURIComponent(gtin)}/explanations?lang=${locale.lang}`;
  const answer = await fetch(path, { headers: { accept: "text/plain" } }).catch(() => null);
  e.target.remove();
  cell.append(el("div", { class: "muted small" }, answer?.ok ? await answer.text() : t("failed")));
} }, t("why"));
const lines = (list, shop, session) => el("table", { class: "lines" }, list.map((l) => el("tr", {},
  el("td", { class: "units" }, `${l.units} ×`), el("td", { class: "name" }, nameOf(l), session ? why(session, l.gtin) : null), el("td", { class: "sum" }, money(l.total_minor, shop)))));

export function carts(sessions, shop) {
  if (!sessions.length) return [el("div", { class: "empty" }, t("empty_carts"))];
  return sessions.map((s) => el("div", { class: "item" },
    el("div", { class: "row" }, badge(s.id),
      el("span", { class: "grow" }, s.kind === "staff" ? t("staff") : s.customer, el("span", { class: "muted small" }, ` · ${time(s.t_in, shop, false)}${s.people > 1 ? ` · ${s.people} ${t("party")}` : ""}`)),
      s.reviews_open ? el("span", { class: "chip warn" }, `${s.reviews_open} ${t("open")}`) : null,
      s.kind === "staff" ? null : el("span", { class: "money" }, money(s.total_minor, shop))),
    s.lines.length ? lines(s.lines, shop) : s.kind === "staff" ? null : el("div", { class: "muted small" }, t("cart_empty"))));
}

function spark(curve) {
  const node = svg("svg", { class: "spark", viewBox: "0 0 100 40", preserveAspectRatio: "none", "aria-hidden": "true" });
  if (!curve || curve.length < 2) return node;
  const xs = curve.map((p) => p[0]), ys = curve.map((p) => p[1]);
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const px = (x) => (100 * (x - x0)) / Math.max(1, x1 - x0);
  const py = (y) => 38 - (36 * (y - y0)) / Math.max(1, y1 - y0);
  node.append(svg("line", { x1: 0, x2: 100, y1: 39.5, y2: 39.5 }));
  node.append(svg("path", { d: curve.map(([x, y], i) => `${i ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join("") }));
  return node;
}

const said = (a, staff) => {
  if (!a.gtin) return t("nogoods");
  const verb = staff ? (a.quantity > 0 ? t("removed") : t("stocked")) : a.quantity > 0 ? t("took") : t("back");
  return `${verb} ${Math.abs(a.quantity)} × ${nameOf(a)}`;
};
const who = (a) => a.who ?? t("unknown");
const decisionClass = { accept: "good", review: "warn", leaveoff: "" };

export function movement(m, shop) {
  const others = m.alternatives.filter((a) => a.probability >= 0.005).slice(0, 3);
  const bar = (a, best) => el("div", { class: best ? "bar best" : "bar" },
    el("span", { title: `${who(a)} · ${said(a)}` }, `${who(a)} · ${said(a)}`), el("span", { class: "track" }, el("i", { style: `width:${Math.round(a.probability * 100)}%` })), el("span", {}, percent(a.probability)));
  return el("div", { class: "item move" },
    el("div", {},
      el("div", { class: "row" }, badge(m.best.who), el("b", { class: "grow", title: said(m.best, m.staff) }, said(m.best, m.staff)), el("span", { class: `chip ${decisionClass[m.decision] ?? ""}` }, t(m.decision))),
      el("div", { class: "muted small" }, `${time(m.t, shop)} · ${m.lane ?? m.shelf} · ${grams(m.delta_g)} ± ${Math.round(m.sigma_g)} g`)),
    el("div", { class: "sparkbox" }, spark(m.curve)),
    el("div", {},
      el("div", { class: "bars" }, bar(m.best, true), others.map((a) => bar(a, false))),
      el("div", { class: "factors" }, m.factors.filter((f) => Math.abs(f.log_odds) >= 0.05).map((f) => el("span", { class: `chip ${f.log_odds > 0.5 ? "good" : f.log_odds < -0.5 ? "bad" : ""}`, title: "ln odds" }, `${t(f.name)} ${f.log_odds >= 0 ? "+" : "−"}${Math.abs(f.log_odds).toFixed(1)}`)))));
}

export function receipts(list, shop) {
  if (!list.length) return [el("div", { class: "empty" }, t("empty_receipts"))];
  return list.map((r) => el("details", { class: "item" },
    el("summary", {}, el("div", { class: "row" }, badge(r.session), el("span", { class: "grow" }, r.customer, el("span", { class: "muted small" }, ` · ${time(r.t, shop)}`)),
      el("span", { class: `chip ${r.state === "final" ? "good" : "warn"}` }, t(r.state)), el("span", { class: "money" }, money(r.total_minor, shop)))),
    lines(r.lines, shop, r.session),
    el("div", { class: "row muted small" }, el("span", { class: "grow" }, t("tax")), el("span", {}, money(r.tax_minor, shop)))));
}

export function reviews(list, questions, shop, { answer, answerVisit, answerTogether }) {
  if (!list.length) return [el("div", { class: "empty" }, t("empty_reviews"))];
  // What one look settles is one question.
  const asked = questions.filter((q) => q.reviews.every((id) => list.some((r) => r.id === id)));
  const one = new Set(asked.flatMap((q) => q.reviews));
  const all = asked.map((q) => question(q, list.filter((r) => one.has(r.id) && q.reviews.includes(r.id)), shop, answer, answerTogether));
  list = list.filter((r) => !one.has(r.id));
  // What somebody did whom no code let in is one question: who that was.
  const visits = new Map();
  for (const r of list) if (r.visit != null) visits.set(r.visit, [...(visits.get(r.visit) ?? []), r]);
  const alone = list.filter((r) => r.visit == null || visits.get(r.visit).length < 2);
  const together = [...visits.values()].filter((all) => all.length > 1);
  return [...together.map((all) => visit(all, shop, answerVisit)), ...all, ...alone.map((r) => review(r, shop, answer))];
}

function question(q, mine, shop, answer, answerTogether) {
  const risk = mine.reduce((sum, r) => sum + r.at_risk_minor, 0);
  const named = (session) => session ?? t("visit_nobody");
  const handed = q.kind === "hand_over";
  const label = (a) => {
    // Of a hand-over only what changed hands is told.
    const told = a.says.filter((o) => o.gtin && (!handed || o.who === q.to));
    return told.length ? told.map((o) => `${who(o)} · ${said(o)}`).join(" + ") : t(handed ? "nothing_passed" : "answer_none");
  };
  return el("div", { class: "item together" },
    el("div", { class: "row" }, badge(handed ? q.from : mine[0].session), el("b", { class: "grow" }, handed ? `${named(q.from)} → ${named(q.to)}` : mine[0].shelf),
      risk ? el("span", { class: "chip warn" }, `${money(risk, shop)} ${t("risk")}`) : null),
    el("div", { class: "muted small" }, `${time(q.t, shop)} · ${t(`asked_${q.kind}`)}`),
    el("div", { class: "answers" }, q.answers.map((a, i) => el("button", {
      class: i === 0 ? "first" : "", onclick: (e) => {
        for (const b of e.target.closest(".answers").children) b.disabled = true;
        answerTogether(a.answers);
      },
    }, label(a), a.probability ? ` · ${percent(a.probability)}` : ""))),
    el("details", { "data-key": q.reviews.join() }, el("summary", { class: "muted small" }, `${t("one_by_one")} · ${mine.length}`), mine.map((r) => review(r, shop, answer))));
}

function visit(all, shop, answerVisit) {
  const risk = all.reduce((sum, r) => sum + r.at_risk_minor, 0);
  const earlier = [...all].sort((a, b) => a.t - b.t);
  const people = [...new Set(earlier.flatMap((r) => r.options.map((o) => o.who)).filter(Boolean))].slice(0, 3);
  const choice = (session, label, first) => el("button", {
    class: first ? "first" : "", onclick: (e) => {
      for (const b of e.target.closest(".answers").children) b.disabled = true;
      answerVisit(all[0].id, session);
    },
  }, label);
  return el("div", { class: "item visit" },
    el("div", { class: "row" }, badge(null), el("b", { class: "grow" }, `${time(all[0].visit, shop)} · ${t("visit_since")}`),
      risk ? el("span", { class: "chip warn" }, `${money(risk, shop)} ${t("risk")}`) : null),
    el("ul", { class: "small" }, earlier.map((r) => el("li", {}, `${time(r.t, shop)} · ${r.shelf} · `, r.options[0].gtin ? said(r.options[0]) : t("nogoods")))),
    el("div", { class: "muted small" }, t("visit_who")),
    el("div", { class: "answers" }, choice(null, `${t("visit_nobody")} · ${all.length}`, true),
      people.map((session) => choice(session, `${session} · ${all.length}`, false))));
}

function review(r, shop, answer) {
  return el("div", { class: "item" },
    el("div", { class: "review" },
      el("div", {},
        el("div", { class: "row" }, badge(r.session), el("b", { class: "grow" }, r.shelf),
          r.at_risk_minor ? el("span", { class: "chip warn" }, `${money(r.at_risk_minor, shop)} ${t("risk")}`) : null),
        el("div", { class: "muted small" }, `${time(r.t, shop)} · ${grams(r.delta_g)} · ${t(`why_${r.why}`)}`)),
      spark(r.curve)),
    el("div", { class: "answers" }, r.options.map((o, i) => el("button", {
      class: i === 0 ? "first" : "", onclick: (e) => {
        for (const b of e.target.closest(".answers").children) b.disabled = true;
        answer(r.id, o.verdict);
      },
    }, o.gtin ? `${who(o)} · ${said(o)}` : t("answer_none"), o.probability ? ` · ${percent(o.probability)}` : ""))));
}

// What cameras before the shelves see: first what to count, then gaps and wrong items, lane by lane.
export function shelves(seen, units, shop) {
  const head = (of, chip) => el("div", { class: "row" }, el("b", {}, of.lane), el("span", { class: "grow", title: nameOf(of) }, nameOf(of)), chip);
  const counts = seen.counts.map((c) => el("div", { class: "item" }, head(c, el("span", { class: "chip bad" }, t("count_it"))),
    el("div", { class: "muted small" }, t("books_say")(count(c.units)), ", ", c.units < c.least ? t("at_least")(count(c.least)) : t("at_most")(count(c.most)))));
  const lanes = new Map();
  for (const f of seen.facings) lanes.set(f.lane, [...(lanes.get(f.lane) ?? []), f]);
  const odd = [...lanes.values()].map((all) => {
    const ix = shop.lanes.findIndex((l) => l.name === all[0].lane), lane = shop.lanes[ix];
    const gaps = all.filter((f) => f.verdict === "gap"), wrong = all.filter((f) => f.verdict === "wrong");
    const since = Math.min(...all.map((f) => f.since));
    const chip = gaps.length ? el("span", { class: `chip ${gaps.length === lane?.facings ? "bad" : "warn"}` }, `${t("gap")} ${gaps.length}/${lane?.facings ?? "?"}`) : null;
    return el("div", { class: "item" }, head(all[0], chip),
      wrong.map((f) => el("div", { class: "small" }, el("span", { class: "chip warn" }, t("wrong_item")), ` ${t("facing")} ${f.facing}`, f.seems ? `: ${t("seems")} ${nameOf(f.seems)}` : "", ` · ${percent(f.probability)}`)),
      el("div", { class: "muted small" }, `${t("books_say")(count(units[ix] ?? 0))} · ${t("since")} ${time(since, shop, false)}`));
  });
  const none = counts.length || odd.length ? [] : [el("div", { class: "empty" }, t("empty_shelves"))];
  return [...counts, ...odd, ...none, el("div", { class: "muted small", style: "padding-top:8px" }, `${count(seen.watched)} ${t("facings_watched")}`)];
}

export function health(h, shop) {
  const kv = (key, value, cls = "") => el("div", { class: "kv" }, el("span", {}, t(key)), el("span", { class: cls }, value));
  const b = h.bus;
  const cells = el("div", { class: "healthgrid" },
    kv("broker", el("span", { class: `chip ${b.connected ? "good" : "bad"}` }, t(b.connected ? "connected" : "gone"))),
    kv("reconnects", count(b.connections_lost)), kv("messages", count(b.messages)), kv("samples", count(b.samples)), kv("dropped", count(b.dropped)),
    kv("plates_good", count(h.plates_good)), kv("plates_bad", count(h.plates_faulty)), kv("entries", count(h.entries)), kv("lag", `${h.lag_s.toFixed(1)} s`));
  const refused = [...b.refusals, ...h.refusals];
  const table = refused.length
    ? el("table", { class: "refusals" }, refused.map((r) => el("tr", {}, el("td", {}, el("span", { class: "chip warn" }, r.cause)), el("td", {}, r.source), el("td", {}, count(r.count)), el("td", { class: "muted" }, r.last))))
    : el("div", { class: "empty" }, t("no_refusals"));
  const faults = h.faults.length ? el("div", { class: "factors" }, h.faults.slice(0, 40).map((f) => el("span", { class: "chip bad" }, `${f.plate} ${f.health}`))) : null;
  const lost = (c) => [["dropped", c.dropped], ["damaged", c.damaged], ["skipped", c.skipped]].filter(([, n]) => n).map(([key, n]) => `${t(key)} ${count(n)}`).join(", ");
  const fares = (c) => c.health !== "good" || !c.off_deg ? t(`camera_${c.health}`) : `${t("camera_off")} ${c.off_deg.toFixed(1)}°`;
  const size = (c) => [c.width ? `${c.width}×${c.height}` : "", c.fps ? `${c.fps.toFixed(1)} /s` : ""].filter(Boolean).join(", ");
  const cameras = h.cameras.length ? el("table", { class: "refusals" }, h.cameras.map((c) => el("tr", {}, el("td", {}, el("span", { class: `chip ${c.health === "good" && !c.off_deg ? "good" : "bad"}` }, c.camera)),
    el("td", {}, fares(c)), el("td", {}, size(c)), el("td", {}, lost(c)), el("td", { class: "muted" }, c.error ?? c.source)))) : null;
  return [cells, cameras, faults, table].filter(Boolean);
}
