import assert from "node:assert/strict";
import { test } from "node:test";
import { lineOf } from "../desk/line.ts";
import { parseMetrics, rate, total } from "./figures.ts";

const TEXT = `# HELP a_total x
# TYPE a_total counter
a_total{kind="x y"} 3.0
a_total{kind="z"} 4
b 1e3
c NaN
`;

test("the text format is read, labels and all", () => {
  const samples = parseMetrics(TEXT);
  assert.equal(total(samples, "a_total"), 7);
  assert.equal(total(samples, "b"), 1000);
  assert.equal(total(samples, "c"), undefined);
  assert.equal(total(samples, "a"), undefined);
});

test("a counter that began anew does not fall", () => {
  const at = (time: number, value: number) => ({ time, samples: new Map([["n", value]]) });
  assert.equal(rate(at(10, 5), at(12, 15), "n"), 5);
  assert.equal(rate(at(10, 50), at(12, 1), "n"), 0);
  assert.equal(rate(undefined, at(12, 1), "n"), undefined);
});

test("an event is one line without what says nothing", () => {
  const event = { type: "call.state", seq: 4, time: "x", call_id: "a-1", cause: 0, state: "active", note: "" };
  assert.equal(lineOf(event), "state=active call_id=a-1");
  const record = { caller: "1001", callee: "600", disposition: "answered" };
  assert.equal(lineOf({ type: "call.record", record }), "1001→600 answered");
});
