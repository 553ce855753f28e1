import { download } from "@/shared/ui/download";

const SCALE = 2;

/** Saves a drawn chart as a PNG on the given ground, twice as fine as the screen. */
export async function exportPicture(chart: HTMLElement | null, name: string, ground: string): Promise<void> {
  const svg = chart?.querySelector("svg.recharts-surface");
  if (!svg) return;
  const { width, height } = svg.getBoundingClientRect();
  const copy = svg.cloneNode(true) as SVGElement;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("font-family", "Inter, system-ui, sans-serif");
  copy.setAttribute("width", String(width));
  copy.setAttribute("height", String(height));
  const picture = new Image();
  // The policy allows pictures from data:, not from blob:.
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = width * SCALE;
  canvas.height = height * SCALE;
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.scale(SCALE, SCALE);
  pen.fillStyle = ground;
  pen.fillRect(0, 0, width, height);
  pen.drawImage(picture, 0, 0, width, height);
  canvas.toBlob((blob) => {
    if (blob) download(`${name}.png`, blob);
  }, "image/png");
}
