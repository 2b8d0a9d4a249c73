/**
 * Lets tests in Python use the client's core: a JSON object with a `call` on each line of the
 * standard input, its answer on a line of the output. Bytes travel in base64.
 */

import { createInterface } from 'node:readline';

import { trackColor } from '../maskstream_web/client/draw.js';
import { settingsOf } from '../maskstream_web/client/options.js';
import { parseResult } from '../maskstream_web/client/results.js';
import { Result } from '../maskstream_web/client/result.js';
import { ClientSession } from '../maskstream_web/client/session.js';

const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'base64'));
const textOf = (bytes) => Buffer.from(bytes).toString('base64');

let session;

const calls = {
  begin: ({ options, maxKeptBytes }) => {
    session = new ClientSession(settingsOf(options), maxKeptBytes);
  },
  push: ({ frame }) => session.push({ ...frame, payload: bytesOf(frame.payload) }),
  request: ({ request }) => session.request(request),
  opened: () => session.connectionOpened(),
  lost: () => session.connectionLost(),
  outgoing: () =>
    [...session.outgoing()].map((each) =>
      typeof each === 'string' ? { text: each } : { bytes: textOf(each) },
    ),
  receive: ({ text, bytes }) =>
    session.receive(text ?? bytesOf(bytes)).map(({ message, welcome, error, ...event }) => {
      return { ...event, ...(error && { code: error.code, fatal: error.fatal }) };
    }),
  state: () => ({ name: session.name, numInFlight: session.numInFlight }),
  masks: async ({ bytes }) => {
    const message = parseResult(bytesOf(bytes));
    const { tracks } = new Result({ frameIndex: 0, message, classes: new Map() });
    return Promise.all(tracks.map(async (track) => textOf(await track.mask())));
  },
  colors: ({ count }) => Array.from({ length: count }, (_, id) => trackColor(id)),
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const answer = (await calls[request.call](request)) ?? null;
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
