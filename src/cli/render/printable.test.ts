import assert from 'node:assert/strict';
import { it } from 'node:test';
import { printable } from './printable.ts';

it('lets text through, and no command to the terminal', () => {
  assert.equal(printable('käse\t✗ 東京\n'), 'käse\t✗ 東京\n');
  for (const command of ['\x1b[1A', '\x1b]52;c;aGk=\x07', '\x9b2J', '\r', '\x08', '\x7f', '\u202e', '\u2066']) {
    const shown = printable(`a${command}b`);
    assert.ok(shown.startsWith('a\u{FFFD}') && shown.endsWith('b'), JSON.stringify(shown));
    assert.doesNotMatch(shown, /\p{Cc}|\p{Bidi_Control}/u);
  }
});
