// The floor plan: walls, gates, fixtures with their lanes coloured by fill, people and hands.
import { colourOf, count, el, nameOf, svg, t } from "./text.js";

export const fillColour = (fill) => {
  if (fill === null) return "var(--line)";
  const f = Math.max(0, Math.min(1, fill));
  return `hsl(${10 + 148 * f} ${64 - 26 * f}% ${66 - 6 * f}%)`;
};

export class Floor {
  constructor(root, elevation, shop) {
    this.shop = shop;
    this.elevation = elevation;
    this.people = new Map();
    this.lanes = [];
    this.onHand = [];
    this.odd = new Map();
    this.chosen = shop.fixtures.length ? 0 : null;
    const xs = shop.floor.map((p) => p[0]), ys = shop.floor.map((p) => p[1]);
    this.top = Math.max(...ys);
    const [x0, x1, y0] = [Math.min(...xs), Math.max(...xs), Math.min(...ys)];
    // A wide card shows a tall shop lying on its side.
    this.turned = this.top - y0 > (x1 - x0) * 1.15;
    const at = (x, y) => (this.turned ? [y - y0, x - x0] : [x - x0, this.top - y]);
    this.at = at;
    const [w, h] = this.turned ? [this.top - y0, x1 - x0] : [x1 - x0, this.top - y0];
    const m = 0.7;
    root.setAttribute("viewBox", `${-m} ${-m} ${w + 2 * m} ${h + 2 * m}`);
    root.replaceChildren();
    const points = (list) => list.map(([x, y]) => at(x, y).join(",")).join(" ");
    root.append(svg("polygon", { class: "floor", points: points(shop.floor) }));
    for (const [ax, ay, bx, by] of shop.walls) {
      const [a, b] = [at(ax, ay), at(bx, by)];
      root.append(svg("line", { class: "wall", x1: a[0], y1: a[1], x2: b[0], y2: b[1] }));
    }
    shop.fixtures.forEach((fixture, i) => this.drawFixture(root, fixture, i, points));
    for (const gate of shop.gates) {
      const [a, b] = [at(...gate.a), at(...gate.b)];
      root.append(svg("line", { class: "gate", x1: a[0], y1: a[1], x2: b[0], y2: b[1] }, svg("title", {}, gate.name)));
    }
    this.layer = svg("g");
    root.append(this.layer);
  }

  // Seen from above, a fixture's shelves are drawn side by side: the lowest at the front.
  drawFixture(root, fixture, i, points) {
    const [a, b, c, d] = fixture.corners;
    root.append(svg("polygon", { class: "fixture", points: points(fixture.corners) }));
    const n = fixture.shelves.length || 1;
    const mix = (p, q, k) => [p[0] + (q[0] - p[0]) * k, p[1] + (q[1] - p[1]) * k];
    fixture.shelves.forEach((shelfIx, row) => {
      const shelf = this.shop.shelves[shelfIx];
      for (const laneIx of shelf.lanes) {
        const lane = this.shop.lanes[laneIx];
        const l = Math.max(0, (shelf.x_m + lane.x_m) / fixture.width_m);
        const r = Math.min(1, (shelf.x_m + lane.x_m + lane.width_m) / fixture.width_m);
        const [k0, k1] = [(row + 0.06) / n, (row + 0.94) / n];
        const corner = (k, s) => mix(mix(a, d, k), mix(b, c, k), s);
        const cell = svg("polygon", { points: points([corner(k0, l), corner(k0, r), corner(k1, r), corner(k1, l)]), fill: fillColour(null) });
        root.append(cell);
        this.lanes[laneIx] = cell;
      }
    });
    const hit = svg("polygon", { class: "hit", points: points(fixture.corners), tabindex: 0 }, svg("title", {}, fixture.name));
    hit.addEventListener("click", () => this.choose(i));
    hit.addEventListener("keydown", (e) => e.key === "Enter" && this.choose(i));
    root.append(hit);
    fixture.hit = hit;
  }

  choose(i) {
    this.chosen = i;
    this.drawElevation();
  }

