// Live camera views: the newest picture of each camera, with what was found in it drawn over.
import { colourOf, el, t } from "./text.js";

export class Cameras {
  constructor(card, list) {
    this.card = card;
    this.list = list;
    this.views = new Map();
  }

  // One message: every camera that has sent a picture, with heads, hands and tracks as shares of the picture.
  show(message) {
    this.card.hidden = message.cameras.length === 0;
    for (const camera of message.cameras) {
      const view = this.views.get(camera.name) ?? this.add(camera);
      view.told = camera;
      view.simulated = message.simulated;
      view.state.textContent = t(camera.live ? (message.simulated ? "camera_simulated" : "camera_live") : "camera_silent");
      view.state.className = `chip ${camera.live ? (message.simulated ? "warn" : "good") : "bad"}`;
      this.next(view);
    }
  }

  add(camera) {
    const canvas = el("canvas", { width: 640, height: Math.round((640 * camera.height_px) / camera.width_px) });
    const state = el("span", { class: "chip" });
    const node = el("figure", { class: "camera" }, canvas, el("figcaption", {}, el("b", {}, camera.name), " ", state));
    const view = { canvas, state, picture: null, shown: -1, busy: false };
    this.list.append(node);
    this.views.set(camera.name, view);
    return view;
  }

  // Fetches the newest picture unless one is under way: a slow page skips pictures and does not queue them.
  next(view) {
    if (view.busy || view.shown === view.told.pictures) return this.draw(view);
    view.busy = true;
    const told = view.told;
    const picture = new Image();
    picture.onload = () => { view.picture = picture; view.shown = told.pictures; view.busy = false; this.draw(view); };
    picture.onerror = () => { view.busy = false; };
    picture.src = `/api/v1/cameras/${encodeURIComponent(told.name)}/picture?n=${told.pictures}`;
  }

  draw(view) {
    const { canvas, picture, told } = view;
    const pen = canvas.getContext("2d");
    const [w, h] = [canvas.width, canvas.height];
    if (picture) pen.drawImage(picture, 0, 0, w, h);
    pen.lineWidth = 2;
    pen.font = "600 14px system-ui, sans-serif";
    for (const [u, v, r, score] of told.heads) {
      pen.strokeStyle = `rgba(255, 214, 64, ${0.35 + 0.65 * score})`;
      pen.beginPath();
      pen.arc(u * w, v * h, Math.max(4, r * w), 0, 2 * Math.PI);
      pen.stroke();
    }
    pen.fillStyle = "#4be3ff";
    for (const [u, v] of told.hands) {
      pen.fillRect(u * w - 3, v * h - 3, 6, 6);
    }
    for (const track of told.tracks) {
      const colour = track.session ? colourOf(track.session) : "#9aa4ad";
      const [hu, hv] = [track.head[0] * w, track.head[1] * h];
      pen.strokeStyle = colour;
      pen.beginPath();
      pen.moveTo(hu, hv);
      pen.lineTo(track.foot[0] * w, track.foot[1] * h);
      pen.stroke();
      for (const [u, v] of track.wrists) {
        pen.beginPath();
        pen.arc(u * w, v * h, 5, 0, 2 * Math.PI);
        pen.stroke();
      }
      const label = track.session ? `${track.id} ${track.session}` : String(track.id);
      const wide = pen.measureText(label).width + 10;
      pen.fillStyle = colour;
      pen.fillRect(hu - wide / 2, hv - 34, wide, 19);
      pen.fillStyle = "#fff";
      pen.fillText(label, hu - wide / 2 + 5, hv - 20);
    }
  }
}
