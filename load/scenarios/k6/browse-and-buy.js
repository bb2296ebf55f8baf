// Customers of the whole shop: they browse and search, look at products, and some order; they pay and wait until the
// order is confirmed. Some payments are declined, some orders are cancelled before they are paid. Each order goes
// through every service, the engine and Kafka.

import exec from 'k6/execution';
import { sleep } from 'k6';
import { Trend } from 'k6/metrics';

import { addUnits, iteration, metrics } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { between, dice, pick } from './lib/random.js';
import { shape } from './lib/shape.js';
import { Shop } from './lib/shop.js';

const plan = readPlan(open('./browse-and-buy.json'));
const shop = new Shop(plan);

/** From the request that places an order until it is seen confirmed, the customer's time to pay not counted. */
const orderTime = new Trend('order_confirmed_duration', true);

const KEYWORDS = ['%EC%8B%A0%EB%B0%9C', '%ED%8B%B0%EC%85%94%EC%B8%A0', 'runner', '%EB%A8%B8%EA%B7%B8'];
const SEARCHES = 0.4;
const BUYS = 0.5;
const BUYS_BY_CART = 0.2;
const QUANTITY_MAX = 2;
const THINKS_SECONDS_MAX = 1;
// Of those who have an order to pay.
const DECLINED = 0.08;
const CANCELS = 0.08;

const READ = [40, 120, 250, 500];
const WRITE = [80, 250, 500, 1000];
const ORDER_TIME = { smoke: 6000, baseline: 3000, soak: 3000, stress: 15000 }[plan.profile];

export const options = common(
  plan,
  { customers: shape(plan, 'customer') },
  { list: READ, search: READ, detail: READ, order: WRITE, pay: WRITE },
  ORDER_TIME ? { order_confirmed_duration: [`p(95)<${ORDER_TIME}`] } : {},
);

/** Accounts with addresses, and which product has which of the run's SKUs. */
export function setup() {
  const customers = shop.makeCustomers(plan.customers, { withAddress: true });
  const productOf = {};
  let missing = plan.skuIds.length;
  // The newest first: those of this run.
  const page = shop.products('?sort=newest&limit=100', 'setup');
  for (const { productId } of page ? page.products : []) {
    if (missing === 0) break;
    const product = shop.product(productId, 'setup');
    for (const { skuId } of product ? product.skus : []) {
      if (plan.skuIds.includes(skuId)) {
        productOf[skuId] = productId;
        missing -= 1;
      }
    }
  }
  return { customers, productOf };
}

export const customer = iteration(({ customers, productOf }) => {
  const number = exec.scenario.iterationInTest;
  const chance = dice(number);
  const skuId = pick(chance, plan.skuIds);
  browse(chance, productOf[skuId]);
  if (chance() >= BUYS) return;
  // More VUs than customers: some share an account. A cart is only for its first owner.
  const place = exec.vu.idInTest - 1;
  const email = customers[place % customers.length];
  const token = shop.tokenOf(email);
  if (!token) return;
  const items = [{ skuId, quantity: between(chance, 1, QUANTITY_MAX) }];
  const byCart = chance() < BUYS_BY_CART && place < customers.length;
  const key = `${plan.runId}-o${number}`;
  const began = Date.now();
  const order = byCart ? byTheCart(token, key, items) : shop.order(token, key, items);
  if (order) seeThrough(order, token, key, items, chance, began);
});

function browse(chance, productId) {
  const page = shop.products('?limit=20');
  think(chance);
  if (chance() < SEARCHES) {
    shop.products(`?keyword=${pick(chance, KEYWORDS)}`, 'search');
    think(chance);
  }
  const seen = productId || (page && page.products.length > 0 && pick(chance, page.products).productId);
  if (seen) shop.product(seen);
}

function byTheCart(token, key, [{ skuId, quantity }]) {
  // What an order that was never paid, or an answer that was lost, may have left.
  if (!shop.emptyCart(token) || !shop.putIntoCart(token, skuId, quantity)) return null;
  return shop.checkOut(token, key);
}

/** From the placed order to its end. */
function seeThrough({ orderId, totalAmount }, token, key, items, chance, began) {
  const held = shop.waitFor(token, orderId, ['PAYMENT_PENDING', 'CANCELLED']);
  if (!held) {
    lost(orderId, 'order');
    return;
  }
  if (held.status === 'CANCELLED') {
    refusedOrder(held);
    return;
  }
  metrics.accepted.add(1);
  addUnits(metrics.heldUnits, plan, items);
  const waited = Date.now() - began;
  think(chance);

  const fate = chance();
  if (fate < CANCELS) {
    shop.cancel(token, orderId);
    end(orderId, token, items);
    return;
  }
  const declined = fate < CANCELS + DECLINED;
  const paid = Date.now();
  shop.pay(token, orderId, `${declined ? 'decline-' : ''}${key}`, totalAmount);
  const confirmed = end(orderId, token, items);
  if (confirmed) orderTime.add(waited + Date.now() - paid);
}

/** Waits for the end of an order whose units are held; whether they are sold. */
function end(orderId, token, items) {
  const order = shop.waitFor(token, orderId, ['CONFIRMED', 'CANCELLED']);
  if (!order) {
    lost(orderId, 'order-end');
    return false;
  }
  if (order.status === 'CANCELLED') {
    metrics.released.add(1);
    addUnits(metrics.releasedUnits, plan, items);
    return false;
  }
  metrics.confirmed.add(1);
  metrics.ordersConfirmed.add(1);
  addUnits(metrics.confirmedUnits, plan, items);
  return true;
}

function refusedOrder({ timeline }) {
  const last = timeline && timeline[timeline.length - 1];
  metrics.refused.add(1, { code: (last && last.reason) || 'CANCELLED' });
}

/** It is not known what became of the order: `order` if its hold was not seen either, `order-end` if it was. */
function lost(orderId, op) {
  metrics.unknown.add(1, { id: `order-${orderId}`, op });
}

function think(chance) {
  sleep(chance() * THINKS_SECONDS_MAX);
}
