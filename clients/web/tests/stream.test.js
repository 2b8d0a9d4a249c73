import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  ConnectionFailedError,
  MaskstreamClient,
  RefusedError,
  WireError,
} from '../maskstream_web/client/index.js';
import { FakeServers } from './fake-server.js';

const QUICK = { firstDelayMs: 1, maxDelayMs: 2, giveUpAfterMs: 30_000, deadAfterMs: 60_000 };
const picture = (ptsUs) => ({ data: Uint8Array.of(ptsUs), ptsUs });

function* pictures(count) {
  for (let number = 0; number < count; number += 1) yield picture(number);
}

/** A source that never ends, as a camera's; `stops` says whether it was ended. */
function camera() {
  let number = 0;
  const iterator = {
    stops: 0,
    next: async () => ({ done: false, value: picture((number += 1) % 250) }),
    return: async () => ({ done: true, value: void (iterator.stops += 1) }),
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

function streamOf(servers, source, options = {}, urls = 'ws://a', clientOptions = {}) {
  const { WebSocket, fetch } = servers;
  const client = new MaskstreamClient(urls, { WebSocket, fetch, ...clientOptions });
  return client.stream(source, { retry: QUICK, ...options });
}

async function collect(stream, type = 'drop') {
  const seen = { results: [], events: [], states: [] };
  stream.addEventListener('state', ({ detail }) => seen.states.push(detail.state));
  stream.addEventListener(type, ({ detail }) => seen.events.push(detail));
  for await (const each of stream) seen.results.push(each);
  return seen;
}

test('every picture has its result in order, beside the picture itself', async () => {
  const servers = new FakeServers();
  const all = [...pictures(20)];
  const { results, states } = await collect(streamOf(servers, all));
  assert.deepEqual(
    results.map((each) => each.frameIndex),
    all.map((_, index) => index),
  );
  assert.ok(results.every((each, index) => each.frame === all[index]));
  assert.deepEqual(states, ['connecting', 'open', 'closed']);
  assert.equal(servers.latest.texts.at(-1).type, 'bye');
});

test('a Blob is a picture, too', async () => {
  const servers = new FakeServers();
  const { results } = await collect(streamOf(servers, [{ data: new Blob([Uint8Array.of(1)]) }]));
  assert.equal(results.length, 1);
});

test('a lost connection continues on the next server and loses nothing', async () => {
  const servers = new FakeServers();
  const cuts = [4, 9];
  servers.onFrame = (sequence, socket) => {
    if (sequence !== cuts[0]) return false;
    cuts.shift();
    socket.lose(1006);
    return true;
  };
  const { results, states } = await collect(streamOf(servers, pictures(15), {}, 'ws://a,ws://b'));
  assert.deepEqual(
    results.map((each) => each.sequence),
    Array.from({ length: 15 }, (_, n) => n + 1),
  );
  assert.deepEqual(
    servers.connections.map(({ url }) => new URL(url).host),
    ['a', 'b', 'a'],
  );
  assert.deepEqual(servers.latest.texts[0].resume, { token: 'token1', last_sequence: 8 });
  assert.equal(states.filter((state) => state === 'waiting').length, 2);
});

test('a drop comes as an event, or with everyFrame as a result in its place', async () => {
  for (const everyFrame of [false, true]) {
    const servers = new FakeServers();
    servers.onFrame = (sequence, socket) => {
      if (sequence !== 2) return false;
      socket.tell({ type: 'drop', first: 2, last: 2, reason: 'undecodable' });
      socket.tell({ type: 'credit', frames: 1, bytes: 33, durable_sequence: 1 });
      return true;
    };
    const { results, events } = await collect(streamOf(servers, pictures(4), { everyFrame }));
    assert.deepEqual(events, [{ frameIndex: 1, reason: 'undecodable' }]);
    const reasons = results.map((each) => each.dropReason);
    assert.deepEqual(reasons, everyFrame ? [null, 'undecodable', null, null] : [null, null, null]);
  }
});

test('no more pictures are taken ahead than are to be in flight', async () => {
  const servers = new FakeServers();
  let taken = 0;
  const source = (function* () {
    for (const each of pictures(30)) {
      taken += 1;
      yield each;
    }
  })();
  let read = 0;
  for await (const result of streamOf(servers, source, { maxInFlight: 2 })) {
    assert.ok(taken - read <= 6, `${taken} taken, ${read} read`);
    read = result.frameIndex + 1;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.equal(read, 30);
});

test('a loop that is left ends the session and the source', async () => {
  const servers = new FakeServers();
  const source = camera();
  const stream = streamOf(servers, source);
  for await (const result of stream) if (result.frameIndex === 3) break;
  assert.equal(stream.state, 'closed');
  assert.equal(servers.latest.texts.at(-1).type, 'bye');
  assert.equal(source.stops, 1);
});

test('a stream that is closed gives what is left, also where its source is silent', async () => {
  const servers = new FakeServers();
  const silent = (async function* () {
    yield picture(1);
    await new Promise(() => {});
  })();
  const stream = streamOf(servers, silent);
  let count = 0;
  for await (const _ of stream) {
    count += 1;
    stream.close();
  }
  assert.equal(count, 1);
  assert.equal(servers.latest.texts.at(-1).type, 'bye');
});

test('an aborted stream throws the reason and leaves its session to be resumed', async () => {
  const servers = new FakeServers();
  const controller = new AbortController();
  const stream = streamOf(servers, camera(), { signal: controller.signal });
  const reading = (async () => {
    for await (const result of stream)
      if (result.frameIndex === 2) controller.abort(new Error('stop'));
  })();
  await assert.rejects(reading, /stop/);
  assert.ok(servers.latest.texts.every((each) => each.type !== 'bye'));
  assert.equal(stream.resumeToken, 'token1');
  await assert.rejects(
    async () => collect(streamOf(servers, [], { signal: controller.signal })),
    /stop/,
  );
});

test('an error of the source, and no picture, are the errors of the stream', async () => {
  const broken = (function* () {
    yield picture(1);
    throw new Error('no camera');
  })();
  await assert.rejects(collect(streamOf(new FakeServers(), broken)), /no camera/);
  const wrong = [{ data: 'text' }, { data: Uint8Array.of(1), codec: 'bmp' }];
  wrong.push({ data: Uint8Array.of(1), codec: 'rgb24', width: 2, height: 2 });
  for (const each of wrong) {
    const named = (error) => error instanceof TypeError || error instanceof RangeError;
    await assert.rejects(collect(streamOf(new FakeServers(), [each])), named);
  }
});

test('a picture that the server would only drop is refused with a sentence', async () => {
  const large = { data: new Uint8Array(20_000) };
  await assert.rejects(collect(streamOf(new FakeServers(), [large])), /20032 bytes is over/);
});

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

test('flush and reset wait for their answers; requests of a closed stream fail', async () => {
  const servers = new FakeServers();
  const resets = [];
  const stream = streamOf(servers, camera());
  stream.addEventListener('reset', ({ detail }) => resets.push(detail));
  let first = null;
  for await (const result of stream) {
    if (result.frameIndex === 1) {
      await stream.flush();
      await stream.reset();
    }
    if (result.epoch === 2) {
      first = result;
      break;
    }
  }
  assert.deepEqual(resets, [{ epoch: 2, reason: 'client' }]);
  assert.deepEqual(first.reset, { epoch: 2, reason: 'client' });
  await assert.rejects(stream.flush(), /closed/);
});

test('classes have names, and a stream gives its results once', async () => {
  const servers = new FakeServers();
  const stream = streamOf(servers, pictures(1));
  await collect(stream);
  assert.equal(stream.classes.get(0).name, 'car');
  assert.equal(stream.showMin, 0.4);
  await assert.rejects(collect(stream), /once/);
});

test('options that no server takes are refused at once', () => {
  const servers = new FakeServers();
  const wrong = [{ maxInFlight: 0 }, { classes: 'car' }, { prompts: [] }, { prompts: [' '] }];
  wrong.push({ prompts: ['x'.repeat(257)] }, { retry: { deadAfterMs: -1 } });
  for (const options of wrong) assert.throws(() => streamOf(servers, [], options), Error);
});
