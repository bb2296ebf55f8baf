// A client of the shop's services: accounts, logins, the catalog, orders and payments.

import http from 'k6/http';
import { sleep } from 'k6';

import { codeOf, isDone, isSettled, params, send } from './http.js';
import { metrics } from './metrics.js';

const PASSWORD = 'a password for load';
// An access token lives 15 minutes.
const TOKEN_KEPT_MS = 10 * 60 * 1000;
const POLL_SECONDS = 0.25;
/** How long an order may take to its next step. */
const PATIENCE_MS = 60 * 1000;

const ADDRESS = {
  label: '집',
  recipient: '부하',
  phone: '010-0000-0000',
  zipCode: '04524',
  address: '서울특별시 중구 세종대로 110',
  addressDetail: '101호',
  isDefault: true,
};

export class Shop {
  constructor(plan) {
    this.urls = plan.urls;
    this.runId = plan.runId;
    // Of this VU.
    this.tokens = {};
  }

  /** Registers `count` customers of this run, each with an address where `withAddress`. Belongs into `setup`. */
  makeCustomers(count, { withAddress = false } = {}) {
    const emails = [];
    for (let number = 0; number < count; number += 1) {
      const email = `${this.runId}-${number}@load.example.com`.toLowerCase();
      const person = { email, password: PASSWORD, name: '부하' };
      // A repeat after a lost answer finds the address taken: 409, which is fine.
      const registered = send('POST', `${this.urls.user}/api/users/register`, person, params('setup'));
      this.mustBe(registered, 'register', [201, 409]);
      if (withAddress) {
        const token = this.logIn(email, 'setup').accessToken;
        const added = send('POST', `${this.urls.user}/api/users/me/addresses`, ADDRESS, params('setup', { token }));
        this.mustBe(added, 'address', [201]);
      }
      emails.push(email);
    }
    return emails;
  }

  /** The tokens, or null where the login was refused or not answered. */
  logIn(email, name = 'login', password = PASSWORD) {
    const body = { email, password };
    const answer = send('POST', `${this.urls.auth}/api/auth/login`, body, params(name, { expected: [401] }));
    if (answer.status === 200) return answer.json();
    if (answer.status === 401) metrics.refused.add(1, { code: codeOf(answer) });
    else if (isSettled(answer)) this.broke(name, answer);
    return null;
  }

  /** An access token of the customer, not older than some minutes; null where none could be had. */
  tokenOf(email) {
    const kept = this.tokens[email];
    if (kept && Date.now() - kept.at < TOKEN_KEPT_MS) return kept.token;
    const tokens = this.logIn(email);
    if (!tokens) return null;
    this.tokens[email] = { token: tokens.accessToken, at: Date.now() };
    return tokens.accessToken;
  }

  refresh(refreshToken) {
    // Never sent twice: a refresh token that comes again ends the session.
    const answer = http.post(`${this.urls.auth}/api/auth/refresh`, JSON.stringify({ refreshToken }), params('refresh'));
    if (answer.status === 200) return answer.json();
    if (isSettled(answer)) this.broke('refresh', answer);
    return null;
  }

  logOut(refreshToken) {
    const answer = send('POST', `${this.urls.auth}/api/auth/logout`, { refreshToken }, params('logout'));
    if (isSettled(answer) && !isDone(answer)) this.broke('logout', answer);
  }

  /** Who the token says one is. */
  profile(token) {
    return this.read(`${this.urls.user}/api/users/me`, 'profile', token);
  }

  /** A page of products, by query: `{products, nextCursor}`, or null. */
  products(query = '', name = 'list') {
    return this.read(`${this.urls.catalog}/api/products${query}`, name);
  }

  product(productId, name = 'detail') {
    return this.read(`${this.urls.catalog}/api/products/${productId}`, name);
  }

  /** Puts units into the cart, which must be this VU's alone; whether they are in it. */
  putIntoCart(token, skuId, quantity) {
    const url = `${this.urls.order}/api/carts/me/items`;
    // Not repeated: it adds.
    const answer = http.post(url, JSON.stringify({ skuId, quantity }), params('cart', { token }));
    if (isSettled(answer) && !isDone(answer)) this.broke('cart', answer);
    return isDone(answer);
  }

  /** Empties the cart; whether it is empty. */
  emptyCart(token) {
    const answer = send('DELETE', `${this.urls.order}/api/carts/me/items`, null, params('cart', { token }));
    return isDone(answer);
  }

  checkOut(token, key) {
    return this.place(`${this.urls.order}/api/carts/me/checkout`, { shippingAddressId: '1' }, token, key, 'checkout');
  }

  order(token, key, items) {
    return this.place(`${this.urls.order}/api/orders`, { items, shippingAddressId: '1' }, token, key, 'order');
  }

  /** The order that was placed, or null. */
  place(url, body, token, key, name) {
    const answer = send('POST', url, body, params(name, { token, headers: { 'Idempotency-Key': key } }));
    if (isDone(answer)) {
      metrics.ordersPlaced.add(1);
      return answer.json();
    }
    if (answer.status === 409) metrics.refused.add(1, { code: codeOf(answer) });
    else if (isSettled(answer)) this.broke(name, answer);
    else metrics.unknown.add(1, { id: key, op: 'place' });
    return null;
  }

  /** Pays; the answer's status. */
  pay(token, orderId, paymentKey, amount) {
    const body = { orderId, paymentKey, amount };
    const url = `${this.urls.payment}/api/payments/confirm`;
    const answer = send('POST', url, body, params('pay', { token, expected: [402] }));
    if ([402, 409].includes(answer.status)) metrics.refused.add(1, { code: codeOf(answer) });
    else if (isSettled(answer) && !isDone(answer)) this.broke('pay', answer);
    return answer.status;
  }

  cancel(token, orderId) {
    const answer = send('POST', `${this.urls.order}/api/orders/${orderId}/cancel`, null, params('cancel', { token }));
    if (answer.status === 409) metrics.refused.add(1, { code: codeOf(answer) });
    else if (isSettled(answer) && !isDone(answer)) this.broke('cancel', answer);
  }

  /** Looks at the order until it has one of the statuses; the order, or null when patience has ended. */
  waitFor(token, orderId, statuses) {
    const until = Date.now() + PATIENCE_MS;
    const parameters = params('poll', { token });
    for (;;) {
      const answer = http.get(`${this.urls.order}/api/orders/${orderId}`, parameters);
      if (answer.status === 200) {
        const order = answer.json();
        if (statuses.includes(order.status)) return order;
      } else if (isSettled(answer)) {
        this.broke('poll', answer);
        return null;
      }
      if (Date.now() > until) return null;
      sleep(POLL_SECONDS);
    }
  }

  read(url, name, token = '') {
    const answer = http.get(url, params(name, { token }));
    if (answer.status === 200) return answer.json();
    if (isSettled(answer)) this.broke(name, answer);
    return null;
  }

  mustBe(answer, what, statuses) {
    if (statuses.includes(answer.status)) return;
    throw new Error(`${what}: ${answer.status} ${answer.body}; is the whole shop running?`);
  }

  broke(what, answer) {
    metrics.broken.add(1, { op: what });
    console.error(`${what}: ${answer.status} ${String(answer.body).slice(0, 300)}`);
  }
}
