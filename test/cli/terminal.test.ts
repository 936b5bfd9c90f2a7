// When colour is written, and when not.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { painterFor, wantsColour } from '#dist/cli/terminal.js';

describe('wantsColour', () => {
  it('is false in a pipe, whatever the environment says', () => {
    assert.equal(wantsColour({}, { TERM: 'xterm-256color' }), false);
    assert.equal(wantsColour({ isTTY: false }, { FORCE_COLOR: '1' }), false);
  });

  it('is false where NO_COLOR is set and not empty', () => {
    assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: '1' }), false);
    assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: '' }), true);
  });

  it('is false on a dumb terminal', () => {
    assert.equal(wantsColour({ isTTY: true }, { TERM: 'dumb' }), false);
  });
});

describe('painterFor', () => {
  it('leaves text as it is where colour is not wanted', () => {
    assert.equal(painterFor({}, {})('red', 'text'), 'text');
  });

  it('paints on a terminal', () => {
    assert.equal(painterFor({ isTTY: true }, {})('red', 'text'), '\u001b[31mtext\u001b[39m');
  });
});
