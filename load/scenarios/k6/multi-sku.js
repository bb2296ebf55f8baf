// Reservations of 1 to 10 SKUs out of a few that run short, so that they overlap and many find one line too little.
// Each is held wholly or not at all: the units counted here must be those that every store has.

import exec from 'k6/execution';

import { HELD, Inventory } from './lib/inventory.js';
import { iteration } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { between, dice, pickDistinct } from './lib/random.js';
import { shape } from './lib/shape.js';

const plan = readPlan(open('./multi-sku.json'));
const inventory = new Inventory(plan);

const LINES_MAX = 10;
const QUANTITY_MAX = 3;
// The share of holds that are given back at once, so that there is something to fight for until the end.
const GIVES_BACK = 0.3;

export const options = common(
  plan,
  { buyers: shape(plan, 'buyer') },
  { reserve: [15, 50, 120, 300], release: [15, 50, 120, 300] },
);

export const buyer = iteration(() => {
  const number = exec.scenario.iterationInTest;
  const chance = dice(number);
  const skus = pickDistinct(chance, plan.skuIds, between(chance, 1, LINES_MAX));
  const lines = skus.map((skuId) => inventory.line(skuId, between(chance, 1, QUANTITY_MAX)));
  const id = `${plan.runId}-m${number}`;
  const hold = inventory.reserve(id, lines);
  if (hold.kind === HELD && chance() < GIVES_BACK) inventory.release(id, lines, 'given back');
});