  // Units of each lane, and the facings that cameras see void or with another product.
  stock(onHand, odd) {
    this.onHand = onHand;
    this.odd = new Map();
    for (const f of odd) this.odd.set(f.lane, [...(this.odd.get(f.lane) ?? []), f]);
    onHand.forEach((units, i) => {
      const cell = this.lanes[i];
      if (!cell) return;
      const colour = fillColour(this.fill(i));
      if (cell.getAttribute("fill") !== colour) cell.setAttribute("fill", colour);
    });
    this.drawElevation();
  }

  fill(laneIx) {
    const lane = this.shop.lanes[laneIx];
    const units = this.onHand[laneIx];
    return units === undefined || !lane.capacity ? null : units / lane.capacity;
  }

  drawElevation() {
    this.shop.fixtures.forEach((f, i) => f.hit.classList.toggle("on", i === this.chosen));
    if (this.chosen === null) return;
    const fixture = this.shop.fixtures[this.chosen];
    const key = `${this.chosen}${document.documentElement.lang}` + fixture.shelves.flatMap((s) => this.shop.shelves[s].lanes.map((l) => `${this.onHand[l]}${(this.odd.get(this.shop.lanes[l].name) ?? []).map((f) => f.verdict + f.facing)}`)).join();
    if (key === this.drawn) return;
    this.drawn = key;
    const boards = [...fixture.shelves].reverse().map((s) => {
      const shelf = this.shop.shelves[s];
      const lanes = shelf.lanes.map((l) => {
        const lane = this.shop.lanes[l];
        const product = this.shop.products[lane.sku];
        const units = this.onHand[l];
        const left = (100 * lane.x_m) / shelf.width_m, width = (100 * lane.width_m) / shelf.width_m;
        const text = `${nameOf(product)}: ${units ?? "–"}/${lane.capacity}`;
        return el("div", { class: "lane", title: text, style: `left:${left}%;width:${width}%;background:${fillColour(this.fill(l))}` },
          el("b", {}, units === undefined ? "–" : count(units)), nameOf(product),
          (this.odd.get(lane.name) ?? []).map((f) => el("i", { class: f.verdict, style: `left:${(100 * (f.facing - 1)) / lane.facings}%;width:${100 / lane.facings}%` })));
      });
      return el("div", { class: "board" }, el("span", { class: "name" }, shelf.name.split("/").pop()), el("div", { class: "lanes" }, lanes));
    });
    this.elevation.replaceChildren(el("h3", {}, fixture.name), ...boards);
  }

  move(people, items) {
    const seen = new Set();
    for (const person of people) {
      seen.add(person.id);
      let g = this.people.get(person.id);
      if (!g) {
        g = svg("g", { class: "person" }, svg("circle", { class: "body", r: 0.19 }), svg("text", { class: "tag" }));
        this.layer.append(g);
        this.people.set(person.id, g);
      }
      const [x, y] = this.at(person.x, person.y);
      g.style.transform = `translate(${x}px, ${y}px)`;
      g.classList.toggle("nobody", !person.session);
      const colour = colourOf(person.session);
      g.firstChild.setAttribute("fill", colour);
      const label = person.session ? String(items.get(person.session) ?? "") : "";
      const tag = g.children[1];
      if (tag.textContent !== label) tag.textContent = label;
      while (g.children.length > 2) g.lastChild.remove();
      for (const [wx, wy] of person.wrists) {
        const [hx, hy] = this.at(wx, wy);
        g.append(svg("circle", { class: "wrist", r: 0.07, cx: hx - x, cy: hy - y, fill: colour }));
      }
    }
    for (const [id, g] of this.people) {
      if (!seen.has(id)) { g.remove(); this.people.delete(id); }
    }
  }

  pulse(shelfName, session) {
    const shelf = this.shop.shelves.find((s) => s.name === shelfName);
    if (!shelf) return;
    const [x, y] = this.at(...shelf.middle);
    const ring = svg("circle", { class: "pulse", cx: x, cy: y, r: 0.1, stroke: colourOf(session) });
    this.layer.append(ring);
    setTimeout(() => ring.remove(), 1300);
  }
}

export const legend = () => [
  el("span", {}, t("fill"), " ", t("low"), el("i", { class: "ramp", style: `background:linear-gradient(90deg,${[0, 0.25, 0.5, 0.75, 1].map(fillColour).join(",")})` }), t("full")),
  el("span", {}, "● ", t("someone")),
  el("span", {}, t("pick")),
];
