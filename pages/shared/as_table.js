// A figure as tables: cells that the handle moves read it. All text is text, never markup.
export default function ({ data, parentElement }) {
  const { figure, label, spoken, rest, tables } = data;
  const box = parentElement.querySelector(".pl-tables");
  const moving = [];
  const made = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text ?? "", ...more });
  const cell = (tag, says, more) => {
    const made_ = made(tag, Array.isArray(says) ? "" : says, more);
    if (Array.isArray(says)) moving.push([made_, says]);
    return made_;
  };
  const where = made("p", "", { className: "pl-where" });
  const drawn = tables.map(({ title, heads, rows }) => {
    const table = made("table");
    table.append(made("caption", title));
    const head = table.createTHead().insertRow();
    for (const name of heads) head.append(made("th", name, { scope: "col" }));
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      row.forEach((says, k) => line.append(k === 0 && row.length > 1 ? cell("th", says, { scope: "row" }) : cell("td", says)));
    }
    const frame = made("div", "", { className: "pl-table", tabIndex: 0 });
    frame.setAttribute("role", "region");
    frame.setAttribute("aria-label", title);
    frame.append(table);
    return frame;
  });
  const kept = [...box.querySelectorAll(".pl-table")].map((frame) => frame.scrollTop);
  box.replaceChildren(...(spoken.length ? [where] : []), ...drawn);
  drawn.forEach((frame, k) => { frame.scrollTop = kept[k] ?? 0; });

  const input = () => document.querySelector(`.st-key-figure-${figure} .vega-bind input`);
  const tell = () => {
    const handle = figure && input();
    const step = handle ? Number(handle.value) : rest;
    where.textContent = `${label}: ${spoken[step] ?? ""}`;
    for (const [spot, texts] of moving) {
      const says = texts[Math.min(step, texts.length - 1)];
      if (spot.textContent !== says) spot.textContent = says;
    }
  };
  tell();
  // hand.js gives the handle its words at every step, by whatever way it moved.
  const watch = new MutationObserver(tell);
  const picture = document.querySelector(".st-key-picture");
  if (picture) watch.observe(picture, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-valuetext"] });
  return () => watch.disconnect();
}
