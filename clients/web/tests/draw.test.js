import assert from 'node:assert/strict';
import { test } from 'node:test';

import { trackColor } from '../maskstream_web/client/index.js';

test('a track has one colour, and neighbours have others', () => {
  assert.deepEqual(trackColor(7), trackColor(7));
  const colors = new Set(Array.from({ length: 30 }, (_, id) => trackColor(id + 1).join()));
  assert.equal(colors.size, 30);
});
