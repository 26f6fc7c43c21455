// Saves the figure as the browser has drawn it, with its legend and the handle's place:
// SVG, or PNG at twice the size.
export default function ({ data, parentElement, setTriggerValue }) {
  const box = () => document.querySelector(`.st-key-figure-${data.figure}`);
  const drawn = () => box()?.querySelector(".vega-embed svg.marks");
  const make = (name, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const give = (url, ending) => {
    const link = Object.assign(document.createElement("a"), { href: url, download: `${data.name}.${ending}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 5000);
  };
  const type = { "font-size": 14, "font-family": "'Source Sans', 'Source Sans Pro', system-ui, sans-serif" };
  const measure = document.createElement("canvas").getContext("2d");
  // A line of words, each with its sign before it, broken where the figure ends.
  const legend = (width, top) => {
    const group = make("g", type);
    measure.font = `${type["font-size"]}px system-ui, sans-serif`;
    const items = [...(box()?.closest(".st-key-picture")?.querySelectorAll(".pl-legend > span") ?? [])];
    let [x, y] = [8, top + 18];
    for (const item of items) {
      const sign = item.querySelector(".pl-mark");
      const [mark, words] = [sign.textContent, item.textContent.slice(sign.textContent.length)];
      const long = measure.measureText(words).width + 24;
      if (x > 8 && x + long > width) [x, y] = [8, y + 20];
      group.append(make("text", { x, y, fill: sign.style.color, "font-weight": 700 }, mark));
      group.append(make("text", { x: x + 20, y, fill: data.ink }, words));
      x += long + 16;
    }
    return { group, height: items.length ? y + 10 - top : 0 };
  };
  const handle = () => {
    const input = box()?.querySelector(".vega-bind input");
    if (!input || getComputedStyle(input).visibility === "hidden") return "";
    const [label, at] = [input.getAttribute("aria-label"), input.getAttribute("aria-valuetext")];
    return label && at ? `${label}: ${at}` : "";
  };
  const copy = () => {
    const svg = drawn().cloneNode(true);
    const { width, height } = drawn().viewBox.baseVal;
    const { group, height: above } = legend(width, 0);
    const words = handle();
    const whole = above + height + (words ? 26 : 0);
    svg.setAttribute("y", above);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    const page = make("svg", { xmlns: "http://www.w3.org/2000/svg", width, height: whole, viewBox: `0 0 ${width} ${whole}` });
    page.append(make("rect", { width, height: whole, fill: data.paper }), group, svg);
    if (words) page.append(make("text", { ...type, x: 8, y: above + height + 16, fill: data.ink }, words));
    const text = new XMLSerializer().serializeToString(page);
    return { url: URL.createObjectURL(new Blob([text], { type: "image/svg+xml" })), width, height: whole };
  };
  const ways = {
    svg: () => drawn() && give(copy().url, "svg"),
    png: () => {
      if (!drawn()) return;
      const { url, width, height } = copy();
      const image = new Image();
      image.onload = () => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 2 * width, height: 2 * height });
        canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
        canvas.toBlob((blob) => give(URL.createObjectURL(blob), "png"));
        URL.revokeObjectURL(url);
      };
      image.src = url;
    },
    // The server makes the page; where the handle is only the browser knows.
    html: () => {
      const input = box()?.querySelector(".vega-bind input");
      const moved = new URL(location.href).searchParams.has("handle");
      setTriggerValue("html", { at: input && moved ? Number(input.value) : null });
    },
  };
  const page = parentElement.querySelector("[data-way=html]");
  if (page) page.hidden = !data.page;
  if (data.file && parentElement.poolingLabSaved !== data.file.name) {
    parentElement.poolingLabSaved = data.file.name;
    give(URL.createObjectURL(new Blob([data.file.text], { type: "text/html" })), "html");
  }
  for (const button of parentElement.querySelectorAll("button[data-way]")) button.onclick = ways[button.dataset.way];
}
