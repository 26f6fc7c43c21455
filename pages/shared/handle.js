// Keeps the place of a figure's handle in the address, and the thumb where the picture is.
// The handle itself belongs to the chart: the chart redraws without this file.
export default function ({ data }) {
  const { figure, rest, last, name, play } = data;
  const input = () => document.querySelector(`.st-key-${figure} .vega-bind input`);
  const asked = () => new URL(location.href).searchParams.get(name);
  const alive = new AbortController();
  let drawn = null;

  const remember = (step) => {
    const url = new URL(location.href);
    if (step === null) url.searchParams.delete(name);
    else url.searchParams.set(name, step);
    history.replaceState(history.state, "", url);
  };
  const move = (step) => {
    const handle = input();
    if (!handle) return;
    handle.value = step;
    handle.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const settle = () => {
    const handle = input();
    if (!handle) return;
    const step = asked() === null ? NaN : Number(asked());
    if (asked() !== null && Number.isInteger(step) && step >= 0 && step <= last) {
      if (handle !== drawn || Number(handle.value) !== step) move(step);
    } else handle.value = rest;
    drawn = handle;
  };
  const touched = (event) => event.target.closest && event.target.closest(`.st-key-${figure}`);
  const listen = (type, act) =>
    document.addEventListener(type, (e) => touched(e) && act(e), { signal: alive.signal, passive: true });

  // On a slow first load Vega sets the thumb once more, after it has drawn.
  let playing = 0;
  let held = false;
  const settleAgain = () => {
    held = false;
    settle();
    for (const wait of [60, 300, 1000, 2500])
      setTimeout(() => held || playing || alive.signal.aborted || settle(), wait);
  };
  listen("input", (e) => e.isTrusted && e.target === input() && remember(input().value));
  listen("pointerup", () => setTimeout(() => {
    const handle = input();
    if (handle && Number(handle.value) !== rest) remember(handle.value);
  }, 0));
  listen("dblclick", () => setTimeout(() => { remember(null); settle(); }, 0));
  const hold = () => { held = true; cancelAnimationFrame(playing); };
  listen("pointerdown", hold);
  listen("keydown", hold);

  const watch = new MutationObserver(() => input() !== drawn && settleAgain());
  const box = document.querySelector(`.st-key-${figure}`);
  if (box) watch.observe(box, { childList: true, subtree: true });
  settleAgain();

  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (play && !still && asked() === null && !window.poolingLabPlayed) {
    window.poolingLabPlayed = true;
    const path = [[0, last], [900, last], [3300, 0], [3900, 0], [5200, rest]];
    const begin = performance.now() + 500;
    const frame = (now) => {
      const t = now - begin;
      const k = path.findIndex(([at]) => at > t);
      if (k < 0) return move(rest);
      if (k > 0) {
        const [[t0, s0], [t1, s1]] = [path[k - 1], path[k]];
        const w = (t - t0) / (t1 - t0);
        move(Math.round(s0 + (s1 - s0) * w * w * (3 - 2 * w)));
      }
      playing = requestAnimationFrame(frame);
    };
    playing = requestAnimationFrame(frame);
  }
  return () => { alive.abort(); watch.disconnect(); cancelAnimationFrame(playing); };
}
