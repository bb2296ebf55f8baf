// Adjustments of a few SKUs by everybody at once: mostly down, now and then up, until there is nothing left. Each
// change has an id and counts once, and no stock goes below zero.

import exec from 'k6/execution';

import { DONE, Inventory } from './lib/inventory.js';
import { iteration } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { between, dice, pick } from './lib/random.js';
import { shape } from './lib/shape.js';

const plan = readPlan(open('./concurrency-decrease.json'));
const inventory = new Inventory(plan);

const GOES_UP = 0.1;
const UP_MAX = 5;
const DOWN_MAX = 3;
const SENT_TWICE = 0.02;

export const options = common(plan, { clerks: shape(plan, 'clerk') }, { adjust: [10, 40, 100, 250] });

export const clerk = iteration(() => {
  const number = exec.scenario.iterationInTest;
  const chance = dice(number);
  const skuId = pick(chance, plan.skuIds);
  const up = chance() < GOES_UP;
  const delta = up ? between(chance, 1, UP_MAX) : -between(chance, 1, DOWN_MAX);
  const id = `${plan.runId}-a${number}`;
  const made = inventory.adjust(id, skuId, delta, up ? 'restock' : 'damaged');
  if (made.kind === DONE && chance() < SENT_TWICE) inventory.adjustAgain(id, skuId, delta, up ? 'restock' : 'damaged');
});
