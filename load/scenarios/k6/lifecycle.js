// The whole life of a reservation: held, perhaps extended; then sold, in whole or in part, perhaps brought back; or
// released; or left to expire.

import exec from 'k6/execution';
import { sleep } from 'k6';

import { DONE, HELD, Inventory } from './lib/inventory.js';
import { iteration } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { between, dice, pickDistinct } from './lib/random.js';
import { shape } from './lib/shape.js';

const plan = readPlan(open('./lifecycle.json'));
const inventory = new Inventory(plan);

const LINES_MAX = 3;
const QUANTITY_MAX = 4;
const THINKS_SECONDS_MAX = 1;
const EXTENDS = 0.3;
// What becomes of a hold; the rest is left to expire.
const CONFIRMS = 0.5;
const CONFIRMS_A_PART = 0.1;
const RELEASES = 0.25;
// Of what was sold.
const ASKS_AGAIN = 0.05;
const BRINGS_BACK = 0.1;

const LATENCY = [15, 50, 120, 300];

export const options = common(
  plan,
  { customers: shape(plan, 'customer') },
  { reserve: LATENCY, extend: LATENCY, confirm: LATENCY, release: LATENCY, return: LATENCY },
);

export const customer = iteration(() => {
  const number = exec.scenario.iterationInTest;
  const chance = dice(number);
  const id = `${plan.runId}-l${number}`;
  const skus = pickDistinct(chance, plan.skuIds, between(chance, 1, LINES_MAX));
  const lines = skus.map((skuId) => inventory.line(skuId, between(chance, 1, QUANTITY_MAX)));
  if (inventory.reserve(id, lines).kind !== HELD) return;
  think(chance);
  if (chance() < EXTENDS) {
    inventory.extend(id, plan.ttlSeconds);
    think(chance);
  }
  const fate = chance();
  if (fate < CONFIRMS) {
    if (inventory.confirm(id, lines).kind === DONE) afterTheSale(id, lines, chance);
  } else if (fate < CONFIRMS + CONFIRMS_A_PART) {
    // One unit of the first line only; what is left over goes back.
    inventory.confirm(id, lines, [{ ...lines[0], quantity: 1 }]);
  } else if (fate < CONFIRMS + CONFIRMS_A_PART + RELEASES) {
    inventory.release(id, lines, 'changed my mind');
  }
});

function afterTheSale(id, lines, chance) {
  if (chance() < ASKS_AGAIN) inventory.confirmAgain(id);
  if (chance() >= BRINGS_BACK) return;
  think(chance);
  // One unit now, and perhaps all the rest later.
  const one = { ...lines[0], quantity: 1 };
  if (inventory.returnGoods(id, `${id}-ret1`, [one]).kind !== DONE || chance() < 0.5) return;
  const rest = lines
    .map((line, place) => ({ ...line, quantity: line.quantity - (place === 0 ? 1 : 0) }))
    .filter((line) => line.quantity > 0);
  if (rest.length > 0) inventory.returnGoods(id, `${id}-ret2`, rest);
}

function think(chance) {
  sleep(chance() * THINKS_SECONDS_MAX);
}
