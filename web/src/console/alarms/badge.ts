// A number on the icon of the tab: a shape and a figure, not a colour alone.
const SIZE = 64;
const COUNT_MAX = 9;

let plain: { href: string; type: string } | null = null;
let shown = 0;

export function showBadge(count: number): void {
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (!link || count === shown) return;
  shown = count;
  plain ??= { href: link.getAttribute("href") ?? "", type: link.type };
  if (count === 0) {
    Object.assign(link, plain);
    return;
  }
  const image = new Image();
  image.onload = () => {
    if (shown !== count) return;
    const words = count > COUNT_MAX ? `${COUNT_MAX}+` : String(count);
    Object.assign(link, { href: drawn(image, words), type: "image/png" });
  };
  image.src = plain.href;
}

function drawn(image: HTMLImageElement, words: string): string {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE;
  const pen = canvas.getContext("2d");
  if (!pen) return image.src;
  pen.drawImage(image, 0, 0, SIZE, SIZE);
  const [x, y, radius] = [SIZE * 0.66, SIZE * 0.66, SIZE * 0.34];
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = "#c02a0a";
  pen.fill();
  pen.lineWidth = 3;
  pen.strokeStyle = "#ffffff";
  pen.stroke();
  pen.fillStyle = "#ffffff";
  pen.font = `700 ${SIZE * 0.44}px sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(words, x, y + 2);
  return canvas.toDataURL();
}
