// Tables and wrapped text.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renderTable, wrap } from '#dist/cli/table.js';

describe('renderTable', () => {
  it('aligns columns, and puts short headings next to them', () => {
    const columns = [
      { title: 'engine', align: 'left' as const },
      { title: 'p50\nµs', align: 'right' as const },
    ];
    assert.deepEqual(
      renderTable(columns, [
        ['io_uring', '3.12'],
        ['node', '120'],
      ]),
      [
        '           p50', //
        'engine      µs',
        'io_uring  3.12',
        'node       120',
      ],
    );
  });

  it('gives escape sequences no width', () => {
    const columns = [
      { title: 'a', align: 'right' as const },
      { title: 'b', align: 'left' as const },
    ];
    const [, line] = renderTable(columns, [['\u001b[32m1\u001b[39m', 'x']]);
    assert.equal(line, '\u001b[32m1\u001b[39m  x');
  });

  it('takes a missing cell for an empty one', () => {
    const columns = [
      { title: 'a', align: 'left' as const },
      { title: 'b', align: 'left' as const },
    ];
    assert.deepEqual(renderTable(columns, [['1']]), ['a  b', '1']);
  });
});

describe('wrap', () => {
  it('breaks at blanks and never within a word', () => {
    assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
    assert.deepEqual(wrap('incomprehensibilities', 7), ['incomprehensibilities']);
    assert.deepEqual(wrap('', 7), []);
  });

  it('indents all lines but the first', () => {
    assert.deepEqual(wrap('one two three', 9, '  '), ['one two', '  three']);
  });
});
