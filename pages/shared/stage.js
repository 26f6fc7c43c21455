// The keys of the stage, its list of keys, and links to copy. Read before the script of each
// component that uses it: the lesson's stepper, and pages without steps.
const KEYS = [
  ["→ ←", "next step, step before"],
  ["Page Down, Page Up", "the same; in a deck, the next picture and the one before"],
  ["R", "show the answer, or hide it again"],
  ["T", "show the truth, or hide it"],
  ["N", "new draw"],
  ["F", "free play, and back"],
  ["W", "the words of the step"],
  ["Q", "the room: its code"],
  ["L", "copy a link"],
  ["P", "on the stage, and off"],
  ["↑ ↓", "move the handle, after a press on it"],
  ["Escape", "leave the stage"],
  ["?", "these keys"],
];

// Not where a key means something else: where one types, and in what moves by arrows. On the stage
// that holds only for who came there by keyboard: after a press with the mouse a clicker goes on.
const TYPED = "input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable], [role=listbox], [role=combobox], [role=dialog], [role=menu]";
const MOVED = "input:is([type=range], [type=radio]), [role=slider], [role=tab], [role=radio]";
const STEADY = ["PageDown", "PageUp", "Escape"]; // with letters: of what is moved only [role=slider] heeds them

function keyIsBusy(target, key) {
  const typed = target.closest?.(TYPED);
  const free = window.poolingLabPointed && document.documentElement.classList.contains("pl-stage");
  if (typed) return !(free && typed.matches("[role=combobox][aria-expanded=false]"));
  if (free || !target.closest?.(MOVED)) return false;
  return target.closest("[role=slider]") !== null || !(STEADY.includes(key) || /^[a-z?]$/.test(key));
}

const lettersOff = () => {
  try { return localStorage.getItem("pooling-lab-letters") === "off"; } catch { return false; }
};

// press: does an act by its name; false where there is nothing to do. One component of a page
// has the keys: the last. (Streamlit does not end each of those before it.) They are heard
// before Streamlit's own, R and C.
function listenToKeys(signal, press) {
  window.poolingLabKeys?.abort();
  const mine = (window.poolingLabKeys = new AbortController());
  signal.addEventListener("abort", () => mine.abort());
  const named = {
    ArrowRight: "forward", ArrowLeft: "back", PageDown: "pageDown", PageUp: "pageUp", Escape: "leave", "?": "help",
    r: "reveal", t: "truth", n: "draw", f: "free", w: "words", q: "room", l: "link", p: "stage",
  };
  const pointed = (yes) => () => { window.poolingLabPointed = yes; };
  document.addEventListener("pointerdown", pointed(true), { capture: true, signal: mine.signal });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab") pointed(false)();
    if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const name = named[key];
    const panel = document.querySelector(".pl-panel");
    if (panel) {
      if (key === "Escape") { panel.poolingLabClose(); event.preventDefault(); event.stopPropagation(); }
      return;
    }
    if (name === undefined) return;
    if (key.length === 1 && lettersOff() && !document.documentElement.classList.contains("pl-stage")) return;
    if (keyIsBusy(event.target, key)) return;
    if (press(name) === false) return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true, signal: mine.signal });
}

// Presses in haste wait for their turn: what was pressed is done when all that was pressed
// before it has been answered and drawn, by whichever component the page then has.
// `now` says where the page is, and is another after each answer of the server.
const PATIENCE = 5000; // ms: then the answer does not come any more

function inTurn(now, acts, setTriggerValue) {
  const turn = (window.poolingLabTurn ??= { asked: null, since: 0, presses: [] });
  const waits = () => turn.asked !== null && performance.now() - turn.since < PATIENCE;
  const ask = () => { turn.asked = now; turn.since = performance.now(); };
  const go = (to) => { ask(); setTriggerValue("go", to); };
  const press = (name) => {
    if (waits()) { turn.presses.push(name); return true; }
    return turn.acts[name] ? turn.acts[name]() : false;
  };
  const answered = () => {
    turn.acts = acts;
    if (turn.asked !== null && !waits()) turn.presses = [];
    if (turn.asked !== now) turn.asked = null;
    while (turn.presses.length && !waits()) turn.acts[turn.presses.shift()]?.();
  };
  return { go, ask, press, answered };
}

function onStage(presenting, handle, free) {
  const root = document.documentElement.classList;
  root.remove("pl-bare");
  root.toggle("pl-stage", presenting);
  root.toggle("pl-without-handle", presenting && !handle);
  root.toggle("pl-free-play", presenting && free);
  if (!presenting) root.remove("pl-words-open");
}

// A panel above everything: Escape, its button or a click beside it close it.
function openPanel(name, label, fill, closed) {
  const there = document.querySelector(".pl-panel");
  there?.poolingLabClose();
  if (there?.dataset.name === name) return null;
  const cover = document.createElement("div");
  cover.className = "pl-panel";
  cover.dataset.name = name;
  const back = document.activeElement;
  const box = document.createElement("div");
  box.setAttribute("role", "dialog");
  box.setAttribute("aria-modal", "true");
  box.setAttribute("aria-label", label);
  const heading = document.createElement("h2");
  heading.textContent = label;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "pl-close";
  close.textContent = "Close";
  box.append(heading);
  fill(box);
  box.append(close);
  cover.append(box);
  cover.poolingLabClose = () => { cover.remove(); back?.focus?.({ preventScroll: true }); closed?.(); };
  close.onclick = cover.poolingLabClose;
  cover.addEventListener("click", (event) => event.target === cover && cover.poolingLabClose());
  cover.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || (event.key === "?" && name === "keys")) {
      event.preventDefault();
      event.stopPropagation();
      cover.poolingLabClose();
    }
    if (event.key === "Tab") {
      const stops = [...box.querySelectorAll("button, input, a")];
      const at = stops.indexOf(document.activeElement);
      event.preventDefault();
      stops[(at + (event.shiftKey ? stops.length - 1 : 1)) % stops.length]?.focus();
    }
  });
  document.body.append(cover);
  (box.querySelector("[data-first]") ?? close).focus({ preventScroll: true });
  return cover;
}

