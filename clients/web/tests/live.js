/**
 * What a test in Python has a client do with a real server: `node live.js URL WHAT ARGUMENTS`.
 * Prints one line of JSON.
 */

import { openAsBlob } from 'node:fs';

import { hasEnded, lineCrop, MaskstreamClient } from '../maskstream_web/client/index.js';

const [url, what, ...rest] = process.argv.slice(2);
const client = new MaskstreamClient(url, { apiKey: process.env.MASKSTREAM_API_KEY });

async function video(path) {
  const seen = { progress: [], states: [], frames: [] };
  const options = { artifacts: ['ytvis.json'] };
  const progress = (done, total) => seen.progress.push([done, total]);
  const made = await client.videos.upload(await openAsBlob(path), {
    name: 'a & b.mp4',
    options,
    progress,
  });
  for await (const each of client.videos.follow(made.id)) seen.states.push(each.state);
  for await (const line of client.videos.results(made.id)) {
    const areas = line.objects.map((each) => [
      each.area,
      lineCrop(each).data.reduce((a, b) => a + b),
    ]);
    seen.frames.push([line.frame, areas]);
  }
  const { name } = await client.videos.get(made.id);
  const artifact = JSON.parse(await (await client.videos.artifact(made.id, 'ytvis.json')).text());
  const listed = [];
  for await (const each of client.videos.list()) listed.push([each.id === made.id, hasEnded(each)]);
  await client.videos.remove(made.id);
  const status = await client.videos.get(made.id).catch((error) => error.status);
  return { ...seen, name, tracks: artifact.length, listed, status };
}

/** Streams grey pictures and watches itself from the first result on. */
async function watch(count) {
  const [width, height] = [48, 32];
  const data = new Uint8Array(3 * width * height).fill(90);
  let isWatched = false;
  async function* pictures() {
    for (let index = 0; index < Number(count); index += 1) {
      yield { data, codec: 'rgb24', width, height, ptsUs: 40_000 * index };
      while (index === 2 && !isWatched) await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  const stream = client.stream(pictures());
  const streamed = [];
  const watched = [];
  let watching;
  for await (const result of stream) {
    streamed.push([result.frameIndex, result.ptsUs, result.tracks[0].id, result.tracks[0].label]);
    watching ??= (async () => {
      const viewer = client.watch(stream.session);
      viewer.addEventListener('state', ({ detail }) => (isWatched ||= detail.state === 'open'));
      for await (const each of viewer) watched.push([each.frameIndex, each.tracks[0].id]);
    })();
  }
  await watching;
  const models = (await client.models()).map(({ name }) => name);
  return { streamed, watched, models, sessions: (await client.sessions()).length };
}

console.log(JSON.stringify(await { video, watch }[what](...rest)));
