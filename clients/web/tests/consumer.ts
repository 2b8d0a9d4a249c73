// A program in TypeScript that uses the package as npm packs it: its types are what the README says.

import {
  MaskDecoder,
  MaskstreamClient,
  type Picture,
  type StreamOptions,
} from '@maskstream/client';

const client = new MaskstreamClient('ws://127.0.0.1:8000', { apiKey: 'key' });
const options: StreamOptions = { policy: 'latest', masks: 'rle', signal: AbortSignal.timeout(1) };

async function* pictures(): AsyncGenerator<Picture> {
  yield { data: new Uint8Array(1), ptsUs: 0 };
}

const stream = client.stream(pictures(), options);
stream.addEventListener('drop', ({ detail }) => {
  const reason: 'superseded' | 'undecodable' | 'internal' | 'lost' = detail.reason;
  console.log(detail.frameIndex, reason);
});
// @ts-expect-error a drop has no such field
stream.addEventListener('drop', ({ detail }) => detail.state);

const decoder = new MaskDecoder();
for await (const result of stream) {
  const { tracks } = await decoder.decode(result);
  for (const { id, label, status, pixels } of tracks) {
    const seen: boolean = status === 'emerged' || status === 'tracked';
    const data: Uint8Array | undefined = pixels?.data;
    console.log(id.toFixed(), label.trim(), seen, data);
  }
  // @ts-expect-error there is no such field
  console.log(result.nothing);
}

for await (const video of client.videos.list()) console.log(video.id, video.state);
export const session: string | null = stream.session;