function showKeys() {
  openPanel("keys", "Keys", (box) => {
    const list = document.createElement("dl");
    for (const [key, what] of KEYS) {
      const name = document.createElement("dt");
      const says = document.createElement("dd");
      for (const part of key.split(/(, )| (?=[→←↓])/).filter((part) => part && part !== ", ")) {
        const cap = document.createElement("kbd");
        cap.textContent = part;
        name.append(cap);
      }
      says.textContent = what;
      list.append(name, says);
    }
    const label = document.createElement("label");
    const off = document.createElement("input");
    off.type = "checkbox";
    off.checked = lettersOff();
    off.onchange = () => {
      try { localStorage.setItem("pooling-lab-letters", off.checked ? "off" : "on"); } catch { /* kept nowhere */ }
    };
    label.append(off, " Letters are keys on the stage only");
    box.append(list, label);
  });
}

async function copied(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch { /* not on plain http */ }
  const field = document.createElement("textarea");
  field.value = text;
  (document.querySelector(".pl-panel [role=dialog]") ?? document.body).append(field);
  field.select();
  let done = false;
  try { done = document.execCommand("copy"); } catch { /* the reader copies by hand */ }
  field.remove();
  return done;
}

// shared: [{ name, link, code, warning }], made by the server, which draws the codes.
function showLinks(shared, add, closed) {
  const made = openPanel("links", "Copy link", (box) => {
    const row = document.createElement("div");
    row.className = "pl-links";
    shared.forEach(({ name, link, code, warning }, k) => {
      const one = document.createElement("section");
      const title = document.createElement("h3");
      title.textContent = name;
      const picture = document.createElement("div");
      picture.className = "pl-code";
      picture.innerHTML = code;
      const field = document.createElement("input");
      field.readOnly = true;
      field.value = link;
      field.setAttribute("aria-label", name);
      field.onfocus = () => field.select();
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      if (k === 0) button.dataset.first = "";
      button.onclick = async () => {
        button.textContent = (await copied(link)) ? "Copied" : "Select and copy";
        if (button.textContent !== "Copied") field.select();
      };
      const says = document.createElement("p");
      says.textContent = warning;
      one.append(title, picture, field, button, says);
      row.append(one);
    });
    box.append(row);
    if (add) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "pl-add";
      button.textContent = "Add this picture to my deck";
      button.onclick = () => {
        if (button.dataset.done) return;
        button.dataset.done = "yes";
        button.textContent = "Added to my deck";
        add();
      };
      box.append(button);
    }
  }, closed);
  return made;
}

// The windows of one browser tell each other which picture of a deck is on the stage.
const deckChannel = () => (typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("pooling-lab-deck"));

function followDeck(deck, press) {
  window.poolingLabChannel?.close();
  window.poolingLabChannel = deck ? deckChannel() : null;
  const channel = window.poolingLabChannel;
  if (!channel) return;
  const here = { deck: deck.deck, at: deck.at };
  channel.onmessage = ({ data: told }) => {
    if (told.turn && told.deck === deck.deck) press(told.turn > 0 ? "pageDown" : "pageUp");
    if (told.ask === deck.deck) channel.postMessage(here);
  };
  channel.postMessage(here);
}

// Figures differ by a few pixels in height: each is enlarged until it has its share of the screen.
function fitFigure() {
  const root = document.documentElement;
  if (!root.classList.contains("pl-stage")) { root.style.removeProperty("--pl-logical"); return; }
  const picture = document.querySelector(".st-key-picture");
  const embed = picture?.querySelector(".vega-embed");
  if (!embed) return;
  const boxes = [...picture.querySelectorAll("svg.marks, .vega-bind input")].map((part) => part.getBoundingClientRect());
  const zoom = Number(getComputedStyle(embed).zoom) || 1;
  const height = (Math.max(...boxes.map((b) => b.bottom)) - Math.min(...boxes.map((b) => b.top))) / zoom;
  const known = Number(root.style.getPropertyValue("--pl-logical")) || 0;
  if (height > 300 && height < 700 && Math.abs(height - known) > 2) root.style.setProperty("--pl-logical", height.toFixed(0));
}

// The largest type that fits: never below one rem.
function fitWords() {
  const band = document.querySelector(".st-key-words");
  const root = document.documentElement;
  if (!band || !root.classList.contains("pl-stage")) { root.style.removeProperty("--pl-fit"); return; }
  for (const fit of [1.3, 1.2, 1.1, 1, 0.94, 0.88, 0.83, 0.78]) {
    root.style.setProperty("--pl-fit", fit);
    if (band.scrollHeight <= band.clientHeight + 1) return;
  }
}

// The mouse calls the buttons of the stage; they go by themselves.
function wakeOnMove(signal) {
  let asleep = 0;
  document.addEventListener("pointermove", () => {
    document.documentElement.classList.add("pl-awake");
    clearTimeout(asleep);
    asleep = setTimeout(() => document.documentElement.classList.remove("pl-awake"), 2500);
  }, { signal, passive: true });
}
