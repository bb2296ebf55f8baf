// Reservations of one unit, each of one of many SKUs: nobody is in anybody's way.

import exec from 'k6/execution';

import { Inventory } from './lib/inventory.js';
import { iteration } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { dice, pick } from './lib/random.js';
import { shape } from './lib/shape.js';

const plan = readPlan(open('./reserve-baseline.json'));
const inventory = new Inventory(plan);

export const options = common(plan, { buyers: shape(plan, 'buyer') }, { reserve: [10, 40, 100, 250] });

export const buyer = iteration(() => {
  const number = exec.scenario.iterationInTest;
  const skuId = pick(dice(number), plan.skuIds);
  inventory.reserve(`${plan.runId}-r${number}`, [inventory.line(skuId, 1)]);
});
