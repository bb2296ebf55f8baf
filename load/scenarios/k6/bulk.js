// The batch endpoints, as a marketplace or a warehouse uses them: many reservations in one request, each on its own;
// then most of them are confirmed and the others released, in batches too.

import exec from 'k6/execution';
import { sleep } from 'k6';

import { isDone, isSettled, params, send } from './lib/http.js';
import { Inventory } from './lib/inventory.js';
import { addUnits, iteration, metrics } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { dice, pick } from './lib/random.js';
import { shape } from './lib/shape.js';

const plan = readPlan(open('./bulk.json'));
const inventory = new Inventory(plan);
const url = `${plan.urls.inventory}/api/reservations/batch`;

const CONFIRMS = 0.7;
// How often elements that were answered by an overload are asked again, and how long before.
const ROUNDS = 6;
const PAUSE_SECONDS = 0.2;

export const options = common(
  plan,
  { partners: shape(plan, 'partner') },
  { 'batch-reserve': [60, 150, 300, 600], 'batch-confirm': [60, 150, 300, 600], 'batch-release': [60, 150, 300, 600] },
);

export const partner = iteration(() => {
  const number = exec.scenario.iterationInTest;
  const chance = dice(number);
  const wanted = new Map();
  for (let place = 0; place < plan.batchSize; place += 1) {
    wanted.set(`${plan.runId}-k${number}-${place}`, inventory.line(pick(chance, plan.skuIds), 1));
  }
  const held = reserve(wanted);
  const cut = Math.round(held.length * CONFIRMS);
  resolve('confirm', held.slice(0, cut), wanted, metrics.confirmed, metrics.confirmedUnits);
  resolve('release', held.slice(cut), wanted, metrics.released, metrics.releasedUnits);
});

/** The ids that are held now. */
function reserve(wanted) {
  const request = (id) => ({ reservationId: id, items: [wanted.get(id)], ttlSeconds: plan.ttlSeconds });
  const results = ask('batch-reserve', url, [...wanted.keys()], (ids) => ({ reservations: ids.map(request) }));
  const held = results.map((result) => result.reservationId);
  count(held, wanted, metrics.accepted, metrics.heldUnits);
  return held;
}

function resolve(operation, ids, wanted, counter, units) {
  if (ids.length === 0) return;
  const results = ask(`batch-${operation}`, `${url}/${operation}`, ids, (some) => ({ reservationIds: some }));
  // What expired meanwhile was not released by us.
  const [expired, done] = [true, false].map((is) => results.filter(({ status }) => (status === 'EXPIRED') === is));
  expired.forEach(() => inventory.refuse('RESERVATION_EXPIRED'));
  count(done.map((result) => result.reservationId), wanted, counter, units);
}

function count(ids, wanted, counter, units) {
  if (ids.length === 0) return;
  counter.add(ids.length);
  addUnits(units, plan, ids.map((id) => wanted.get(id)));
}

/**
 * The results of those ids whose outcome is known. `bodyOf` makes the request for some of the ids: each element is
 * answered by itself, and those that nobody could answer are asked again, alone.
 */
function ask(name, url, ids, bodyOf) {
  const known = [];
  let open = ids;
  for (let round = 1; open.length > 0; round += 1) {
    const answer = send('POST', url, bodyOf(open), params(name, { token: plan.token }));
    if (!isDone(answer)) {
      if (isSettled(answer)) inventory.broke(name, answer);
      else open.forEach((id) => notKnown(name, id));
      break;
    }
    const results = answer.json('results');
    if (results.length !== open.length) inventory.broke(name, answer);
    const again = [];
    for (const result of results) {
      const { reservationId: id, problem } = result;
      if (!problem) known.push(result);
      else if (problem.status === 409) inventory.refuse(problem.code);
      else if (problem.status < 500) inventory.broke(name, answer);
      else if (round < ROUNDS) again.push(id);
      else notKnown(name, id);
    }
    open = again;
    if (open.length > 0) sleep(PAUSE_SECONDS * round);
  }
  return known;
}

function notKnown(name, id) {
  metrics.unknown.add(1, { id, op: name });
}
