import assert from "node:assert/strict";
import { test } from "node:test";
import { moment, since, span } from "./times.ts";

test("spans have hours only when they need them", () => {
  assert.equal(span(0), "0:00");
  assert.equal(span(65.9), "1:05");
  assert.equal(span(3665), "1:01:05");
  assert.equal(span(-3), "0:00");
});

test("a moment of another day has its date", () => {
  const noon = new Date(2030, 0, 2, 12, 0, 5);
  assert.equal(moment(noon.toISOString(), noon), "12:00:05");
  assert.equal(moment(noon.toISOString(), new Date(2030, 0, 3)), "2030-01-02 12:00:05");
  assert.equal(moment(null), "");
});

test("what never began lasts nothing", () => {
  assert.equal(since(null, 5000), 0);
  assert.equal(since("1970-01-01T00:00:03Z", 5000), 2);
});
