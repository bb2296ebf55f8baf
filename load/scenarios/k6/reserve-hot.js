// Reservations of one unit of one SKU: everybody wants the same. With a row lock they would come one after the other.

import exec from 'k6/execution';

import { Inventory } from './lib/inventory.js';
import { iteration } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { shape } from './lib/shape.js';

const plan = readPlan(open('./reserve-hot.json'));
const inventory = new Inventory(plan);
const lines = [inventory.line(plan.skuIds[0], 1)];

export const options = common(plan, { buyers: shape(plan, 'buyer') }, { reserve: [10, 40, 100, 250] });

export const buyer = iteration(() => {
  inventory.reserve(`${plan.runId}-r${exec.scenario.iterationInTest}`, lines);
});
