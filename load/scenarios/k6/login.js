// Logins, as they cost: each is a password hash. Most are right, a few wrong; sessions are refreshed and ended.

import exec from 'k6/execution';

import { iteration } from './lib/metrics.js';
import { options as common } from './lib/options.js';
import { readPlan } from './lib/plan.js';
import { dice, pick } from './lib/random.js';
import { shape } from './lib/shape.js';
import { Shop } from './lib/shop.js';

const plan = readPlan(open('./login.json'));
const shop = new Shop(plan);

const REFRESHES = 0.3;
const LOOKS_AT_PROFILE = 0.5;
const LOGS_OUT = 0.3;
// auth-service lets an address fail 100 times in 15 minutes, and all of this comes from one: two in a hundred logins
// are wrong, and no more than these in a run.
const WRONG_EVERY = 50;
const WRONG_MAX = 15;

export const options = common(
  plan,
  { customers: shape(plan, 'customer') },
  { login: [150, 400, 800, 1500], refresh: [80, 250, 500, 1000], profile: [40, 120, 250, 500] },
);

export function setup() {
  return { customers: shop.makeCustomers(plan.customers) };
}

export const customer = iteration(({ customers }) => {
  const number = exec.scenario.iterationInTest;
  const chance = dice(number);
  const email = pick(chance, customers);
  if (number % WRONG_EVERY === 7 && number < WRONG_EVERY * WRONG_MAX) {
    shop.logIn(email, 'login', 'not the password');
    return;
  }
  const tokens = shop.logIn(email);
  if (!tokens) return;
  let { accessToken, refreshToken } = tokens;
  if (chance() < REFRESHES) {
    const fresh = shop.refresh(refreshToken);
    if (!fresh) return;
    ({ accessToken, refreshToken } = fresh);
  }
  if (chance() < LOOKS_AT_PROFILE) shop.profile(accessToken);
  if (chance() < LOGS_OUT) shop.logOut(refreshToken);
});
