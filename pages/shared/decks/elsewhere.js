// Pages without steps: they leave the stage, unless a deck shows them; links to copy.
export default function ({ data, parentElement, setTriggerValue }) {
  const { deck, shared } = data;
  const go = (to) => setTriggerValue("go", to);
  const alive = new AbortController();
  const memory = (parentElement.poolingLabElsewhere ??= {});
  onStage(false, false, false);
  document.documentElement.classList.toggle("pl-bare", Boolean(deck));
  const turn = (by) => (deck ? () => go({ lead: by }) : undefined);
  listenToKeys(alive.signal, {
    forward: turn(1), back: turn(-1), pageDown: turn(1), pageUp: turn(-1),
    leave: deck ? () => go("leave") : undefined,
    stage: deck ? () => go("leave") : undefined,
    help: showKeys,
  });
  if (shared.length && memory.shared !== JSON.stringify(shared)) showLinks(shared, null, () => go("close"));
  memory.shared = JSON.stringify(shared);
  followDeck(deck, go);
  return () => alive.abort();
}
