// What a run is made of: the scenario's JSON block, one of its profiles, and what the environment overrides.

const PROFILES = ['smoke', 'baseline', 'stress', 'breakpoint', 'soak'];

/** The block `<scenario>.json` with its profile laid over it, and the runner's environment. */
export function readPlan(text) {
  const { profiles, ...common } = JSON.parse(text);
  const profile = __ENV.PROFILE || 'smoke';
  if (!profiles[profile]) {
    throw new Error(`PROFILE is ${profile}; it must be one of ${PROFILES.join(', ')}`);
  }
  const plan = {
    ...common,
    ...profiles[profile],
    profile,
    closed: __ENV.CLOSED === '1',
    // Without a runner: good enough to tell two runs by hand apart.
    runId: __ENV.RUN_ID || 'by-hand',
    skuIds: JSON.parse(__ENV.SKUS || '[]'),
    location: __ENV.LOCATION || 'default',
    token: __ENV.TOKEN || '',
    urls: {
      inventory: url('INVENTORY_URL', 8083),
      auth: url('AUTH_URL', 8089),
      user: url('USER_URL', 8081),
      catalog: url('CATALOG_URL', 8084),
      order: url('ORDER_URL', 8085),
      payment: url('PAYMENT_URL', 8087),
    },
  };
  if (__ENV.UNITS) plan.units = Number(__ENV.UNITS);
  if (__ENV.RATE) plan.rate = positive('RATE');
  if (__ENV.DURATION_SECONDS) plan.durationSeconds = positive('DURATION_SECONDS');
  if (plan.skus > 0 && plan.skuIds.length === 0) {
    throw new Error(`SKUS is empty; this scenario wants the ids of ${plan.skus} SKUs as a JSON array`);
  }
  return plan;
}

function url(name, port) {
  return (__ENV[name] || `http://127.0.0.1:${port}`).replace(/\/+$/, '');
}

function positive(name) {
  const value = Number(__ENV[name]);
  if (!(value > 0)) throw new Error(`${name} is ${__ENV[name]}; it must be a number above 0`);
  return value;
}
