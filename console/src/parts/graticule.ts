// Lines of latitude and longitude for a map without tiles.

export interface Box {
  south: number;
  north: number;
  west: number;
  east: number;
}

export interface GridLine {
  label: string;
  points: [[number, number], [number, number]];
}

const STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const MOST_NORTH = 85;
// A map of zoom z shows 360 / 2^z degrees in 256 pixels; about that many pixels lie between two lines.
const PIXELS_BETWEEN = 120;

/** Degrees between two lines at a zoom. */
export function stepFor(zoom: number): number {
  const wanted = (360 / 2 ** zoom) * (PIXELS_BETWEEN / 256);
  return STEPS.findLast((step) => step >= wanted) ?? 30;
}

const degrees = (value: number, positive: string, negative: string): string => {
  const text = String(Math.round(Math.abs(value) * 1000) / 1000);
  return `${text}°${value > 0 ? positive : value < 0 ? negative : ""}`;
};

/** All lines that cross a box, each from one of its sides to the other; its label stands at its first point. */
export function gridLines(box: Box, step: number): GridLine[] {
  const lines: GridLine[] = [];
  const [south, north] = [Math.max(box.south, -MOST_NORTH), Math.min(box.north, MOST_NORTH)];
  for (let index = Math.ceil(south / step); index * step <= north; index += 1) {
    const latitude = index * step;
    lines.push({
      label: degrees(latitude, "N", "S"),
      points: [
        [latitude, box.west],
        [latitude, box.east],
      ],
    });
  }
  for (let index = Math.ceil(box.west / step); index * step <= box.east; index += 1) {
    const longitude = index * step;
    const wrapped = ((((longitude + 180) % 360) + 360) % 360) - 180;
    lines.push({
      label: degrees(wrapped, "E", "W"),
      points: [
        [south, longitude],
        [north, longitude],
      ],
    });
  }
  return lines;
}
