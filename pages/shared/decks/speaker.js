// The speaker's view: it follows the stage in another window of the same browser.
export default function ({ data, parentElement }) {
  const { deck, pictures } = data;
  const memory = (parentElement.poolingLabSpeaker ??= { at: 1, began: null });
  const alive = new AbortController();
  const find = (part) => parentElement.querySelector(part);
  const show = () => {
    const now = pictures[memory.at - 1];
    const next = pictures[memory.at];
    find(".pl-now").textContent = `${memory.at} of ${pictures.length}: ${now.title}`;
    find(".pl-note").textContent = now.note || "No note.";
    find(".pl-following").textContent = next ? `Next: ${next.title}` : "This is the last picture.";
    const until = pictures.slice(0, memory.at).reduce((sum, picture) => sum + picture.minutes, 0);
    find(".pl-due").textContent = until ? `This picture ends after ${until} minutes.` : "";
  };
  const tick = () => {
    const gone = memory.began === null ? 0 : Math.floor((Date.now() - memory.began) / 1000);
    find(".pl-clock").textContent = `${Math.floor(gone / 60)}:${String(gone % 60).padStart(2, "0")}`;
  };
  memory.channel ??= deckChannel();
  const begin = () => { memory.began ??= Date.now(); };
  if (memory.channel) {
    memory.channel.onmessage = ({ data: told }) => {
      if (told.deck !== deck || !Number.isInteger(told.at) || !pictures[told.at - 1]) return;
      memory.at = told.at;
      begin();
      show();
    };
    memory.channel.postMessage({ ask: deck });
  }
  const turn = (by) => memory.channel?.postMessage({ deck, turn: by });
  find(".pl-turn-back").onclick = () => turn(-1);
  find(".pl-turn-on").onclick = () => turn(1);
  find(".pl-zero").onclick = () => { memory.began = Date.now(); tick(); };
  const acts = {
    forward: () => turn(1), back: () => turn(-1), pageDown: () => turn(1), pageUp: () => turn(-1), help: showKeys,
  };
  listenToKeys(alive.signal, (name) => (acts[name] ? acts[name]() : false));
  show();
  tick();
  const clock = setInterval(tick, 500);
  return () => { alive.abort(); clearInterval(clock); };
}
