// The phone's page: asks the room what to show, and answers. All words are put in as text.
"use strict";
(() => {
  const KEEP = "pooling-lab-room";
  const at = location.pathname.indexOf("/room");
  const api = location.pathname.slice(0, at) + "/room/api/";
  const $ = (id) => document.getElementById(id);
  const parts = ["join", "wait", "poll", "draw", "closed"];
  const me = { code: "", token: "" };
  let seen = { version: 0 };
  let shown = "";
  let failed = 0;
  let timer = 0;
  let sending = 0;

  // What this phone remembers: the code of its room and its own random token.
  const recall = () => {
    try { return JSON.parse(localStorage.getItem(KEEP) ?? "{}") ?? {}; } catch { return {}; }
  };
  const remember = () => {
    try { localStorage.setItem(KEEP, JSON.stringify(me)); } catch { /* only until it is reloaded */ }
  };

  async function ask(path, content) {
    const options = content === undefined
      ? { headers: { "X-Phone": me.token } }
      : { method: "POST", body: JSON.stringify(content), headers: { "Content-Type": "application/json" } };
    const answer = await fetch(api + path, { ...options, cache: "no-store", signal: AbortSignal.timeout(8000) });
    const said = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(said.error), { status: answer.status });
    return said;
  }

  // Words, from pieces of text with a style
  function words(runs) {
    const out = document.createDocumentFragment();
    for (const [text, style] of runs) {
      const name = { b: "strong", i: "i", sub: "sub" }[style];
      if (!name) { out.append(text); continue; }
      const element = document.createElement(name);
      element.textContent = text;
      out.append(element);
    }
    return out;
  }
  const plain = (runs) => runs.map(([text]) => text).join("");
  const make = (name, className, ...inside) => {
    const element = document.createElement(name);
    element.className = className;
    element.append(...inside);
    return element;
  };
  const live = (text) => { if ($("live").textContent !== text) $("live").textContent = text; };

  function show(part) {
    for (const name of parts) $(name).hidden = name !== part;
    const spaced = me.code ? `Room ${me.code.slice(0, 3)} ${me.code.slice(3)}` : "";
    $("where").textContent = part === "join" || part === "closed" ? "" : spaced;
    shown = part;
  }

  // A question, or items to sort: each with a part of its own, named `question.number`.
  const item = (part) => Number(part.split(".")[1]);
  const of = (state, name, part) => (state.kind === "sort" ? state[name]?.[item(part)] : state[name]);
  const rows = () => [...$("answers").querySelectorAll("input")].map((input) =>
    ({ input, row: input.parentElement, part: input.name, choice: Number(input.value) }));

  function poll(state) {
    const fresh = shown !== "poll" || seen.name !== state.name;
    if (fresh) {
      document.querySelector("legend h1").replaceChildren(words(state.text));
      $("answers").replaceChildren(...(state.kind === "sort" ? state.items.map((runs, k) => toSort(state, runs, k))
        : state.answers.map((runs, k) => answer(runs, k, state.name))));
    }
    show("poll");
    $("poll").classList.toggle("over", state.revealed);
    for (const { input, row, part, choice } of rows()) {
      if (!sending) input.checked = of(state, "mine", part) === choice;
      input.disabled = state.revealed;
      row.querySelectorAll(".note, .bar, .share").forEach((old) => old.remove());
      row.classList.toggle("right", state.revealed && of(state, "right", part) === choice);
      if (state.revealed) tally(row, of(state, "tally", part), choice, of(state, "right", part), of(state, "mine", part));
    }
    verdict(state, fresh);
  }

  function answer(runs, k, part) {
    const input = Object.assign(document.createElement("input"), { type: "radio", name: part, value: k });
    input.addEventListener("change", () => choose(part, k));
    return make("label", "answer", input, make("span", "", words(runs)));
  }

  function toSort(state, runs, k) {
    const legend = make("legend", "", words(runs));
    return make("fieldset", "item", legend, ...state.bins.map((bin, b) => answer(bin, b, `${state.name}.${k}`)));
  }

  function tally(row, counts, k, right, mine) {
    const all = counts.reduce((sum, n) => sum + n, 0);
    const share = all ? counts[k] / all : 0;
    row.append(make("span", "share", `${Math.round(100 * share)}%`));
    const note = [right === k ? "✓ This is right." : "", mine === k ? "Your answer." : ""].join(" ").trim();
    if (note) row.append(make("span", "note", note));
    const bar = make("span", "bar", make("span", ""));
    bar.firstChild.style.width = `${100 * share}%`;
    row.append(bar);
  }

  function verdict(state, fresh) {
    const given = $("given");
    if (state.revealed) {
      given.textContent = state.answered === 1 ? "One answer came in." : `${state.answered} answers came in.`;
      live(`The answer is shown. ${state.kind === "sort" ? sorted(state) : chosen(state)}`);
    } else {
      given.textContent = standing(state);
      if (fresh) live(`A question: ${plain(state.text)}`);
    }
  }
  const chosen = (state) => {
    const said = state.mine === null ? "" : state.mine === state.right ? " You had it right." : ` You said: ${plain(state.answers[state.mine])}.`;
    return `Right is: ${plain(state.answers[state.right])}.${said}`;
  };
  const sorted = (state) =>
    `You had ${state.mine.filter((bin, k) => bin === state.right[k]).length} of ${state.items.length} right.`;
  const standing = (state) => {
    if (state.kind !== "sort") return state.mine === null ? "Tap an answer." : "Your answer is in. You can change it until the right one is shown.";
    const left = state.mine.filter((bin) => bin === null).length;
    if (left === state.items.length) return "Tap one for each.";
    return left ? `Still to sort: ${left}.` : "All are in. You can change them until the right ones are shown.";
  };

  const wanted = new Map();
  async function choose(part, k) {
    wanted.set(part, k);
    if (sending) return;
    sending = 1;
    $("given").textContent = "Sending …";
    try {
      while (wanted.size) {
        const [one, choice] = wanted.entries().next().value;
        wanted.delete(one);
        await ask("answer", { ...me, poll: one, choice });
        const mine = seen.kind === "sort" ? seen.mine.map((bin, n) => (n === item(one) ? choice : bin)) : choice;
        if (one.startsWith(seen.name)) seen = { ...seen, mine };
      }
      $("given").textContent = standing(seen);
      live(seen.kind === "sort" ? standing(seen) : "Your answer is in.");
      sending = 0;
    } catch (problem) {
      wanted.clear();
      sending = 0;
      $("given").textContent = problem.status ? problem.message : "It was not sent: no connection. Tap again.";
      live($("given").textContent);
      for (const { input, part, choice } of rows()) input.checked = of(seen, "mine", part) === choice;
      if (problem.status) { seen = { ...seen, version: 0 }; soon(600); }
    }
  }

  // Everyone is a draw
  function draw(state) {
    const fresh = shown !== "draw" || seen.study !== state.study || seen.round !== state.round;
    show("draw");
    if (!fresh) return;
    $("task").textContent = state.task;
    $("go").disabled = false;
    $("go").hidden = false;
    $("mine").hidden = true;
    $("go").textContent = state.round > 1 ? "Draw my town again" : "Draw my town";
    live("Everyone is a draw. Press the button: Draw my town.");
    if (state.mine) take(state);
  }

  async function take(state) {
    $("go").disabled = true;
    try {
      const drawn = await ask("draw", me);
      $("go").hidden = true;
      $("mine").hidden = false;
      const said = drawn.said.map((value, k) => `${state.names[k]} ${value}`).join(", ");
      $("estimates").replaceChildren(make("strong", "", `Your draw: ${said}`), " points.");
      live(`Your draw: ${said} points.`);
      $("picture").replaceChildren(picture(drawn.schools, said));
    } catch (problem) {
      $("go").disabled = false;
      live(problem.status ? problem.message : "No connection. Try again.");
      $("net").textContent = $("live").textContent;
    }
  }

  // Schools in rows: the circle is a school's own mean, the dot is partial pooling.
  function picture(schools, said) {
    const wide = Math.max($("picture").clientWidth, 240);
    const step = schools.length > 10 ? 18 : 26, left = 116, right = wide - 12, top = 8;
    const height = top + step * schools.length + 42;
    const all = schools.flatMap((s) => [s.own, s.partial]);
    const low = Math.floor(Math.min(...all) / 10) * 10, high = Math.ceil(Math.max(...all) / 10) * 10;
    const x = (value) => left + ((value - low) / (high - low || 1)) * (right - left);
    const svg = node("svg", { width: wide, height, role: "img",
      "aria-label": `Your town: ${schools.length} schools, each with its own mean and its estimate. ${said} points.` });
    const ordered = [...schools].sort((a, b) => b.own - a.own);
    ordered.forEach((school, k) => {
      const y = top + step * (k + 0.5);
      svg.append(
        text(`${school.name} (${school.n})`, left - 8, y + 4, "end"),
        node("line", { class: "pull", x1: x(school.own), x2: x(school.partial), y1: y, y2: y }),
        node("circle", { class: "own", cx: x(school.own), cy: y, r: 5 }),
        node("circle", { class: "partial", cx: x(school.partial), cy: y, r: 4.5 }));
    });
    const base = height - 38;
    svg.append(node("line", { class: "axis", x1: left, x2: right, y1: base, y2: base }));
    for (const value of [low, high]) svg.append(text(`${value}`, x(value), base + 15, value === low ? "start" : "end"));
    svg.append(text("mean test score, points", (left + right) / 2, height - 6, "middle"));
    return svg;
  }
  function node(name, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }
  function text(words, x, y, anchor) {
    const made = node("text", { x, y, "text-anchor": anchor });
    made.textContent = words;
    return made;
  }

  // The clock: about every two seconds, less often where nobody looks or nothing answers.
  function soon(delay) {
    clearTimeout(timer);
    timer = setTimeout(look, delay);
  }
  function pause() {
    const usual = document.hidden ? 15000 : 2000;
    const wait = failed ? Math.min(1000 * 2 ** failed, 15000) : usual;
    soon(wait * (0.75 + Math.random() / 2));
  }
  async function look() {
    if (!me.token) return;
    try {
      const state = await ask(`state?code=${encodeURIComponent(me.code)}&v=${seen.version}`);
      if (failed) live("Connected again.");
      failed = 0;
      $("net").textContent = "";
      if (state.kind && !sending) {
        if (state.kind === "poll" || state.kind === "sort") poll(state);
        else if (state.kind === "draw") draw(state);
        else {
          if (shown !== "wait") live("You are in. Look at the front.");
          show("wait");
        }
        seen = state;
      }
    } catch (problem) {
      if (problem.status === 404) return closed();
      failed += 1;
      if (failed > 1) $("net").textContent = "No connection. Trying again …";
      if (failed === 2) live("No connection. Trying again.");
    }
    pause();
  }

  function closed() {
    me.token = "";
    remember();
    show("closed");
    live("The room is closed.");
  }

  async function join(code, link) {
    $("problem").textContent = "";
    me.code = code.replace(/[\s-]/g, "").toUpperCase();
    try {
      me.token = (await ask("join", { code: me.code, link })).token;
      remember();
      seen = { version: 0 };
      history.replaceState(null, "", api.slice(0, -4) + encodeURIComponent(me.code));
      await look();
    } catch (problem) {
      me.token = "";
      show("join");
      $("code").value = code;
      $("problem").textContent = problem.status ? problem.message : "No connection. Try again.";
      $("code").focus();
    }
  }

  $("join").addEventListener("submit", (event) => { event.preventDefault(); join($("code").value, ""); });
  document.querySelector("#poll form").addEventListener("submit", (event) => event.preventDefault());
  $("go").addEventListener("click", () => take(seen));
  $("again").addEventListener("click", () => { show("join"); $("code").value = ""; $("code").focus(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && me.token) soon(0); });
  addEventListener("online", () => { if (me.token) soon(0); });

  // Come in: by the address, or where this phone was before.
  let named = location.pathname.slice(at + "/room/".length);
  try { named = decodeURIComponent(named); } catch { named = ""; }
  const known = recall();
  const mine = typeof known.token === "string" && known.token && (!named || named === known.code);
  if (mine) {
    Object.assign(me, { code: String(known.code), token: known.token });
    show("");
    look();
  } else if (named) {
    show("");
    $("where").textContent = "Joining …";
    join(named, location.hash.slice(1));
  } else {
    show("join");
  }
})();
