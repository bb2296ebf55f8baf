// What all scenarios have in common in k6's options.

// Every sample goes through a pipe: no tag that nobody reads.
const TAGS = ['name', 'status'];

// How much slower than at baseline the answers may be, by profile. Smoke is for correctness, also of debug builds on
// machines that do something else. Of breakpoint nothing else is asked at all: it is there to find where the latency
// leaves the ground.
const SLACK = { smoke: 25, baseline: 1, stress: 4, soak: 1 };
// The share of requests that may fail: overload is answered by 503 on purpose.
const FAILED = { smoke: 0, baseline: 0.001, stress: 0.05, soak: 0.001 };

/**
 * k6's options. `latency` has, for each name of a request, what p50, p95, p99 and p99.9 must stay below at baseline,
 * in ms. `extra` are thresholds beside those.
 */
export function options(plan, scenarios, latency, extra = {}) {
  return {
    scenarios,
    thresholds: { ...thresholds(plan, latency), ...extra },
    systemTags: TAGS,
    summaryTrendStats: ['p(50)', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
    userAgent: 'k6',
    setupTimeout: '5m',
    teardownTimeout: '2m',
    noConnectionReuse: false,
  };
}

function thresholds(plan, latency) {
  // An answer that breaks the contract is a failure at any load.
  const all = { broken: ['count==0'] };
  const slack = SLACK[plan.profile];
  if (slack === undefined) return all;
  for (const [name, [p50, p95, p99, p999]] of Object.entries(latency)) {
    all[`http_req_duration{name:${name}}`] = [
      `p(50)<${p50 * slack}`,
      `p(95)<${p95 * slack}`,
      `p(99)<${p99 * slack}`,
      `p(99.9)<${p999 * slack}`,
    ];
  }
  all.http_req_failed = [`rate<=${FAILED[plan.profile]}`];
  if (plan.profile === 'stress') return all;
  all.unknown = ['count==0'];
  if (!plan.closed && plan.profile !== 'smoke') {
    // Arrivals that the generator, which shares the machine, did not send in time: one in a thousand.
    all.dropped_iterations = [`count<=${Math.ceil((plan.rate * plan.durationSeconds) / 1000)}`];
  }
  return all;
}
