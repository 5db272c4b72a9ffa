import assert from "node:assert/strict";
import { test } from "node:test";
import { gridLines, stepFor } from "./graticule.ts";

test("lines lie closer the nearer one looks", () => {
  assert.equal(stepFor(1), 30);
  assert.ok(stepFor(10) < stepFor(6));
  assert.equal(stepFor(30), 0.001);
});

test("a box is crossed by its degrees", () => {
  const lines = gridLines({ south: 38.5, north: 40.5, west: 115.5, east: 117.5 }, 1);
  assert.deepEqual(
    lines.map((line) => line.label),
    ["39°N", "40°N", "116°E", "117°E"],
  );
});

test("beyond the date line degrees begin anew", () => {
  const labels = gridLines({ south: 0.5, north: 0.9, west: 179.5, east: 181.5 }, 1).map((line) => line.label);
  assert.deepEqual(labels, ["180°W", "179°W"]);
});
