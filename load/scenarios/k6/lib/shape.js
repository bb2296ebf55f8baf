// When work arrives: one shape for each profile, in the open model (arrivals do not wait for answers) or, with
// CLOSED=1, the closed one (a fixed crowd, each waiting for its answer).

// Nobody is cut off in the middle: what was sent has to be counted. Longer than all retries together.
const GRACE = '90s';
const STEPS = 5;
// VUs that are there from the start: making one while the load runs costs time. Enough for a pause of this long.
const PAUSE_SECONDS = 0.25;

/** A k6 scenario that runs the exported function `exec` in the plan's shape. */
export function shape(plan, exec, { rate = plan.rate, vus = plan.vus } = {}) {
  return plan.closed ? closed(plan, exec, vus) : open(plan, exec, rate, vus);
}

/** A flat rate for a part of the run, in the open model whatever the plan says. */
export function flat(plan, exec, rate, vus, { startSeconds = 0, seconds = plan.durationSeconds } = {}) {
  return {
    executor: 'constant-arrival-rate',
    exec,
    ...perSecond(rate),
    startTime: `${startSeconds}s`,
    duration: `${seconds}s`,
    ...crowd(plan, rate, vus),
    gracefulStop: GRACE,
  };
}

/** A crowd at the door: a steep rise, half of the time at the top, then it thins out. */
export function burst(plan, exec) {
  const all = plan.durationSeconds;
  if (plan.closed) {
    return {
      executor: 'shared-iterations',
      exec,
      vus: plan.vus,
      iterations: plan.buyers,
      maxDuration: '1h',
      gracefulStop: GRACE,
    };
  }
  return {
    executor: 'ramping-arrival-rate',
    exec,
    timeUnit: '1s',
    startRate: Math.round(plan.rate / 5),
    stages: [
      { target: Math.round(plan.rate), duration: `${all * 0.1}s` },
      { target: Math.round(plan.rate), duration: `${all * 0.5}s` },
      { target: 0, duration: `${all * 0.4}s` },
    ],
    // All from the start: most of them come in the first seconds.
    preAllocatedVUs: plan.maxVus,
    maxVUs: plan.maxVus,
    gracefulStop: GRACE,
  };
}

function open(plan, exec, rate, vus) {
  if (plan.profile !== 'stress' && plan.profile !== 'breakpoint') return flat(plan, exec, rate, vus);
  const common = {
    executor: 'ramping-arrival-rate',
    exec,
    timeUnit: '1s',
    ...crowd(plan, rate, vus),
    gracefulStop: GRACE,
  };
  if (plan.profile === 'stress') {
    return { ...common, startRate: Math.round(rate / STEPS), stages: steps(rate, plan.durationSeconds) };
  }
  return {
    ...common,
    startRate: Math.max(1, Math.round(rate / 20)),
    stages: [{ target: Math.round(rate), duration: `${plan.durationSeconds}s` }],
  };
}

function closed(plan, exec, vus) {
  const duration = `${plan.durationSeconds}s`;
  const common = { exec, gracefulStop: GRACE };
  if (plan.profile === 'stress') {
    return {
      executor: 'ramping-vus',
      startVUs: Math.ceil(vus / STEPS),
      stages: steps(vus, plan.durationSeconds),
      gracefulRampDown: GRACE,
      ...common,
    };
  }
  if (plan.profile === 'breakpoint') {
    return {
      executor: 'ramping-vus',
      startVUs: 1,
      stages: [{ target: vus, duration }],
      gracefulRampDown: GRACE,
      ...common,
    };
  }
  return { executor: 'constant-vus', vus, duration, ...common };
}

/** Stairs to `top`, each step held for an equal time. */
function steps(top, seconds) {
  const stages = [];
  for (let step = 1; step <= STEPS; step += 1) {
    const target = Math.max(1, Math.round((top * step) / STEPS));
    stages.push({ target, duration: '0s' }, { target, duration: `${seconds / STEPS}s` });
  }
  return stages;
}

/** k6 takes whole numbers only. */
function perSecond(rate) {
  return Number.isInteger(rate) ? { rate, timeUnit: '1s' } : { rate: Math.round(rate * 60), timeUnit: '1m' };
}

function crowd({ maxVus }, rate, vus) {
  return { preAllocatedVUs: Math.min(maxVus, Math.max(vus, Math.ceil(rate * PAUSE_SECONDS))), maxVUs: maxVus };
}
