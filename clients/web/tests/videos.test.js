import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Http } from '../maskstream_web/client/http.js';
import { RefusedError, VideoEndedError, Videos } from '../maskstream_web/client/index.js';
import { ConnectionFailedError } from '../maskstream_web/client/index.js';

const QUICK = { firstDelayMs: 1, maxDelayMs: 2, giveUpAfterMs: 30_000, deadAfterMs: 100 };
const UPLOAD = '/v1/uploads/u1';
const MIB = 1 << 20;

/** A server with one upload and one video; `fault` may answer, or break off, in its place. */
class FakeServer {
  received = [];
  requests = [];
  fault = () => undefined;

  get size() {
    return this.received.reduce((sum, part) => sum + part.length, 0);
  }

  fetch = async (address, init) => {
    const { pathname, search } = new URL(address);
    const request = { method: 'GET', ...init, path: pathname + search };
    this.requests.push(request);
    const fault = await this.fault(request, this);
    if (fault instanceof Error) throw fault;
    const response = fault ?? (await this.#answer(request));
    Object.defineProperty(response, 'url', { value: String(address) });
    return response;
  };

  async #answer({ method, path, body, headers }) {
    const offset = () => ({ headers: { 'Upload-Offset': String(this.size) } });
    if (method === 'POST' && path === '/v1/uploads') {
      this.received = [];
      return new Response(null, { status: 201, headers: { Location: UPLOAD } });
    }
    if (method === 'HEAD') return new Response(null, offset());
    if (method === 'PATCH') {
      if (Number(headers.get('Upload-Offset')) !== this.size)
        return new Response(null, { status: 409 });
      this.received.push(new Uint8Array(await body.arrayBuffer()));
      return new Response(null, { status: 204, ...offset() });
    }
    if (method === 'DELETE') return Response.json({ id: 'v1', state: 'cancelled' });
    return Response.json({ id: 'v1', name: 'clip.mp4', state: 'queued' }, { status: 202 });
  }
}

const videosOf = (server, apiKey = null) =>
  new Videos(new Http('http://server/', apiKey, server.fetch), QUICK);
const file = new Blob([Uint8Array.from({ length: 5 * MIB + 7 }, (_, place) => place % 251)]);
const isFile = async (server) =>
  Buffer.compare(Buffer.concat(server.received), Buffer.from(await file.arrayBuffer())) === 0;

async function collect(items) {
  const all = [];
  for await (const item of items) all.push(item);
  return all;
}

test('a file is uploaded in parts with progress, and asked for with its options', async () => {
  const server = new FakeServer();
  const seen = [];
  const options = { artifacts: ['ytvis.json'] };
  const progress = (done, total) => seen.push([done / MIB, total]);
  const video = await videosOf(server, 'key').upload(file, { name: 'clip.mp4', options, progress });
  assert.equal(video.id, 'v1');
  assert.ok(await isFile(server));
  assert.deepEqual(
    seen.map(([done]) => Math.floor(done)),
    [0, 2, 4, 5],
  );
  const submitted = server.requests.at(-1);
  assert.deepEqual(JSON.parse(submitted.body), { upload: 'u1', options });
  assert.match(submitted.headers.get('Idempotency-Key'), /^[0-9a-f]{32}$/);
  assert.ok(server.requests.every(({ headers }) => headers.get('Authorization') === 'Bearer key'));
});

test('an upload continues at the byte that the server has, whatever breaks off', async () => {
  const server = new FakeServer();
  let count = 0;
  server.fault = async ({ method, body }) => {
    if (method !== 'PATCH') return undefined;
    count += 1;
    if (count === 1) return new TypeError('network');
    if (count === 2) return new Response(null, { status: 503 });
    if (count === 3) {
      // Half of a part has arrived before the connection broke.
      server.received.push(new Uint8Array(await body.slice(0, MIB).arrayBuffer()));
      return new TypeError('network');
    }
    return undefined;
  };
  await videosOf(server).upload(file);
  assert.ok(await isFile(server));
});

