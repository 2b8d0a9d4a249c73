import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  Addresses,
  httpUrl,
  resolved,
  streamUrl,
  watchUrl,
} from '../maskstream_web/client/addresses.js';
import { ConnectionFailedError, WireError } from '../maskstream_web/client/errors.js';
import { retryRules } from '../maskstream_web/client/options.js';
import { ReconnectPolicy } from '../maskstream_web/client/reconnecting.js';

const RULES = retryRules({ firstDelayMs: 1000, maxDelayMs: 4000, giveUpAfterMs: 60_000 });
const GONE = { code: 1006, message: 'The connection was lost.' };

function attempts(urls = 'ws://a', acceptedAtMs = 0) {
  const made = new ReconnectPolicy(new Addresses(urls), RULES, 0);
  if (acceptedAtMs !== null) made.noteAccepted(acceptedAtMs);
  return made;
}

const delays = (policy, ...timesMs) => timesMs.map((now) => policy.lost(GONE, null, now).delayMs);
const full = (retryAfterMs) =>
  new WireError('No slot.', { code: 'server_full', fatal: true, retryAfterMs });

test('the first attempt is made at once and pauses double up to the longest', () => {
  assert.deepEqual(delays(attempts(), 1, 2, 3, 4, 5), [0, 1000, 2000, 4000, 4000]);
});

test('all servers are tried before the first pause', () => {
  assert.deepEqual(delays(attempts('ws://a,ws://b'), 1, 2, 3, 4, 5), [0, 0, 1000, 0, 2000]);
});

test('a client that was never accepted tries each server once', () => {
  const policy = attempts('ws://a,ws://b', null);
  policy.lost(GONE, null, 1);
  assert.throws(() => policy.lost(GONE, null, 2), ConnectionFailedError);
});

test('patience ends and begins anew with progress', () => {
  const policy = attempts();
  delays(policy, 1000, 30_000);
  assert.throws(() => policy.lost(GONE, null, 61_000), /within 60 s/);
  policy.noteProgress(70_000);
  assert.deepEqual(delays(policy, 71_000), [0]);
});

test('a full server says how long to wait, also to one that was never accepted', () => {
  assert.equal(attempts().lost(GONE, full(3000), 1).delayMs, 3000);
  const policy = attempts('ws://a', null);
  for (const now of [7000, 10_000, 60_000]) {
    const { reason, delayMs } = policy.lost({ ...GONE, code: 1013 }, full(3000), now);
    assert.equal(reason, 'No slot.');
    assert.ok(delayMs >= 3000);
  }
  assert.throws(() => policy.lost(GONE, full(3000), 67_000), WireError);
});

test('an end that no resume follows is final, with what the server said', () => {
  const refused = new WireError('Taken over.', { code: 'taken_over', fatal: true });
  assert.throws(() => attempts().lost({ code: 4409, message: 'x' }, refused, 1), /Taken over/);
});

test('addresses are those of streams, of routes and of viewers', () => {
  assert.equal(streamUrl('localhost:8000'), 'ws://localhost:8000/v1/stream');
  assert.equal(streamUrl('https://host/mask/'), 'wss://host/mask/v1/stream');
  assert.equal(streamUrl('ws://host/mask/v1/stream'), 'ws://host/mask/v1/stream');
  assert.equal(httpUrl('wss://host/mask/v1/stream'), 'https://host/mask/');
  assert.equal(watchUrl('ws://host/v1/stream', 'a/b'), 'ws://host/v1/sessions/a%2Fb/watch');
  assert.equal(
    resolved('https://host/mask/', '/v1/models/demo'),
    'https://host/mask/v1/models/demo',
  );
  assert.equal(resolved('https://host/mask/', 'http://host/mask/x'), 'https://host/mask/x');
  assert.equal(resolved('https://host/', 'https://other/x'), 'https://other/x');
});

test('what is no address of a server is refused without its password', () => {
  for (const url of ['', 'ftp://a', 'ws://', 'http://user:secret@']) {
    assert.throws(
      () => new Addresses(url),
      (error) => error instanceof TypeError && !error.message.includes('secret'),
    );
  }
});
