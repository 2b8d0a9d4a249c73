/** Lines and server-sent events of a response, as they come. */

import { ConnectionFailedError } from './errors.js';

/** Of one line: far more than any that a server sends. */
const MAX_CHARACTERS = 64 << 20;

/**
 * The lines of a response; what has no line end at the end was cut off and is left out.
 * @param {Response} response
 * @returns {AsyncGenerator<string, void, void>}
 * @throws {ConnectionFailedError} the connection broke off, or a line has no end
 */
export async function* linesOf(response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      const lines = (rest + part.value).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_CHARACTERS) throw new RangeError('A line is too long.');
      yield* lines;
    }
  } catch (cause) {
    throw new ConnectionFailedError('The connection was lost.', { cause });
  } finally {
    await reader?.cancel().catch(() => {});
  }
}

/**
 * The events of a response of the type `text/event-stream` that have data.
 * @param {Response} response
 * @returns {AsyncGenerator<{ id: string, data: string }, void, void>}
 */
export async function* eventsOf(response) {
  let id = '';
  let data = '';
  for await (const whole of linesOf(response)) {
    const line = whole.replace(/\r$/, '');
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === 'id') id = value;
    else if (field === 'data') data += (data && '\n') + value;
    else if (line === '' && data !== '') {
      yield { id, data };
      data = '';
    }
  }
}
