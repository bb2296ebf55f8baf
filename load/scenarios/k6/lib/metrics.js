// What the clients count, to be set beside what the stores have.

import { Counter } from 'k6/metrics';

export const metrics = {
  /** Units newly held, once for each reservation. */
  heldUnits: new Counter('held_units'),
  /** Units sold. */
  confirmedUnits: new Counter('confirmed_units'),
  /** Units of holds that went back: released, or left over by a confirm in part. */
  releasedUnits: new Counter('released_units'),
  /** Units sold that came back. */
  returnedUnits: new Counter('returned_units'),
  /** Units added and taken by adjustments. */
  adjustedUpUnits: new Counter('adjusted_up_units'),
  adjustedDownUnits: new Counter('adjusted_down_units'),
  /** Reservations held, confirmed, released: distinct ids. */
  accepted: new Counter('accepted'),
  confirmed: new Counter('confirmed'),
  released: new Counter('released'),
  /** Expected refusals, by code. */
  refused: new Counter('refused'),
  /** Ids whose outcome is not known after all retries, with what was asked (`op`). */
  unknown: new Counter('unknown'),
  /** Answers that the contract does not allow, by what was asked. */
  broken: new Counter('broken'),
  ordersPlaced: new Counter('orders_placed'),
  ordersConfirmed: new Counter('orders_confirmed'),
};

/** Adds units, with their SKU where there are few enough to look at each. */
export function addUnits(counter, plan, lines) {
  if (plan.skuIds.length > 10) {
    counter.add(unitsOf(lines));
    return;
  }
  for (const line of lines) counter.add(line.quantity, { sku: line.skuId });
}

export function unitsOf(lines) {
  return lines.reduce((sum, line) => sum + line.quantity, 0);
}

/** An iteration of a scenario. k6 only logs what a script throws; here it fails the run. */
export function iteration(run) {
  return (data) => {
    try {
      run(data);
    } catch (error) {
      metrics.broken.add(1, { op: 'script' });
      throw error;
    }
  };
}
