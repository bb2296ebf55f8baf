// A rush on one SKU beside calm trade in others. The calm trade is measured alone first, then under the rush; it must
// stay as fast as it is asked to be, whatever happens next door.

import exec from 'k6/execution';

import { Inventory } from './lib/inventory.js';
import { iteration } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { dice, pick } from './lib/random.js';
import { flat, shape } from './lib/shape.js';

const plan = readPlan(open('./noisy-neighbour.json'));
const inventory = new Inventory(plan);

const [hot, ...others] = plan.skuIds;
const hotLines = [inventory.line(hot, 1)];

// The calm trade has the first quarter for itself.
const aloneSeconds = Math.max(1, Math.floor(plan.durationSeconds / 4));
const rushSeconds = plan.durationSeconds - aloneSeconds;
const CALM_VUS = 20;

export const options = common(
  plan,
  {
    alone: flat(plan, 'alone', plan.calmRate, CALM_VUS, { seconds: aloneSeconds }),
    calm: flat(plan, 'calm', plan.calmRate, CALM_VUS, { startSeconds: aloneSeconds, seconds: rushSeconds }),
    rush: { ...shape({ ...plan, durationSeconds: rushSeconds }, 'rush'), startTime: `${aloneSeconds}s` },
  },
  { 'reserve-alone': [10, 40, 100, 250], 'reserve-calm': [12, 50, 120, 300], 'reserve-hot': [15, 60, 150, 400] },
);

export const alone = iteration(() => {
  calmly('n', 'reserve-alone');
});

export const calm = iteration(() => {
  calmly('q', 'reserve-calm');
});

function calmly(letter, name) {
  const number = exec.scenario.iterationInTest;
  const lines = [inventory.line(pick(dice(number), others), 1)];
  inventory.reserve(`${plan.runId}-${letter}${number}`, lines, { name });
}

export const rush = iteration(() => {
  inventory.reserve(`${plan.runId}-h${exec.scenario.iterationInTest}`, hotLines, { name: 'reserve-hot' });
});
