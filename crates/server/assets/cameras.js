// Live camera views: the newest picture of each camera, with what was found in it drawn over; cameras that are down, too.
import { colourOf, el, t } from "./text.js";

// A camera's picture is fetched this often at most, milliseconds.
const EVERY = 180;

export class Cameras {
  constructor(card, list, link) {
    this.card = card;
    this.list = list;
    this.link = link;
    this.views = new Map();
    this.message = null;
    // What is scrolled out of sight costs nothing.
    this.watcher = new IntersectionObserver((entries) => {
      for (const e of entries) for (const view of this.views.values()) if (view.node === e.target) view.seen = e.isIntersecting;
    });
  }

  // One message: every camera that sends pictures or should, with heads, hands and tracks as shares of the picture.
  show(message) {
    this.message = message;
    this.card.hidden = this.link.hidden = message.cameras.length === 0;
    for (const camera of message.cameras) {
      const view = this.views.get(camera.name) ?? this.add(camera);
      view.told = camera;
      this.label(view);
      this.next(view);
    }
  }

  // The same in another language.
  relabel() {
    if (this.message) this.show(this.message);
  }

  label(view) {
    const { told, state, error } = view;
    const down = told.health !== "good" ? told.health : told.pictures > 0 && !told.live ? "silent" : null;
    const [key, cls] = down ? [`camera_${down}`, "bad"]
      : told.off_deg ? ["camera_off", "bad"]
      : this.message.simulated ? ["camera_simulated", "warn"] : ["camera_live", "good"];
    state.textContent = t(key) + (key === "camera_off" ? ` ${told.off_deg.toFixed(1)}°` : "");
    state.className = `chip ${cls}`;
    view.node.classList.toggle("down", Boolean(down));
    view.down = down;
    const said = told.error ?? "";
    if (error.textContent !== said) error.textContent = error.title = said;
  }

  add(camera) {
    const canvas = el("canvas", { width: 640, height: Math.round((640 * camera.height_px) / camera.width_px), role: "img", "aria-label": camera.name });
    const state = el("span", { class: "chip" });
    const error = el("span", { class: "error" });
    const node = el("figure", { class: "camera" }, canvas, el("figcaption", {}, el("b", {}, camera.name), state, error));
    const view = { node, canvas, state, error, picture: null, shown: -1, at: 0, busy: false, seen: true, down: null };
    this.list.append(node);
    this.views.set(camera.name, view);
    this.watcher.observe(node);
    return view;
  }

  // Fetches the newest picture unless one is under way: a slow page skips pictures and does not queue them. What was found
  // is drawn with the picture that was the newest when it was told.
  next(view) {
    const told = view.told;
    if (!view.seen || view.busy) return;
    if (told.pictures === 0 || view.shown === told.pictures) return this.draw(view, told);
    if (performance.now() - view.at < EVERY) return;
    view.busy = true;
    view.at = performance.now();
    const picture = new Image();
    picture.onload = () => { view.picture = picture; view.shown = told.pictures; view.busy = false; this.draw(view, told); };
    picture.onerror = () => { view.busy = false; };
    picture.src = `/api/v1/cameras/${encodeURIComponent(told.name)}/picture?n=${told.pictures}`;
  }

  draw(view, told) {
    const { canvas, picture } = view;
    const pen = canvas.getContext("2d");
    const [w, h] = [canvas.width, canvas.height];
    pen.globalAlpha = 1;
    pen.fillStyle = "#10161a";
    pen.fillRect(0, 0, w, h);
    // The picture keeps its own shape, whatever the calibration's is.
    if (picture) {
      const scale = Math.min(w / picture.naturalWidth, h / picture.naturalHeight);
      const [pw, ph] = [picture.naturalWidth * scale, picture.naturalHeight * scale];
      pen.globalAlpha = view.down ? 0.35 : 1;
      pen.drawImage(picture, (w - pw) / 2, (h - ph) / 2, pw, ph);
      pen.globalAlpha = 1;
    }
    if (view.down) return this.note(pen, w, h, t(`camera_${view.down}`), "#ffb4ab");
    if (!picture) this.note(pen, w, h, t("no_picture"), "#9ca8b1");
    pen.lineWidth = 2;
    for (const [u, v, r, score] of told.heads) {
      pen.beginPath();
      pen.arc(u * w, v * h, Math.max(4, r * w), 0, 2 * Math.PI);
      // A dark rim, or it would not show on a white wall.
      for (const [colour, wide] of [["rgba(0, 0, 0, 0.45)", 4], [`rgba(255, 214, 64, ${0.35 + 0.65 * score})`, 2]]) {
        pen.strokeStyle = colour;
        pen.lineWidth = wide;
        pen.stroke();
      }
    }
    // A doubtful hand is faint.
    for (const [u, v, score] of told.hands) {
      pen.fillStyle = `rgba(75, 227, 255, ${Math.min(1, 0.1 + score)})`;
      pen.fillRect(u * w - 3, v * h - 3, 6, 6);
    }
    for (const track of told.tracks) this.track(pen, w, h, track);
    const labels = [];
    for (const track of told.tracks) this.name(pen, w, h, track, labels);
  }

  note(pen, w, h, text, colour) {
    pen.font = "600 22px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.fillStyle = colour;
    pen.fillText(text, w / 2, h / 2);
    pen.textAlign = "start";
  }

  track(pen, w, h, track) {
    pen.strokeStyle = this.colour(track);
    pen.beginPath();
    pen.moveTo(track.head[0] * w, track.head[1] * h);
    pen.lineTo(track.foot[0] * w, track.foot[1] * h);
    pen.stroke();
    for (const [u, v] of track.wrists) {
      pen.beginPath();
      pen.arc(u * w, v * h, 5, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  colour(track) {
    return track.session ? colourOf(track.session) : "#6b7780";
  }

  // Inside the picture, and not over another's.
  name(pen, w, h, track, labels) {
    const [hu, hv] = [track.head[0] * w, track.head[1] * h];
    pen.font = "600 15px system-ui, sans-serif";
    const label = track.session ? `${track.id} ${track.session}` : String(track.id);
    const wide = pen.measureText(label).width + 10;
    const x = Math.min(Math.max(hu - wide / 2, 2), w - wide - 2);
    let y = Math.max(hv - 36, 2);
    while (labels.some(([lx, ly, lw]) => Math.abs(ly - y) < 21 && x < lx + lw && lx < x + wide) && y < h - 21) y += 21;
    labels.push([x, y, wide]);
    pen.fillStyle = this.colour(track);
    pen.fillRect(x, y, wide, 20);
    pen.fillStyle = "#fff";
    pen.fillText(label, x + 5, y + 15);
  }
}
