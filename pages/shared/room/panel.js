// The room on the stage: asks the server itself once a second, so that nothing runs again for it.
const SVG = "http://www.w3.org/2000/svg";

function node(name, attributes, words) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  return made;
}

const plural = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;

export function counted(state) {
  if (!state) return "";
  if (state.phones === 0 && !state.answered) return "no phones yet";
  if (state.kind === "wait") return plural(state.phones, "phone");
  const of = Math.max(state.phones, state.answered);
  return `${state.answered} of ${of} ${state.kind === "draw" ? "have drawn" : "have answered"}`;
}

// How many values fall into each bin; what lies beyond stands in the last.
export function bins(values, { low, high, step }) {
  const out = Array(Math.round((high - low) / step)).fill(0);
  for (const value of values)
    out[Math.min(Math.max(Math.floor((value - low) / step), 0), out.length - 1)] += 1;
  return out;
}

function moments(values) {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const sd = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1));
  return { mean, sd };
}
const written = (value) => (Math.abs(value) < 0.05 ? "0.0" : value.toFixed(1)).replace("-", "−");

// Two histograms over one axis, a square for each phone: above no pooling, below partial pooling.
export function picture(values, study, truth) {
  const width = 1600, height = 720, left = 40, right = 1180, row = 270, base = [300, 620];
  const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" });
  const x = (value) => left + ((value - study.low) / (study.high - study.low)) * (right - left);
  const wide = x(study.low + study.step) - x(study.low);
  const columns = [0, 1].map((k) => bins(values.map((pair) => pair[k]), study));
  const tall = Math.min(wide, row / Math.max(8, ...columns.flat()));
  const said = [];
  columns.forEach((column, k) => {
    const kind = k ? "partial" : "own";
    const gap = Math.min(3, tall / 6);
    column.forEach((count, bin) => {
      for (let n = 0; n < count; n += 1)
        svg.append(node("rect", { class: kind, x: x(study.low + bin * study.step) + gap / 2,
          y: base[k] - (n + 1) * tall + gap / 2, width: wide - gap, height: Math.max(tall - gap, 1) }));
    });
    svg.append(node("line", { class: "axis", x1: left, x2: right, y1: base[k], y2: base[k] }));
    const at = base[k] - row + 60;
    svg.append(node("text", { class: `${kind}-word`, x: right + 40, y: at, "font-size": 38 }, study.names[k]));
    const own = values.map((pair) => pair[k]);
    if (own.length > 1) {
      const { mean, sd } = moments(own);
      const words = `mean ${written(mean)}, SD ${written(sd)}`;
      svg.append(node("text", { x: right + 40, y: at + 52, "font-size": 34 }, words));
      said.push(`${study.names[k]}: ${words}`);
    }
  });
  for (let value = study.low; value <= study.high + 1e-9; value += study.tick)
    svg.append(node("text", { x: x(value), y: base[1] + 38, "font-size": 30, "text-anchor": "middle" }, written(value).replace(".0", "")));
  svg.append(node("text", { x: (left + right) / 2, y: base[1] + 84, "font-size": 32, "text-anchor": "middle" }, study.what));
  if (truth && study.truth !== null) {
    const at = x(study.truth);
    svg.append(
      node("line", { class: "truth", x1: at, x2: at, y1: 30, y2: base[1] }),
      node("path", { class: "truth", d: `M${at} 12 l14 18 l-14 18 l-14 -18z` }),
      node("text", { x: at + 24, y: 40, "font-size": 32 }, `truth ${written(study.truth)}`));
    said.push(`truth ${written(study.truth)}`);
  }
  svg.setAttribute("aria-label", `${plural(values.length, "draw")}. ${said.join(". ")}`);
  return svg;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const memory = (parentElement.poolingLabRoom ??= { truth: true, state: null });
  Object.assign(memory, { data, setTriggerValue, turn: (memory.turn ?? 0) + 1 });
  const turn = memory.turn; // an older run of this function must not draw any more
  const find = (part) => parentElement.querySelector(part);
  const all = (part) => [...parentElement.querySelectorAll(part)];
  const [strip, large, drawn] = [find(".strip"), find(".large"), find(".drawn")];
  const colours = Object.entries(data.colours).map(([name, colour]) => `--room-${name}:${colour}`).join(";");
  for (const part of [strip, large, drawn]) part.style.cssText = colours;

  const spaced = `${data.code.slice(0, 3)} ${data.code.slice(3)}`;
  find(".code b").textContent = spaced;
  find(".typed").textContent = spaced;
  find(".address").textContent = data.address;
  for (const part of all(".where"))
    part.textContent = part.closest(".strip") ? data.address : `${data.address} · ${spaced}`;
  find(".warning").textContent = data.reachable ? "" : "Phones can't reach this address: it is this computer's own. See the guide on deploying.";
  if (memory.qr !== data.qr.path) {
    memory.qr = data.qr.path;
    const side = data.qr.side;
    find(".qr").replaceChildren(node("svg", { viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": `QR code of ${data.link}` }));
    find(".qr svg").append(node("path", { d: data.qr.path, stroke: "#000", "stroke-width": 1, "shape-rendering": "crispEdges" }));
  }
  find(".draw").hidden = !data.study;

  const send = (what) => memory.setTriggerValue("act", what);
  find(".code").onclick = () => large.showModal();
  find(".large .away").onclick = () => large.close();
  find(".drawn .away").onclick = () => send("back");
  find(".draw").onclick = find(".once").onclick = () => send("draw");
  find(".close").onclick = () => send("close");
  find(".drawn .show-truth").onclick = () => { memory.truth = !memory.truth; paint(); };
  // While one of the two is open the keys are its own; Q and the steps stay the stage's.
  window.poolingLabRoomKeys?.abort();
  const keys = (window.poolingLabRoomKeys = new AbortController());
  window.addEventListener("keydown", (event) => {
    if (!(large.open || drawn.open) || event.altKey || event.ctrlKey || event.metaKey) return;
    const key = event.key.toLowerCase();
    if (key === "escape") { if (large.open) large.close(); else send("back"); }
    else if (key === "t" && drawn.open) find(".drawn .show-truth").click();
    else if (!/^[a-z?]$/.test(key) || key === "q") return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { capture: true, signal: keys.signal });
  drawn.oncancel = (event) => { event.preventDefault(); send("back"); };

  if (data.shows && data.shows !== window.poolingLabRoomShown) {
    window.poolingLabRoomShown = data.shows; // each press counts once, also on the next page
    if (large.open) large.close(); else { drawn.close(); large.showModal(); }
  }
  if (data.drawing && !drawn.open) { large.close(); drawn.showModal(); }
  if (!data.drawing && drawn.open) drawn.close();

  // The answers on the stage get the room's tally, by place; of items to sort each its own.
  const beside = (spots, counts) => spots.forEach((spot, k) => {
    const all = counts?.length === spots.length ? counts.reduce((sum, n) => sum + n, 0) : 0;
    if (!all) {
      spot.removeAttribute("data-room");
      spot.style.removeProperty("--room-share");
      return;
    }
    spot.setAttribute("data-room", `${counts[k]} · ${Math.round((100 * counts[k]) / all)}%`);
    spot.style.setProperty("--room-share", `${(100 * counts[k]) / all}%`);
  });
  const said = (counts) => counts.map((n, k) => `${n} said ${data.answers[k]}`).join(", ");
  const tally = (state) => {
    const shown = (data.revealed && state?.tally) || null;
    const within = (where, what) => [...where.querySelectorAll(what)];
    const sorts = state?.kind === "sort";
    beside(within(document, ".st-key-answers [class*='st-key-answer-'] button"), sorts ? null : shown);
    within(document, ".st-key-answers .pl-bins").forEach((item, k) => beside(within(item, "li"), sorts ? shown?.[k] : null));
    if (!shown || !shown.flat().some(Boolean)) return "";
    if (!sorts) return `The room: ${said(shown)}.`;
    return `The room: ${shown.map((counts, k) => `${data.items[k]}: ${said(counts)}`).join("; ")}.`;
  };

  function paint() {
    const { state } = memory;
    for (const part of all(".count")) {
      const words = part.closest(".drawn") && state?.values
        ? `${counted(state)}${state.round > 1 ? ` · ${plural(state.values.length, "draw")} in all` : ""}`
        : counted(part.closest(".large") && state ? { ...state, kind: "wait" } : state);
      if (part.textContent !== words) part.textContent = words;
    }
    const said = tally(state);
    if (find("[role=status]").textContent !== said) find("[role=status]").textContent = said;
    if (!data.drawing || !data.study) return;
    find(".task").textContent = data.study.task;
    find(".drawn .show-truth").hidden = data.study.truth === null;
    find(".drawn .show-truth").setAttribute("aria-pressed", memory.truth);
    const values = state?.values ?? [];
    const now = `${data.study.what} ${values.length} ${memory.truth} ${data.colours.paper}`;
    if (memory.painted === now) return;
    memory.painted = now;
    find(".picture").replaceChildren(picture(values, data.study, memory.truth));
  }

  const api = `${data.base}/room/api/`;
  if (memory.kept !== data.key) {
    memory.kept = data.key;
    fetch(`${api}keep`, { method: "POST", body: JSON.stringify({ key: data.key }), headers: { "Content-Type": "application/json" } })
      .catch(() => { memory.kept = null; });
  }
  const alive = new AbortController();
  let timer = 0;
  async function look() {
    if (turn !== memory.turn) return;
    try {
      const answer = await fetch(`${api}stage`, { headers: { "X-Key": data.key }, cache: "no-store", signal: alive.signal });
      const said = await answer.json();
      if (answer.ok) memory.state = said;
      find(".strip .problem").textContent = answer.ok ? "" : said.error;
    } catch (problem) {
      if (alive.signal.aborted) return;
      find(".strip .problem").textContent = "No connection to the server.";
    }
    if (turn !== memory.turn) return;
    paint();
    timer = setTimeout(() => { if (parentElement.isConnected) look(); }, document.hidden ? 5000 : 1000);
  }
  paint();
  look();
  if (!memory.here) {
    memory.here = true;
    dispatchEvent(new Event("resize")); // the strip takes its place from the words above it
  }
  return () => { alive.abort(); clearTimeout(timer); };
}
