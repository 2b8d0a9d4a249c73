import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeServers } from './fake-server.js';
import { camera, collect, picture, pictures, streamOf } from './streams.js';

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
