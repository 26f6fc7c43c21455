// Writes what is set into the address, in place: the history of the browser is that of pages.
// Where the figure ran alone, it also brings the figure's text alternative.
export default function ({ data }) {
  const { page, names, said, alternatives } = data;
  if (said === undefined) return;
  const url = new URL(location.href);
  const here = url.pathname.split("/").pop();
  if (page !== "" && here !== page) return;
  if (alternatives) {
    window.poolingLabAlternatives = alternatives;
    document.dispatchEvent(new Event("pooling-lab-alternatives"));
  }
  const wanted = new URLSearchParams();
  for (const [name, value] of url.searchParams) if (!names.includes(name)) wanted.append(name, value);
  for (const [name, value] of Object.entries(said)) wanted.set(name, value);
  if (wanted.toString() === url.searchParams.toString()) return;
  url.search = wanted.toString();
  history.replaceState(history.state, "", url);
}
