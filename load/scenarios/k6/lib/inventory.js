// A client of inventory-server that counts what it was told, once for each id.

import http from 'k6/http';

import { codeOf, isDone, isReplay, isSettled, params, problemOf, send } from './http.js';
import { addUnits, metrics } from './metrics.js';

/** What became of a call. */
export const HELD = 'held';
export const DONE = 'done';
export const REFUSED = 'refused';
export const UNKNOWN = 'unknown';
export const BROKEN = 'broken';

export class Inventory {
  constructor(plan) {
    this.plan = plan;
    this.api = `${plan.urls.inventory}/api`;
    this.cache = {};
  }

  line(skuId, quantity) {
    return { skuId, locationId: this.plan.location, quantity };
  }

  /** Holds the lines; `{kind, code, problem}`. `name` is what the request is called in the metrics. */
  reserve(reservationId, lines, { customerId, name = 'reserve' } = {}) {
    const body = this.request(reservationId, lines, customerId);
    const answer = send('POST', `${this.api}/reservations`, body, this.params(name));
    return this.heard(answer, reservationId, lines);
  }

  /** The same request twice at the same moment, as a double click sends it. One hold must come of it. */
  reserveTwiceAtOnce(reservationId, lines, { customerId, name = 'reserve' } = {}) {
    const url = `${this.api}/reservations`;
    const body = JSON.stringify(this.request(reservationId, lines, customerId));
    const both = http.batch([
      ['POST', url, body, this.params(name)],
      ['POST', url, body, this.params(name)],
    ]);
    if (both.filter((answer) => answer.status === 201).length > 1) this.broke('reserve', both[0]);
    const done = both.find(isDone);
    if (done) return this.heard(done, reservationId, lines);
    // The other one may still be on its way; whoever asks last is told how it ended.
    return this.reserve(reservationId, lines, { customerId, name });
  }

  /** A request that is cut off after `patience`, then repeated with the same id. */
  reserveImpatiently(reservationId, lines, patience, { customerId, name = 'reserve' } = {}) {
    const body = JSON.stringify(this.request(reservationId, lines, customerId));
    // Cutting it off was our doing, and no failure.
    const cut = { ...this.params('reserve-cut-off'), timeout: patience, responseCallback: null };
    http.post(`${this.api}/reservations`, body, cut);
    return this.reserve(reservationId, lines, { customerId, name });
  }

  request(reservationId, items, customerId) {
    const request = { reservationId, items };
    if (this.plan.ttlSeconds) request.ttlSeconds = this.plan.ttlSeconds;
    if (customerId) request.customerId = customerId;
    return request;
  }

  heard(answer, reservationId, lines) {
    if (isDone(answer)) {
      metrics.accepted.add(1);
      addUnits(metrics.heldUnits, this.plan, lines);
      return { kind: HELD };
    }
    return this.notDone('reserve', answer, reservationId);
  }

  /** Sells what is held: all of it, or `part`. */
  confirm(reservationId, lines, part = null) {
    const answer = this.call(reservationId, 'confirm', part ? { items: part } : null);
    if (!isDone(answer)) return this.notDone('confirm', answer, reservationId);
    metrics.confirmed.add(1);
    addUnits(metrics.confirmedUnits, this.plan, part || lines);
    if (part) addUnits(metrics.releasedUnits, this.plan, less(lines, part));
    return { kind: DONE };
  }

  /** Asks again for what was confirmed: it must be known, and change nothing. */
  confirmAgain(reservationId) {
    const answer = this.call(reservationId, 'confirm', null, 'confirm-again');
    if (isDone(answer) && !isReplay(answer)) this.broke('confirm', answer);
  }

  release(reservationId, lines, reason) {
    const answer = this.call(reservationId, 'release', { reason });
    if (!isDone(answer)) return this.notDone('release', answer, reservationId);
    // A hold that was too old is told as it is: it expired, we did not release it.
    if (answer.json('status') === 'EXPIRED') return this.refuse('RESERVATION_EXPIRED');
    metrics.released.add(1);
    addUnits(metrics.releasedUnits, this.plan, lines);
    return { kind: DONE };
  }

