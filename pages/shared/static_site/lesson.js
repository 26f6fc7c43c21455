// A lesson without a server: the step in view sets the figure, the hand stays the reader's.
(() => {
  const data = JSON.parse(document.getElementById("lesson").textContent);
  const { pool, steps, states, darker } = data;
  const root = document.documentElement;
  const find = (where, within = document) => within.querySelector(where);
  const all = (where, within = document) => [...within.querySelectorAll(where)];

  // Light and dark.
  const prefers = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => root.dataset.theme === "dark";
  const lighter = Object.fromEntries(Object.entries(darker).map(([light, deep]) => [deep, light]));
  const colours = (text, map) => text.replace(/#[0-9A-Fa-f]{6}\b/g, (c) => map[c.toUpperCase()] ?? c);
  const painted = (text) => (dark() ? colours(text, darker) : text);
  const themed = (how) => {
    root.dataset.theme = how ? "dark" : "light";
    find(".theme").setAttribute("aria-pressed", how);
  };
  const kept = (value) => {
    try { return value === undefined ? localStorage.getItem("pooling-lab-theme") : localStorage.setItem("pooling-lab-theme", value); }
    catch { return null; }
  };
  themed((kept() ?? (prefers.matches ? "dark" : "light")) === "dark");
  find(".theme").onclick = () => { themed(!dark()); kept(root.dataset.theme); redraw(); };
  prefers.addEventListener("change", () => { if (!kept()) { themed(prefers.matches); redraw(); } });

  if (!states.length) return;

  // The figure: one view, other tables; another specification is another view.
  const box = find(".figure");
  const picture = box.parentElement;
  const lists = new Map();
  const table = (k) => {
    const { columns, data: rows } = pool[k];
    return rows.map((row) => Object.fromEntries(row.map((value, c) => [columns[c], value])));
  };
  let [view, shown, wanted, busy, dressed] = [null, null, null, false, null];
  let mount = {};
  let loose = null;

  const embed = async (state) => {
    loose?.();
    loose = null;
    mount = {};
    view?.finalize();
    box.replaceChildren(document.createElement("div"));
    box.className = `figure st-key-figure-${state.figure}`;
    dressed = root.dataset.theme;
    const spec = JSON.parse(painted(JSON.stringify(pool[state.spec])));
    spec.datasets = Object.fromEntries(Object.entries(state.tables).map(([name, k]) => [name, table(k)]));
    const made = await vegaEmbed(box.firstChild, spec, {
      actions: false, renderer: "svg", tooltip: { theme: dark() ? "dark" : "custom" }, loader: { http: {} },
    });
    view = made.view;
    try { view.addSignalListener("school", (_, chosen) => pick(chosen?.school?.[0])); } catch { /* no school to pick */ }
  };
  const patch = async (state) => {
    for (const [name, k] of Object.entries(state.tables))
      if (shown.tables[name] !== k) view.data(name, table(k));
    await view.runAsync();
  };
  const words = (state) => {
    find(".legend").innerHTML = painted(pool[state.legend]);
    find(".ends").innerHTML = state.ends === undefined ? "" : pool[state.ends];
    const drawing = find("svg.marks", box);
    drawing?.setAttribute("role", "img");
    drawing?.setAttribute("aria-label", pool[state.alt]);
    all("[role=graphics-document]", box).forEach((part) => part.setAttribute("aria-label", pool[state.alt]));
    picture.classList.toggle("bare", state.handle === undefined || state.bare);
  };
  const follow = (state) => {
    loose?.();
    loose = null;
    if (state.handle === undefined) return;
    const { last, label } = pool[state.handle];
    const texts = Object.fromEntries(Object.entries(state.texts).map(([name, k]) => [name, pool[k]]));
    const spot = find(`#step-${state.step + 1} .pl-hand`) ?? document.createElement("div");
    spot.innerHTML = spot.dataset.html = pool[state.html];
    for (const part of all("[data-live]", spot)) part.textContent = texts[part.dataset.live]?.[state.at] ?? ""; // also of a step only passed by
    mount.querySelector = () => spot;
    loose = hand({
      data: { figure: state.figure, last, at: state.at, place: String(state.step), spoken: pool[state.spoken], label,
              html: pool[state.html], texts, name: "handle", play: false },
      parentElement: mount,
    });
  };
  const draw = async () => {
    if (busy) return;
    busy = true;
    try {
      while (wanted !== shown || dressed !== root.dataset.theme) {
        const state = wanted;
        if (!view || shown?.spec !== state.spec || shown.figure !== state.figure || dressed !== root.dataset.theme) await embed(state);
        else await patch(state);
        shown = state;
        words(state);
        follow(state);
      }
    } finally { busy = false; }
  };
  const redraw = () => wanted && draw();

  // Which step is in view, and how the reader has set it.
  const sections = all(".step");
  const set = steps.map((step) => ({ at: step.controls.map((control) => control.at), answered: false }));
  let active = -1;
  const stateOf = (k) => {
    const step = steps[k];
    if (set[k].answered && step.answered !== undefined) return step.answered;
    if (!step.variants.length) return step.open;
    return step.variants[step.controls.reduce((sum, control, c) => sum * control.values.length + set[k].at[c], 0)];
  };
  const show = (k) => {
    const number = stateOf(k);
    if (number === null) return;
    const state = states[number];
    const text = find(".text", sections[k]);
    if (text && text.dataset.words !== String(state.words) && (text.dataset.words !== undefined || set[k].touched)) {
      text.innerHTML = pool[state.words];
      text.dataset.words = state.words;
    }
    const alt = find(".alt", sections[k]);
    if (alt) alt.textContent = `The figure: ${pool[state.alt]}`;
    wanted = lists.get(`${k} ${number}`) ?? { ...state, step: k };
    lists.set(`${k} ${number}`, wanted);
    draw();
  };
  const activate = (k) => {
    if (k === active) return;
    active = k;
    sections.forEach((section, n) => section.classList.toggle("now", n === k));
    all(".dots a").forEach((dot, n) => (n === k ? dot.setAttribute("aria-current", "step") : dot.removeAttribute("aria-current")));
    show(k);
  };
  const alter = (k, c, value) => {
    set[k].at[c] = value;
    set[k].touched = true;
    all(`[data-control="${c}"]`, sections[k]).forEach((part) => {
      const { values } = steps[k].controls[c];
      if (part.matches("select")) part.value = value;
      if (part.matches("input[type=range]")) { part.value = value; part.setAttribute("aria-valuetext", values[value]); }
      if (part.matches("output")) part.textContent = values[value];
    });
    active = k;
    sections.forEach((section, n) => section.classList.toggle("now", n === k));
    show(k);
  };
  const pick = (school) => {
    const k = active;
    const c = steps[k].controls.findIndex((control) => control.name === "school" || control.name === "county");
    const value = c < 0 ? -1 : steps[k].controls[c].values.indexOf(school);
    if (value >= 0) alter(k, c, value);
  };
  sections.forEach((section, k) => {
    section.addEventListener("focusin", () => activate(k));
    section.addEventListener("pointerdown", () => activate(k));
    all("[data-control]", section).forEach((part) => {
      const c = Number(part.dataset.control);
      const { values } = steps[k].controls[c];
      if (part.matches("select, input[type=range]")) part.addEventListener("input", () => alter(k, c, Number(part.value)));
      if (part.matches("input[type=checkbox]")) part.addEventListener("input", () => alter(k, c, Number(part.checked)));
      if (part.matches("button")) part.addEventListener("click", () => alter(k, c, (set[k].at[c] + Number(part.dataset.by)) % values.length));
    });
    all(".answers details", section).forEach((answer) =>
      answer.addEventListener("toggle", () => {
        if (!answer.open || set[k].answered) return;
        set[k].answered = true;
        active = k;
        show(k);
      }));
  });

  // The line that a step must have passed: below the figure where the figure stands above.
  const line = () => {
    const edge = picture.getBoundingClientRect();
    const above = edge.width > 0.8 * innerWidth;
    return above ? Math.max(edge.bottom, 0) + 0.35 * (innerHeight - Math.max(edge.bottom, 0)) : 0.4 * innerHeight;
  };
  let waiting = false;
  const look = () => {
    waiting = false;
    const bottom = innerHeight + scrollY >= document.documentElement.scrollHeight - 4 && scrollY > 0;
    const at = line();
    let k = 0;
    sections.forEach((section, n) => { if (section.getBoundingClientRect().top <= at) k = n; });
    const after = find(".after");
    const ended = after && after.getBoundingClientRect().top > innerHeight;
    activate(bottom && !ended && !after ? sections.length - 1 : k);
  };
  const glance = () => { if (!waiting) { waiting = true; requestAnimationFrame(look); } };
  if (sections.length) {
    addEventListener("scroll", glance, { passive: true });
    addEventListener("resize", glance);
    look();
  }
  const go = (k) => {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const y = sections[k].getBoundingClientRect().top + scrollY - line() + 30;
    scrollTo({ top: k ? y : 0, behavior: still ? "auto" : "smooth" });
  };
  all(".dots a").forEach((dot, k) => dot.addEventListener("click", (event) => { event.preventDefault(); go(k); find("h2", sections[k])?.focus({ preventScroll: true }); }));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest?.("input, select, textarea, summary")) return;
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by && sections[active + by]) { event.preventDefault(); go(active + by); }
  });

  // Saved and printed as it stands; paper is white.
  const bar = find(".saving");
  if (bar) {
    const saving = () => save({
      data: { figure: shown.figure, name: data.slug, paper: painted("#FFFFFF"), ink: painted("#22262B") }, parentElement: bar,
    });
    all("button", bar).forEach((button) => button.addEventListener("pointerdown", saving));
    all("button", bar).forEach((button) => button.addEventListener("focus", saving));
  }
  const repaint = (map) => {
    for (const part of all("svg.marks *", box))
      for (const name of ["fill", "stroke"]) {
        const colour = part.getAttribute(name);
        if (colour && map[colour.toUpperCase()]) part.setAttribute(name, map[colour.toUpperCase()]);
      }
    const legend = find(".legend");
    if (shown) legend.innerHTML = map === lighter ? pool[shown.legend] : painted(pool[shown.legend]);
  };
  addEventListener("beforeprint", () => dark() && repaint(lighter));
  addEventListener("afterprint", () => dark() && repaint(darker));
})();
