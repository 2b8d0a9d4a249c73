/** The worker of `MaskDecoder`: takes the bytes of a RESULT, gives its masks as buffers. */

import { decodePixels } from './decoding.js';

/** @import { Answer } from './decoding.js' */

self.onmessage = async ({ data: { id, bytes } }) => {
  /** @type {Answer} */
  let answer;
  try {
    answer = { id, crops: await decodePixels(bytes) };
  } catch (error) {
    answer = { id, error: error instanceof Error ? error.message : String(error) };
  }
  const crops = 'crops' in answer ? answer.crops : [];
  self.postMessage(answer, { transfer: crops.map((crop) => crop.data.buffer) });
};
