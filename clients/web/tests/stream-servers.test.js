import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ConnectionFailedError, RefusedError, WireError } from '../maskstream_web/client/index.js';
import { FakeServers } from './fake-server.js';
import { QUICK, collect, picture, pictures, streamOf } from './streams.js';

test('a server that refuses, and no server, are errors with a sentence', async () => {
  const servers = new FakeServers();
  servers.refuses = { code: 'bad_hello', message: 'No such class.' };
  await assert.rejects(collect(streamOf(servers, [])), (error) => {
    return (
      error instanceof WireError && error.code === 'bad_hello' && error.message === 'No such class.'
    );
  });
  servers.refuses = 'connections';
  await assert.rejects(collect(streamOf(servers, [])), ConnectionFailedError);
});

test('a server that warms up is asked again when it says', async () => {
  const servers = new FakeServers();
  const full = { code: 'server_full', message: 'It warms up.', retry_after_ms: 5, close: 1013 };
  servers.refuses = full;
  setTimeout(() => (servers.refuses = null), 30);
  const { results, events } = await collect(streamOf(servers, pictures(2)), 'notice');
  assert.equal(results.length, 2);
  assert.deepEqual(events, []);
});

test('each connection has a ticket of its own, and the key is in no address', async () => {
  const servers = new FakeServers();
  servers.onFrame = (sequence, socket) => {
    if (sequence !== 2 || servers.connections.length > 1) return false;
    socket.lose(1012);
    return true;
  };
  await collect(streamOf(servers, pictures(3), {}, 'ws://a', { apiKey: 'secret' }));
  const offered = servers.connections.map(({ protocols }) => protocols[1]);
  assert.equal(new Set(offered).size, 2);
  assert.ok(offered.every((each) => /^maskstream\.ticket\.t\d+$/.test(each)));
  assert.ok(servers.connections.every(({ url }) => !url.includes('secret')));
  const asked = servers.requests.filter(({ address }) => address.endsWith('/v1/tickets'));
  assert.ok(asked.every(({ headers }) => headers.get('Authorization') === 'Bearer secret'));
});

test('a ticket that fails once is asked for again, one that is refused ends the stream', async () => {
  const servers = new FakeServers();
  servers.onFrame = (sequence, socket) => {
    if (sequence !== 2 || servers.connections.length > 1) return false;
    socket.lose(1012);
    return true;
  };
  const answers = ['a', new TypeError('fetch failed'), 'b'];
  const ticket = async () => {
    const answer = answers.shift();
    if (typeof answer !== 'string') throw answer;
    return answer;
  };
  const { results } = await collect(streamOf(servers, pictures(3), {}, 'ws://a', { ticket }));
  assert.equal(results.length, 3);
  const refused = new RefusedError('No such key.', 401);
  const refusing = { ticket: async () => Promise.reject(refused) };
  await assert.rejects(
    collect(streamOf(servers, [], {}, 'ws://a,ws://b', refusing)),
    /No such key/,
  );
});

test('a server that gives no sign of life is given up, a silent one that answers is not', async () => {
  const retry = { ...QUICK, deadAfterMs: 20 };
  const silent = (async function* () {
    yield picture(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    yield picture(2);
  })();
  const living = new FakeServers();
  await collect(streamOf(living, silent, { retry }));
  assert.ok(living.latest.pings > 0);
  const dead = new FakeServers();
  dead.onFrame = (sequence, socket) => {
    socket.isMute = sequence === 2 && dead.connections.length === 1;
    return socket.isMute;
  };
  const { results } = await collect(streamOf(dead, pictures(4), { retry }));
  assert.deepEqual(
    results.map((each) => each.sequence),
    [1, 2, 3, 4],
  );
  assert.ok(dead.connections.length > 1);
});
