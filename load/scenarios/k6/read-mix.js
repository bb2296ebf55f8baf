// What a shop's pages do all day: reads of stock, and a few reservations in between.

import exec from 'k6/execution';

import { HELD, Inventory } from './lib/inventory.js';
import { iteration, metrics } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { dice, pick, pickDistinct } from './lib/random.js';
import { shape } from './lib/shape.js';

const plan = readPlan(open('./read-mix.json'));
const inventory = new Inventory(plan);

// A product's page reads one SKU, a listing's many. The rest, 5 %, reserves.
const READS_ONE = 0.8;
const READS_MANY = 0.15;
const MANY = 20;
const GIVES_BACK = 0.5;

export const options = common(
  plan,
  { visitors: shape(plan, 'visitor') },
  { stock: [8, 30, 80, 200], stocks: [10, 40, 100, 250], reserve: [10, 40, 100, 250] },
);

export const visitor = iteration(() => {
  const number = exec.scenario.iterationInTest;
  const chance = dice(number);
  const kind = chance();
  if (kind < READS_ONE) {
    inventory.stock(pick(chance, plan.skuIds));
  } else if (kind < READS_ONE + READS_MANY) {
    const known = inventory.stocks(pickDistinct(chance, plan.skuIds, MANY));
    if (known !== null && known !== Math.min(MANY, plan.skuIds.length)) metrics.broken.add(1, { op: 'stocks' });
  } else {
    const id = `${plan.runId}-r${number}`;
    const lines = [inventory.line(pick(chance, plan.skuIds), 1)];
    const hold = inventory.reserve(id, lines);
    if (hold.kind === HELD && chance() < GIVES_BACK) inventory.release(id, lines, 'changed my mind');
  }
});