test('an upload of an earlier page is continued, and one that is gone begun anew', async () => {
  const server = new FakeServer();
  server.received = [new Uint8Array(await file.slice(0, MIB).arrayBuffer())];
  const resume = { key: 'k', upload: `http://server${UPLOAD}` };
  await videosOf(server).upload(file, { resume });
  assert.ok(await isFile(server));
  assert.equal(server.requests[0].method, 'HEAD');
  assert.equal(server.requests.at(-1).headers.get('Idempotency-Key'), 'k');
  const forgetful = new FakeServer();
  let isGone = true;
  forgetful.fault = ({ method }) => {
    if (method !== 'HEAD' || !isGone) return undefined;
    isGone = false;
    return Response.json({ detail: 'Gone.' }, { status: 410 });
  };
  await videosOf(forgetful).upload(file, { resume });
  assert.ok(await isFile(forgetful));
});

test('no server, and a refusal, are errors with a sentence and are not repeated', async () => {
  const server = new FakeServer();
  server.fault = () => new TypeError('network');
  await assert.rejects(videosOf(server).upload(file), ConnectionFailedError);
  server.fault = () => Response.json({ detail: 'Too large.', code: 'too_large' }, { status: 413 });
  await assert.rejects(videosOf(server).upload(file), (error) => {
    return (
      error instanceof RefusedError && error.code === 'too_large' && error.message === 'Too large.'
    );
  });
  assert.equal(server.requests.length, 2);
});

test('a server that takes no bytes is given up', async () => {
  const server = new FakeServer();
  server.fault = ({ method }) =>
    method === 'PATCH' ? new Response(null, { headers: { 'Upload-Offset': '0' } }) : undefined;
  const videos = new Videos(new Http('http://server/', null, server.fetch), {
    ...QUICK,
    giveUpAfterMs: 30,
  });
  await assert.rejects(videos.upload(file), /takes no more bytes/);
});

test('a video is followed over broken connections, from the last event on', async () => {
  const server = new FakeServer();
  const parts = [
    'id: 1\ndata: {"id": "v1", "state": "queued"}\n\n: alive\n\nid: 2\nda',
    'id: 2\r\ndata: {"id": "v1",\r\ndata: "state": "done"}\r\n\r\n',
  ];
  server.fault = ({ path }) => (path.endsWith('/events') ? new Response(parts.shift()) : undefined);
  const states = (await collect(videosOf(server).follow('v1'))).map(({ state }) => state);
  assert.deepEqual(states, ['queued', 'done']);
  assert.equal(server.requests.at(-1).headers.get('Last-Event-ID'), '1');
});

test('results are read while they come, and a failed video says why at their end', async () => {
  const server = new FakeServer();
  const states = ['running', 'failed'];
  const lines = ['{"frame": 0}\n{"frame": 1}\n{"fra', '{"frame": 2}\n'];
  server.fault = ({ path }) => {
    if (path.includes('/results')) return new Response(lines.shift());
    const state = states.shift();
    return Response.json({ id: 'v1', name: 'clip.mp4', state, reason: 'It broke.' });
  };
  const frames = [];
  const reading = (async () => {
    for await (const { frame } of videosOf(server).results('v1')) frames.push(frame);
  })();
  await assert.rejects(
    reading,
    (error) => error instanceof VideoEndedError && /It broke/.test(error.message),
  );
  assert.deepEqual(frames, [0, 1, 2]);
  assert.ok(server.requests.some(({ path }) => path.endsWith('after=1')));
});

test('lists have all pages, names are escaped, and deleting ends the work first', async () => {
  const server = new FakeServer();
  server.fault = ({ path, method }) => {
    if (method !== 'GET') return undefined;
    const isSecond = path.includes('before=b%261');
    return Response.json({
      videos: [{ id: isSecond ? 'v2' : 'v1' }],
      next: isSecond ? null : 'b&1',
    });
  };
  const videos = videosOf(server);
  assert.deepEqual(
    (await collect(videos.list())).map(({ id }) => id),
    ['v1', 'v2'],
  );
  await videos.remove('a/b');
  assert.deepEqual(
    server.requests.slice(-2).map(({ path }) => path),
    ['/v1/videos/a%2Fb', '/v1/videos/a%2Fb'],
  );
  assert.equal(
    videos.artifactUrl('v1', 'overlay.mp4'),
    'http://server/v1/videos/v1/artifacts/overlay.mp4',
  );
});

test('the key goes to its own server alone', async () => {
  const server = new FakeServer();
  const http = new Http('http://server/', 'secret', server.fetch);
  await http.request('http://other/x');
  assert.equal(server.requests[0].headers.has('Authorization'), false);
});
