// The way through a lesson: Back, dots, Next, free play, and the keys (see stage.js).
// It also writes the address, says what has changed to a screen reader, and remembers in
// this browser how far the reader has come.
export default function ({ data, parentElement, setTriggerValue }) {
  const { slug, stops, at, free, next, said, address, alternatives, presenting, handle, asks, town, shared, deck, heard, session, given } = data;
  const memory = (parentElement.poolingLabSteps ??= { at: null, said: "" });
  const alive = new AbortController();
  const find = (part) => parentElement.querySelector(part);
  const acts = {};
  const { go, ask, press, answered } = inTurn(`${slug} ${heard}`, acts, setTriggerValue);

  const dots = find(".pl-dots");
  const steps = [...new Map(stops.map((stop, k) => [stop.step, { ...stop, k }]).reverse()).values()].reverse();
  const wanted = steps.map((s) => s.name).join("|");
  if (dots.dataset.names !== wanted) {
    dots.replaceChildren(...steps.map((s) => {
      const item = document.createElement("li");
      const dot = document.createElement("button");
      dot.type = "button";
      dot.title = s.name;
      dot.setAttribute("aria-label", `Step ${s.step + 1}: ${s.name}`);
      dot.addEventListener("click", () => parentElement.poolingLabGo(s.k));
      item.append(dot);
      return item;
    }));
    dots.dataset.names = wanted;
  }
  parentElement.poolingLabGo = go;
  const now = free ? -1 : stops[at].step;
  [...dots.querySelectorAll("button")].forEach((dot, k) => {
    if (k === now) dot.setAttribute("aria-current", "step");
    else dot.removeAttribute("aria-current");
    dot.classList.toggle("pl-past", k < now);
  });
  const [back, forward, play] = [find(".pl-back"), find(".pl-next"), find(".pl-free")];
  back.disabled = free || at === 0;
  forward.textContent = free ? "Back to the steps" : next;
  play.hidden = free;
  const onward = () => {
    const link = document.querySelector(".st-key-next-lesson a");
    if (free || at + 1 < stops.length) go(free ? at : at + 1);
    else if (link) { ask(); link.click(); }
  };
  back.onclick = () => press("back");
  forward.onclick = () => press("onward");
  play.onclick = () => go("free");

  // The stage, links to copy, the keys.
  onStage(presenting, handle, free);
  wakeOnMove(alive.signal);
  const root = document.documentElement.classList;
  const page = (by, otherwise) => (deck ? go({ lead: by }) : otherwise());
  const forwards = () => (free ? false : onward());
  const backwards = () => (free || at === 0 ? false : go(at - 1));
  const panel = find(".pl-present");
  panel.setAttribute("aria-label", presenting ? "Leave the stage" : "Present on the stage");
  panel.title = presenting ? "Leave the stage (P)" : "Present (P)";
  panel.onclick = () => press("stage");
  find(".pl-link").onclick = () => press("link");
  find(".pl-help").onclick = showKeys;
  Object.assign(acts, {
    onward,
    forward: forwards,
    back: backwards,
    pageDown: () => page(1, forwards),
    pageUp: () => page(-1, backwards),
    reveal: asks ? () => go("reveal") : undefined,
    truth: () => go("truth"),
    draw: town ? () => go("draw") : undefined,
    free: () => go(free ? at : "free"),
    words: presenting ? () => { root.toggle("pl-words-open"); } : undefined,
    room: presenting ? () => go("room") : undefined,
    link: () => go({ share: location.href }),
    stage: () => go("stage"),
    leave: presenting ? () => {
      if (root.contains("pl-words-open")) root.remove("pl-words-open");
      else go("stage");
    } : undefined,
    help: showKeys,
  });
  listenToKeys(alive.signal, press);
  const times = shared.times.join(" ");
  if (shared.links.length && memory.shared !== times) showLinks(shared.links, () => go({ add: location.href }));
  memory.shared = times;
  followDeck(deck, press);
  const fit = () => {
    cancelAnimationFrame(memory.fit);
    memory.fit = requestAnimationFrame(() => requestAnimationFrame(() => { fitFigure(); fitWords(); }));
  };
  fit();
  addEventListener("resize", fit, { signal: alive.signal });

  // What is opened below the figure comes into view.
  document.addEventListener("click", ({ target }) => {
    if (!target.closest?.(".st-key-more [data-testid=stButtonGroup]")) return;
    const before = document.querySelector(".st-key-more").offsetHeight;
    const look = (tries) => {
      const box = document.querySelector(".st-key-more");
      if (box && box.offsetHeight > before) {
        const { top, bottom } = box.getBoundingClientRect();
        const by = Math.min(bottom - innerHeight + 24, top - 72);
        if (by > 0) document.querySelector("[data-testid=stMain]").scrollBy({ top: by });
      } else if (tries) setTimeout(look, 150, tries - 1);
    };
    look(20);
  }, { signal: alive.signal, capture: true }); // pills keep a click to themselves

  // The address, in place: the history of the browser is that of pages.
  // A server that was killed knows the address with which the page was opened, and no more: the
  // page brings where it is, and all that was answered or shown in any lesson.
  let lost = window.poolingLabSession !== undefined && window.poolingLabSession !== session;
  window.poolingLabSession = session;
  const known = window.poolingLabGiven ?? {};
  if (!lost) window.poolingLabGiven = given;
  const write = ({ page, names, said }) => {
    const url = new URL(location.href);
    if (url.pathname.split("/").pop() !== page) return;
    const query = new URLSearchParams();
    for (const [name, value] of url.searchParams) if (!names.includes(name)) query.append(name, value);
    // A step without a handle leaves none behind for the next.
    if (!handle && !lost && memory.at !== null && memory.at !== at) query.delete("handle");
    for (const [name, value] of Object.entries(said)) query.set(name, value);
    const same = query.toString() === url.searchParams.toString();
    if (lost && !(same && Object.keys(known).length === 0)) { lost = false; go({ resume: url.search, given: known }); return; }
    if (same) return;
    url.search = query.toString();
    history.replaceState(history.state, "", url);
  };
  write(address);

  if (memory.said !== said) {
    find("[role=status]").textContent = said;
    if (memory.at === at)
      requestAnimationFrame(() => document.querySelector(".st-key-words .st-key-verdict")?.scrollIntoView({ block: "nearest", behavior: "smooth" }));
  }
  memory.said = said;
  // Who came by keyboard or screen reader goes on reading at the new heading.
  document.addEventListener("pointerdown", () => { memory.pointed = true; }, { signal: alive.signal, capture: true });
  document.addEventListener("keydown", () => { memory.pointed = false; }, { signal: alive.signal, capture: true });
  const place = `${at} ${free}`;
  const elsewhere = memory.place && memory.place !== place;
  if (elsewhere && !memory.pointed)
    requestAnimationFrame(() => {
      const heading = document.querySelector(".st-key-words h2");
      if (heading) { heading.tabIndex = -1; heading.focus({ preventScroll: true }); }
    });
  memory.place = place;
  if (elsewhere) {
    document.getElementById("vg-tooltip-element")?.classList.remove("visible");
    document.querySelector(".st-key-words")?.scrollTo({ top: 0 });
    const panel = document.querySelector(".st-key-telling");
    const picture = document.querySelector(".st-key-picture");
    if (panel && picture) {
      // A figure that stays covers what is scrolled under it; at a question it goes with the page.
      const stays = getComputedStyle(picture.closest("[data-testid=stColumn]")).position === "sticky";
      const edge = stays ? picture.getBoundingClientRect().bottom : 56;
      const top = panel.getBoundingClientRect().top;
      if (top < edge) document.querySelector("[data-testid=stMain]")?.scrollBy({ top: top - edge - 8 });
    }
  }
  memory.at = at;

  try {
    const all = JSON.parse(localStorage.getItem("pooling-lab") ?? "{}");
    const step = free ? 0 : stops[at].step + 1;
    const of = steps.length;
    const seen = Math.max(step, all[slug]?.of === of ? all[slug].seen : 0);
    const { [slug]: mine, ...others } = all; // the lesson last read stands last
    if (mine?.seen !== seen || mine.of !== of || Object.keys(all).at(-1) !== slug)
      localStorage.setItem("pooling-lab", JSON.stringify({ ...others, [slug]: { seen, of } }));
  } catch { /* a browser that keeps nothing */ }
  // The figures' text alternatives, from the live numbers; one watcher for the page's life.
  window.poolingLabAlternatives = alternatives;
  const describe = () => {
    if (presenting) fit();
    for (const [key, text] of Object.entries(window.poolingLabAlternatives)) {
      const image = document.querySelector(`.st-key-figure-${key} [role="graphics-document"]`);
      if (image && image.getAttribute("aria-label") !== text) image.setAttribute("aria-label", text);
    }
  };
  describe();
  // Where the figure ran alone, its hand brings both.
  document.addEventListener("pooling-lab-news", ({ detail }) => {
    window.poolingLabAlternatives = detail.alternatives;
    describe();
    write(detail.address);
  }, { signal: alive.signal });
  memory.watch?.disconnect();
  memory.watch = new MutationObserver(describe);
  const picture = document.querySelector(".st-key-picture");
  if (picture) memory.watch.observe(picture, { childList: true, subtree: true });
  // Names of controls are read as they are said, not as they are written: "sigma alpha".
  const aloud = (name) => name.replace(/\$([^$]*)\$/g, (_, tex) => tex.replace(/[\\_{}^]+/g, " ").trim());
  const named = () => {
    for (const part of document.querySelectorAll('.st-key-words [aria-label*="$"]')) part.setAttribute("aria-label", aloud(part.getAttribute("aria-label")));
  };
  named();
  memory.naming?.disconnect();
  memory.naming = new MutationObserver(named);
  const words = document.querySelector(".st-key-telling");
  if (words) memory.naming.observe(words, { childList: true, subtree: true });
  answered();
  return () => alive.abort();
}
