// A flash sale. Many more buyers than units come at once; each may have two. Some click twice, some lose patience and
// try again with the same id, some want more than they may. Of those who hold units some pay, some give them back, the
// rest walk away and their holds expire; what comes back is sold to whoever comes next.

import exec from 'k6/execution';
import { sleep } from 'k6';
import { Gauge } from 'k6/metrics';

import { HELD, Inventory } from './lib/inventory.js';
import { iteration, metrics } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { dice } from './lib/random.js';
import { burst } from './lib/shape.js';

const plan = readPlan(open('./flash-sale.json'));
const inventory = new Inventory(plan);
const skuId = plan.skuIds[0];

const stock = {
  available: new Gauge('stock_available'),
  held: new Gauge('stock_held'),
  sold: new Gauge('stock_sold'),
};

const LOOKS_PER_SECOND = 2;

// Shares of the buyers, by how they behave.
const WANTS_TWO = 0.3;
const CLICKS_TWICE = 0.04;
const LOSES_PATIENCE = 0.005;
const WANTS_MORE = 0.05;
// Of those who hold something; the rest walk away.
const PAYS = 0.6;
const GIVES_UP = 0.1;
const PAYS_TWICE = 0.05;

export const options = common(
  plan,
  {
    buyers: burst(plan, 'buyer'),
    watch: {
      executor: 'constant-arrival-rate',
      exec: 'watch',
      rate: LOOKS_PER_SECOND,
      timeUnit: '1s',
      duration: `${plan.durationSeconds}s`,
      preAllocatedVUs: 2,
      maxVUs: 10,
    },
  },
  { reserve: [25, 100, 250, 500], confirm: [25, 100, 250, 500], stock: [25, 100, 250, 500] },
);

export const buyer = iteration(() => {
  const number = exec.scenario.iterationInTest;
  // The arrival rates are rounded up: whoever is one too many goes home.
  if (number >= plan.buyers) return;
  const chance = dice(number);
  const hold = enter(number, chance);
  if (!hold) return;
  // Between the thing in the cart and the end of the payment. The first to come back keep those waiting busy.
  const fate = chance();
  if (fate < PAYS) {
    sleep(0.1 + chance() * plan.ttlSeconds * 0.05);
    inventory.confirm(hold.id, hold.lines);
    if (chance() < PAYS_TWICE) inventory.confirmAgain(hold.id);
  } else if (fate < PAYS + GIVES_UP) {
    sleep(0.1 + chance() * plan.ttlSeconds * 0.05);
    inventory.release(hold.id, hold.lines, 'changed my mind');
  }
});

/** Tries to hold one or two units; what is held, or null. */
function enter(number, chance) {
  const id = `${plan.runId}-b${number}`;
  const customerId = `${plan.runId}-c${number}`;
  const wanted = chance() < WANTS_TWO ? 2 : 1;
  const habit = chance();
  const greedy = chance() < WANTS_MORE;
  const lines = [inventory.line(skuId, wanted)];
  const first = ask(id, lines, customerId, habit);
  if (first.kind === HELD) {
    // A second device of the same customer. Two more are always too many.
    if (greedy) inventory.reserve(`${id}-more`, [inventory.line(skuId, 2)], { customerId });
    return { id, lines };
  }
  const [short] = first.problem?.shortages || [];
  if (!short || short.available < 1) return null;
  // The last single one.
  const one = [inventory.line(skuId, 1)];
  const second = inventory.reserve(`${id}-one`, one, { customerId });
  return second.kind === HELD ? { id: `${id}-one`, lines: one } : null;
}

function ask(id, lines, customerId, habit) {
  if (habit < CLICKS_TWICE) return inventory.reserveTwiceAtOnce(id, lines, { customerId });
  if (habit < CLICKS_TWICE + LOSES_PATIENCE) return inventory.reserveImpatiently(id, lines, '5ms', { customerId });
  return inventory.reserve(id, lines, { customerId });
}

/** Looks at the stock from outside: at every moment every unit is available, held or sold. */
export const watch = iteration(() => {
  const seen = inventory.stock(skuId);
  if (!seen) return;
  stock.available.add(seen.availableQuantity);
  stock.held.add(seen.reservedQuantity);
  stock.sold.add(seen.soldQuantity);
  if (seen.availableQuantity + seen.reservedQuantity + seen.soldQuantity !== plan.units) {
    metrics.broken.add(1, { op: 'watch' });
    console.error(`${plan.units} units were seeded, now there are ${JSON.stringify(seen)}`);
  }
});
