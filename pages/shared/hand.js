// The reader's hand on a figure: the words that read it, its name for a screen reader, its
// place in the address, and its glide to where a step wants it. The handle itself belongs
// to the chart, which redraws without this file and without a message to the server.
export default function ({ data, parentElement }) {
  const { figure, last, at, rest, place, spoken, label, html, texts, name, play, news, session } = data;
  const memory = (parentElement.poolingLabHand ??= { place: null, at: null, drawn: null, frame: 0 });
  const box = () => document.querySelector(`.st-key-figure-${figure}`);
  const input = () => box()?.querySelector(".vega-bind input");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const alive = new AbortController();
  memory.end?.(); // an earlier run may still listen, with the words of earlier data

  const words = parentElement.querySelector(".pl-hand") ?? parentElement;
  if (words.dataset.html !== html) { words.innerHTML = html; words.dataset.html = html; }
  const live = [...words.querySelectorAll("[data-live]")].map((spot) => [spot, texts[spot.dataset.live]]);
  const tell = (step) => {
    for (const [spot, says] of live) if (says && spot.textContent !== says[step]) spot.textContent = says[step];
    const handle = input();
    if (!handle) return;
    handle.setAttribute("aria-valuetext", spoken[step] ?? String(step));
    handle.setAttribute("aria-label", label);
  };
  const asked = () => {
    const said = new URL(location.href).searchParams.get(name);
    const step = said === null ? NaN : Number(said);
    return Number.isInteger(step) && step >= 0 && step <= last ? step : null;
  };
  const remember = (step) => {
    const url = new URL(location.href);
    if (step === null) url.searchParams.delete(name);
    else url.searchParams.set(name, step);
    try { history.replaceState(history.state, "", url); } catch { /* a page opened from disk has no address to write */ }
  };
  // While the handle moves, marks follow it at once; else they glide (see style.css).
  const hold = () => {
    box()?.classList.add("pl-held");
    clearTimeout(memory.loose);
    memory.loose = setTimeout(() => box()?.classList.remove("pl-held"), 250);
  };
  // Until it is moved, a figure shows its place of rest by itself: only the thumb goes there.
  // Drawn anew, it may come back with the place it had: so what has been moved once is moved.
  const moved = (window.poolingLabMoved ??= new Set());
  const untouched = (step) => step === rest && !moved.has(figure);
  const move = (step) => {
    const handle = input();
    if (!handle) return;
    if (untouched(step)) handle.value = step;
    else if (Number(handle.value) !== step || !handle.dataset.set) {
      handle.dataset.set = "yes";
      moved.add(figure);
      handle.value = step;
      handle.dispatchEvent(new Event("input", { bubbles: true }));
    }
    tell(step);
  };
  const glide = (from, to, wait = 350) => {
    cancelAnimationFrame(memory.frame);
    if (still || from === to || untouched(to)) return move(to);
    const begin = performance.now() + wait;
    const length = 500 + 700 * Math.abs(to - from) / last;
    const draw = (now) => {
      const t = Math.min(1, Math.max(0, (now - begin) / length));
      if (t > 0) { hold(); move(Math.round(from + (to - from) * t * t * (3 - 2 * t))); }
      memory.frame = t < 1 ? requestAnimationFrame(draw) : 0;
    };
    memory.frame = requestAnimationFrame(draw);
  };

  // On a slow first load Vega sets the thumb once more, after it has drawn.
  const settle = (target) => {
    memory.drawn = input();
    if (!memory.drawn) return;
    delete memory.drawn.dataset.set;
    memory.now = target;
    move(target);
    for (const wait of [60, 300, 1000, 2500])
      setTimeout(() => {
        if (alive.signal.aborted || memory.frame || memory.drawn !== input()) return;
        if (Number(memory.drawn.value) !== memory.now) { delete memory.drawn.dataset.set; move(memory.now); }
      }, wait);
  };
  const start = () => asked() ?? at;

  if (news) document.dispatchEvent(new CustomEvent("pooling-lab-news", { detail: news }));
  // Another session has lost the reader's place; the stepper brings it back, and this waits.
  if (memory.session !== undefined && memory.session !== session) memory.waits = performance.now() + 8000;
  if (memory.place === place) memory.waits = 0;
  const lost = memory.waits > performance.now();
  memory.session = session;
  if (memory.place === null) settle(start());
  else if (lost) tell(Number(input()?.value ?? at));
  else if (memory.place === place && memory.at === memory.rest && at === rest && asked() !== null)
    tell(Number(input()?.value ?? at)); // new data: the handle stays where the reader put it
  else if (memory.place !== place || memory.at !== at) {
    const from = Number(input()?.value ?? at);
    if (memory.place !== place) remember(null);
    memory.now = at;
    glide(from, at);
  } else tell(Number(input()?.value ?? at));
  if (!lost) Object.assign(memory, { place, at, rest });

  const touched = (event) => event.target.closest?.(`.st-key-figure-${figure}`);
  const listen = (type, act) =>
    document.addEventListener(type, (event) => touched(event) && act(event), { signal: alive.signal, passive: true });
  const mine = (event) => event.target === input();
  listen("input", (event) => {
    if (!mine(event)) return;
    memory.now = Number(input().value);
    tell(memory.now);
    if (event.isTrusted) { hold(); input().dataset.set = "yes"; moved.add(figure); remember(memory.now); }
  });
  const stop = () => { cancelAnimationFrame(memory.frame); memory.frame = 0; };
  const takeOver = () => { stop(); memory.show?.forEach(clearTimeout); };
  listen("pointerdown", () => { takeOver(); hold(); });
  listen("pointermove", (event) => event.buttons && (hold(), follow()));
  listen("keydown", takeOver);
  // Dragging in the figure itself moves the handle without an event of the browser's.
  const follow = () => requestAnimationFrame(() => {
    const handle = input();
    if (!handle || Number(handle.value) === memory.now) return;
    memory.now = Number(handle.value);
    handle.dataset.set = "yes";
    moved.add(figure);
    tell(memory.now);
    remember(memory.now);
  });
  listen("pointerup", follow);
  listen("click", follow);
  listen("dblclick", () => setTimeout(() => { remember(null); glide(Number(input()?.value ?? at), at, 0); }, 0));

  const watch = new MutationObserver(() => input() && input() !== memory.drawn && settle(memory.now ?? start()));
  const root = box()?.closest(".st-key-picture") ?? box() ?? document.body;
  watch.observe(root, { childList: true, subtree: true });

  if (play && !still && asked() === null && !window.poolingLabPlayed) {
    window.poolingLabPlayed = true;
    const show = (wait, from, to, first) => setTimeout(() => glide(from, to, first), wait);
    memory.show = [show(400, at, last, 350), show(2600, last, 0, 0), show(4700, 0, at, 0)];
  }
  memory.end = () => { alive.abort(); watch.disconnect(); };
  return () => { memory.end(); stop(); };
}