  extend(reservationId, ttlSeconds) {
    const answer = this.call(reservationId, 'extend', { ttlSeconds });
    return isDone(answer) ? { kind: DONE } : this.notDone('extend', answer, reservationId);
  }

  returnGoods(reservationId, returnId, lines) {
    const answer = this.call(reservationId, 'return', { returnId, items: lines });
    if (!isDone(answer)) return this.notDone('return', answer, returnId);
    addUnits(metrics.returnedUnits, this.plan, lines);
    return { kind: DONE };
  }

  /** Changes the available units by `delta`. */
  adjust(adjustmentId, skuId, delta, reason) {
    const answer = this.sendAdjustment(adjustmentId, skuId, delta, reason, 'adjust');
    if (!isDone(answer)) return this.notDone('adjust', answer, adjustmentId);
    const counter = delta > 0 ? metrics.adjustedUpUnits : metrics.adjustedDownUnits;
    addUnits(counter, this.plan, [{ skuId, quantity: Math.abs(delta) }]);
    return { kind: DONE };
  }

  /** Sends a change again that was made: it must be known, and change nothing. */
  adjustAgain(adjustmentId, skuId, delta, reason) {
    const answer = this.sendAdjustment(adjustmentId, skuId, delta, reason, 'adjust-again');
    if (isDone(answer) && !isReplay(answer)) this.broke('adjust-again', answer);
  }

  sendAdjustment(adjustmentId, skuId, delta, reason, name) {
    const body = { adjustmentId, delta, reason, locationId: this.plan.location };
    const url = `${this.api}/inventories/${encodeURIComponent(skuId)}/adjustments`;
    return send('POST', url, body, this.params(name));
  }

  /** The figures of a SKU; null where they could not be had. */
  stock(skuId, name = 'stock') {
    const url = `${this.api}/inventories/${encodeURIComponent(skuId)}?locationId=${this.plan.location}`;
    const answer = http.get(url, this.params(name));
    if (answer.status === 200) return answer.json();
    if (isSettled(answer)) this.broke(name, answer);
    return null;
  }

  /** How many of the SKUs the server knows. */
  stocks(skuIds, name = 'stocks') {
    const answer = send('POST', `${this.api}/inventories/bulk`, { skuIds }, this.params(name));
    if (answer.status === 200) return answer.json('inventories.#');
    if (isSettled(answer)) this.broke(name, answer);
    return null;
  }

  call(reservationId, operation, body, name = operation) {
    const url = `${this.api}/reservations/${encodeURIComponent(reservationId)}/${operation}`;
    return send('POST', url, body, this.params(name));
  }

  params(name) {
    // Made once: the same for every request of that name.
    this.cache[name] = this.cache[name] || params(name, { token: this.plan.token });
    return this.cache[name];
  }

  notDone(operation, answer, id) {
    if (answer.status === 409) return this.refuse(codeOf(answer), problemOf(answer));
    // Overload is answered before anything is done.
    if (codeOf(answer) === 'OVERLOADED' && !answer.inDoubt) return this.refuse('OVERLOADED');
    if (!isSettled(answer)) {
      metrics.unknown.add(1, { id, op: operation });
      return { kind: UNKNOWN };
    }
    return this.broke(operation, answer);
  }

  refuse(code, problem = {}) {
    metrics.refused.add(1, { code });
    return { kind: REFUSED, code, problem };
  }

  broke(operation, answer) {
    metrics.broken.add(1, { op: operation });
    console.error(`${operation}: ${answer.status} ${String(answer.body).slice(0, 300)}`);
    return { kind: BROKEN };
  }
}

/** What is left of the lines when the part is taken. */
function less(lines, part) {
  const taken = new Map(part.map((line) => [line.skuId, line.quantity]));
  return lines
    .map((line) => ({ ...line, quantity: line.quantity - (taken.get(line.skuId) || 0) }))
    .filter((line) => line.quantity > 0);
}
