// A long day at a flat rate: people look, hold, buy, give back and walk away. Nothing may grow: the projection's lag
// and the memory of Redis and the worker are drawn in the report.

import exec from 'k6/execution';
import { sleep } from 'k6';

import { HELD, Inventory } from './lib/inventory.js';
import { iteration } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { between, dice, pickDistinct } from './lib/random.js';
import { shape } from './lib/shape.js';

const plan = readPlan(open('./soak.json'));
const inventory = new Inventory(plan);

const LINES_MAX = 3;
const QUANTITY_MAX = 2;
// Who looks only; of the others the shares of what becomes of the hold, the rest expires.
const LOOKS_ONLY = 0.5;
const CONFIRMS = 0.5;
const RELEASES = 0.3;

const LATENCY = [15, 50, 120, 300];

export const options = common(
  plan,
  { customers: shape(plan, 'customer') },
  { stock: LATENCY, reserve: LATENCY, confirm: LATENCY, release: LATENCY },
);

export const customer = iteration(() => {
  const number = exec.scenario.iterationInTest;
  const chance = dice(number);
  const skus = pickDistinct(chance, plan.skuIds, between(chance, 1, LINES_MAX));
  inventory.stock(skus[0]);
  if (chance() < LOOKS_ONLY) return;
  const id = `${plan.runId}-s${number}`;
  const lines = skus.map((skuId) => inventory.line(skuId, between(chance, 1, QUANTITY_MAX)));
  if (inventory.reserve(id, lines).kind !== HELD) return;
  sleep(chance());
  const fate = chance();
  if (fate < CONFIRMS) inventory.confirm(id, lines);
  else if (fate < CONFIRMS + RELEASES) inventory.release(id, lines, 'changed my mind');
});
