// Saves the figure above as the browser has drawn it, its legend in it: SVG, or PNG at twice the size.
export default function ({ data, parentElement }) {
  const drawn = () => document.querySelector(`.st-key-figure-${data.figure} .vega-embed svg.marks`);
  const give = (url, ending) => {
    const link = Object.assign(document.createElement("a"), { href: url, download: `${data.name}.${ending}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 5000);
  };
  const copy = () => {
    const svg = drawn().cloneNode(true);
    const { width, height } = drawn().viewBox.baseVal;
    svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ width, height, fill: data.paper })) paper.setAttribute(name, value);
    svg.insertBefore(paper, svg.firstChild);
    return { url: URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" })), width, height };
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
  };
  for (const button of parentElement.querySelectorAll("button")) button.onclick = ways[button.dataset.way];
}
