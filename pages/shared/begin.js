// The way in: to the first lesson, or on where the reader was; and, beside each lesson of
// the contents, how far the reader has come. Only this browser knows.
export function progress(kept, lessons) {
  let all = {};
  try { all = JSON.parse(kept ?? "{}") ?? {}; } catch { /* not ours */ }
  const known = {};
  for (const slug of Object.keys(all)) {
    const { seen, of } = all[slug] ?? {};
    const right = Number.isInteger(seen) && Number.isInteger(of) && of > 0 && seen >= 0;
    if (right && lessons.some((lesson) => lesson.slug === slug)) known[slug] = { seen: Math.min(seen, of), of };
  }
  return known;
}

// Where to go: the lesson last read, or the one that follows it where that was read to its end.
export function where(known, lessons) {
  const order = lessons.map((lesson) => lesson.slug);
  const done = (slug) => known[slug] && known[slug].seen === known[slug].of;
  const last = Object.keys(known).at(-1);
  if (last === undefined) return { slug: order[0], step: 1, first: true };
  if (!done(last)) return { slug: last, step: Math.max(1, known[last].seen) };
  const at = order.indexOf(last);
  const next = [...order.slice(at + 1), ...order.slice(0, at)].find((slug) => !done(slug));
  if (next === undefined) return { slug: order[0], step: 1, over: true };
  return { slug: next, step: Math.max(1, known[next]?.seen ?? 1) };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const { lessons } = data;
  let kept = null;
  try { kept = localStorage.getItem("pooling-lab"); } catch { /* a browser that keeps nothing */ }
  const known = progress(kept, lessons);
  const to = where(known, lessons);
  const question = lessons.find((lesson) => lesson.slug === to.slug).question;
  const button = parentElement.querySelector("button");
  button.querySelector("strong").textContent =
    to.first ? "Start with the first lesson" : to.over ? "Read it once more" : "Go on where you were";
  button.querySelector(".pl-begin-what").textContent = to.step > 1 ? `${question} Step ${to.step}` : question;
  button.onclick = () => setTriggerValue("go", { slug: to.slug, step: to.step });
  const done = Object.values(known).filter(({ seen, of }) => seen === of).length;
  parentElement.querySelector("p").textContent =
    to.first ? "Ten minutes a lesson. No sign-in; this browser remembers how far you came."
    : `${done} of ${lessons.length} lessons read to the end.`;

  const mark = () => {
    for (const link of document.querySelectorAll(".st-key-contents a")) {
      const slug = new URL(link.href).pathname.split("/").pop();
      const mine = known[slug];
      const said = !mine || !mine.seen ? "" : mine.seen === mine.of ? "✓ read" : `step ${mine.seen} of ${mine.of}`;
      if (said && link.dataset.done !== said) link.dataset.done = said;
      if (!to.first && slug === to.slug && link.dataset.here !== "yes") link.dataset.here = "yes";
    }
  };
  mark();
  const watch = new MutationObserver(mark);
  watch.observe(document.querySelector("[data-testid=stMain]") ?? document.body, { childList: true, subtree: true });
  return () => watch.disconnect();
}
