// Writes what is set into the address, in place: the history of the browser is that of pages.
// Where a figure without a handle ran alone, it brings what its hand would bring.
export default function ({ data }) {
  const { page, names, said, news } = data;
  if (news) document.dispatchEvent(new CustomEvent("pooling-lab-news", { detail: news }));
  if (said === undefined) return;
  const url = new URL(location.href);
  const here = url.pathname.split("/").pop();
  if (page !== "" && here !== page) return;
  const wanted = new URLSearchParams();
  for (const [name, value] of url.searchParams) if (!names.includes(name)) wanted.append(name, value);
  for (const [name, value] of Object.entries(said)) wanted.set(name, value);
  if (wanted.toString() === url.searchParams.toString()) return;
  url.search = wanted.toString();
  history.replaceState(history.state, "", url);
}
