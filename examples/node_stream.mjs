// Streams the JPEG files of a folder, in the order of their names, and prints what is seen on each.
//   node examples/node_stream.mjs ws://127.0.0.1:8000 FOLDER
// Several addresses that share a store, separated by commas, let the stream outlive a server.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

// In a project of your own: import { MaskstreamClient } from '@maskstream/client';
import { MaskstreamClient } from '../clients/web/maskstream_web/client/index.js';

const [urls, folder] = process.argv.slice(2);
if (!folder) {
  console.error('Usage: node examples/node_stream.mjs URL[,URL] FOLDER');
  process.exit(2);
}
const FRAME_US = 40_000; // 25 pictures a second

async function* pictures() {
  const names = (await readdir(folder)).filter((name) => /\.jpe?g$/i.test(name)).sort();
  if (names.length === 0) throw new Error(`There is no JPEG file in ${folder}.`);
  for (const [index, name] of names.entries()) {
    yield { data: await readFile(path.join(folder, name)), ptsUs: index * FRAME_US };
  }
}

const client = new MaskstreamClient(urls, { apiKey: process.env.MASKSTREAM_API_KEY });
const stream = client.stream(pictures(), { maskScale: 0.5 });
stream.addEventListener('state', ({ detail }) => {
  if (detail.state === 'waiting') console.error(`${detail.reason} Trying again.`);
});
try {
  for await (const result of stream) {
    const tracks = result.visible.filter((track) => track.score >= stream.showMin);
    const shown = tracks.map(({ id, label, score }) => `${label} #${id} ${score.toFixed(2)}`);
    console.log(`${result.frameIndex}: ${shown.join(', ') || 'nothing'}`);
  }
} catch (error) {
  console.error(`Error: ${error.message}`);
  process.exitCode = 1;
}
