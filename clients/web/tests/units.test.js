import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeServers } from './fake-server.js';
import { streamOf } from './streams.js';

const unit = (keyFrame) => ({ data: Uint8Array.of(1), codec: 'vp9', keyFrame });

/** Give the drop reasons of a stream whose second unit is made before its connection is lost. */
async function dropsOf(policy) {
  const servers = new FakeServers();
  servers.codecs = ['jpeg', 'vp9'];
  async function* units() {
    yield unit(true);
    while (servers.committed === 0 || stream.inFlight > 0) await new Promise(setImmediate);
    servers.latest.lose(1006);
    yield unit(false);
    yield unit(stream.needsKeyFrame);
  }
  const stream = streamOf(servers, units(), { policy, everyFrame: true });
  const reasons = [];
  for await (const { frameIndex, dropReason } of stream) reasons[frameIndex] = dropReason;
  return reasons;
}

test('a unit of before a loss is left out where the next decoder begins anew', async () => {
  assert.deepEqual(await dropsOf('latest'), [null, 'lost', null]);
});

test('it is sent where the units are sent again on which it builds', async () => {
  assert.deepEqual(await dropsOf('lossless'), [null, null, null]);
});
