// Reading a report back: what is refused and why.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DocumentError, nameOf, parseDocument, readDocument } from '#dist/cli/bench/document.js';
import { documentOf } from '../support/bench-document.js';
import { temporaryDirectory } from '../support/temp.js';

const DOCUMENT = documentOf([{ engine: 'io_uring', depth: 1, iops: [1, 2, 3] }]);

const refused = (message: RegExp, text: string) => {
  assert.throws(
    () => parseDocument(text, 'r.json'),
    (error) => {
      assert.ok(error instanceof DocumentError, String(error));
      assert.match(error.message, message);
      return true;
    },
  );
};

/** The document as text with one value replaced, or left out: `jobs/0/read/iops`. */
const changed = (path: string, value?: unknown): string => {
  const copy: object = structuredClone(DOCUMENT);
  const keys = path.split('/');
  const last = keys.pop()!;
  const parent = keys.reduce<Record<string, unknown>>(
    (object, key) => object[key] as Record<string, unknown>,
    copy as Record<string, unknown>,
  );
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return JSON.stringify(copy);
};

describe('readDocument', () => {
  it('throws for files that cannot be read', (t) => {
    assert.throws(() => readDocument('/nowhere/r.json'), /^DocumentError: \/nowhere\/r\.json: ENOENT/);
    assert.throws(() => readDocument(temporaryDirectory(t)), /^DocumentError: .*: EISDIR/);
  });

  it('throws for what is no report, saying how to make one', () => {
    refused(/^r\.json is not JSON \(.*\); make one with: aio bench --output-format json/, '');
    refused(/^r\.json is not JSON/, '{"linux-aio version": "1.0');
    for (const text of ['null', '[]', '1', '"text"', '{}', '{"jobs": []}']) {
      refused(/^r\.json is not a report of aio bench; make one with/, text);
    }
    refused(/^r\.json is a report of fio/, '{"fio version": "fio-3.33", "jobs": []}');
  });

  it('throws for a report that lacks what is used, naming it', () => {
    refused(/was made by another version \(1\.2\.3\): environment is missing$/, changed('environment'));
    refused(/: jobs is no list$/, changed('jobs', {}));
    refused(/: jobs\[0\]\.read\.iops is no number$/, changed('jobs/0/read/iops', 'many'));
    refused(/: jobs\[0\]\.job options\.bs is missing$/, changed('jobs/0/job options/bs'));
    refused(/: jobs\[0\] is no object$/, changed('jobs/0', null));
    refused(/: jobs\[0\]\.cpu_us_per_op is no number or null$/, changed('jobs/0/cpu_us_per_op', 'x'));
    refused(/rounds\.p99\[1\] is no number or null$/, changed('jobs/0/read/clat_ns_rounds/p99/1', ''));
  });

  it('takes what was written', () => {
    assert.deepEqual(parseDocument(JSON.stringify(DOCUMENT), 'r.json'), DOCUMENT);
  });
});

describe('nameOf', () => {
  it('is the name without engine and depth, even where it contains such', () => {
    assert.equal(nameOf(DOCUMENT.jobs[0]), 'randread');
    const [job] = documentOf([{ engine: 'node', depth: 1, iops: [1], name: 'my-node-1' }]).jobs;
    assert.equal(nameOf(job), 'my-node-1');
  });
});
