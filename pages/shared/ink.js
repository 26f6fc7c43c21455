// Light or dark: figures are drawn by the server, in the ink of the theme that it knows of.
// Where the page has another, the server is told, and draws the page anew. Streamlit may run
// this several times, and not end an earlier run: what is known is kept for all of them.
export default function ({ data, parentElement, setTriggerValue }) {
  const memory = (parentElement.poolingLabInk ??= { told: 0, later: 0 });
  const app = document.querySelector("[data-testid=stApp]");
  const isDark = () => {
    const [red, green, blue] = getComputedStyle(app).backgroundColor.match(/[\d.]+/g).map(Number);
    return 0.3 * red + 0.6 * green + 0.1 * blue < 128;
  };
  const rest = () => { clearTimeout(memory.later); memory.later = 0; };
  memory.compare = () => {
    const now = isDark();
    if (now === memory.dark) { memory.told = 0; rest(); }
    if (now === memory.dark || memory.later || memory.told === 3) return;
    memory.told += 1;
    setTriggerValue("theme", now ? "dark" : "light");
    // Without an answer it is told again, a few times: the theme may still have been changing.
    memory.later = setTimeout(() => { rest(); memory.compare(); }, 3000);
  };
  if (memory.dark !== data.dark) rest();
  memory.dark = data.dark;
  memory.compare();
  memory.watch?.disconnect();
  memory.watch = new MutationObserver(() => memory.compare());
  memory.watch.observe(app, { attributes: true, attributeFilter: ["class"] });
}
