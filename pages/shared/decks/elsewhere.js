// Pages without steps: they leave the stage, unless a deck shows them; links to copy.
export default function ({ data, parentElement, setTriggerValue }) {
  const { deck, shared, heard } = data;
  const acts = {};
  const { go, press, answered } = inTurn(`elsewhere ${heard}`, acts, setTriggerValue);
  const alive = new AbortController();
  const memory = (parentElement.poolingLabElsewhere ??= {});
  onStage(false, false, false);
  document.documentElement.classList.toggle("pl-bare", Boolean(deck));
  const turn = (by) => (deck ? () => go({ lead: by }) : undefined);
  Object.assign(acts, {
    forward: turn(1), back: turn(-1), pageDown: turn(1), pageUp: turn(-1),
    leave: deck ? () => go("leave") : undefined,
    stage: deck ? () => go("leave") : undefined,
    help: showKeys,
  });
  listenToKeys(alive.signal, press);
  if (shared.length && memory.shared !== JSON.stringify(shared)) showLinks(shared, null, () => go("close"));
  memory.shared = JSON.stringify(shared);
  followDeck(deck, press);
  answered();
  return () => alive.abort();
}
